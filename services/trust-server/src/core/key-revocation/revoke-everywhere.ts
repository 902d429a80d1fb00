/** `POST /v2/_trust/keys/<id>/revocation`: a job over every repository that lists a key. */
import { type Database, lockUntilCommit, type Queries } from '@vidimus/database';
import { z } from 'zod';
import type { Reach } from '../../key-service.ts';
import { type FleetImpact, type RevokeKey, revokeKeySchema } from '../../schemas/index.ts';
import { type Call, TrustError } from '../../service.ts';
import { appendServiceEvents } from '../audit/append-service-events.ts';
import type { EditParts } from '../edits/edit-plan.ts';
import { type ItemOutcome, insertJob, type JobItem, type JobRow, readRunning } from '../jobs/job-rows.ts';
import type { ItemDone, JobWork } from '../jobs/run-jobs.ts';
import { insertRevokedKey } from '../keys-index/key-rows.ts';
import type { Published } from '../publish/publication.ts';
import { assertActive } from '../publish/publisher.ts';
import { lockLive, type RepositoryRow } from '../store/repositories.ts';
import { findPlaces, fleetImpact } from './fleet-impact.ts';
import { revokeIn } from './revoke-key.ts';

const requestSchema = z.strictObject({
  material: z.string(),
  keyId: z.string(),
  body: revokeKeySchema,
});

export interface EverywhereParts extends EditParts {
  readonly database: Database;
}

export type Everywhere = { readonly job: JobRow } | { readonly impact: FleetImpact };

/** @throws TrustError KEY_UNKNOWN, KEY_INVALID, IMPACT_CHANGED, CHANGE_CONFLICT */
export async function revokeEverywhere(
  parts: EverywhereParts,
  call: Call,
  id: string,
  body: RevokeKey,
  reach: Reach,
): Promise<Everywhere> {
  const { database } = parts;
  const { keyId, material, repositories } = await findPlaces(database.db, id);
  assertSeen(id, repositories, reach);
  const running = await findRunning(database.db, material);
  if (running !== undefined) return { job: assertSame(running, body, call) };
  const impact = await fleetImpact(database.db, id, body, reach.mayAccess, parts.now());
  assertReplaceable(impact, body);
  const { expect } = body;
  if (expect !== undefined && expect.break !== impact.repositories.break) {
    throw new TrustError(
      'IMPACT_CHANGED',
      'the revocation would do something else now: look at its impact again',
      {
        impact: { ...impact, items: impact.items.slice(0, 100) },
      },
    );
  }
  if (call.dryRun === true) return { impact };
  return await database.transaction(async (tx) => {
    await lockUntilCommit(tx, `trust_jobs.key ${material}`);
    const other = await findRunning(tx, material);
    if (other !== undefined) return { job: assertSame(other, body, call) };
    // With the lock held: a repository that lists it since is among them.
    const { repositories } = await findPlaces(tx, material);
    const job = await begin(parts, tx, call, { material, keyId, body }, repositories, reach);
    return { job };
  });
}

/** Whether a key is being revoked, too, is not for those who see none of its places. @throws TrustError KEY_UNKNOWN */
function assertSeen(id: string, repositories: readonly string[], { mayAccess }: Reach): void {
  if (repositories.some(mayAccess)) return;
  throw new TrustError('KEY_UNKNOWN', `no role of any repository lists key ${id}`, { keyId: id });
}

/** The key that everything would be replaced by must be one. @throws TrustError KEY_INVALID */
function assertReplaceable({ items }: FleetImpact, { replacement }: RevokeKey): void {
  if (replacement?.custody !== 'client' || items.some(({ roles }) => roles.length > 0)) return;
  throw new TrustError('KEY_INVALID', 'the replacement can take the place of the key in no repository', {});
}

async function begin(
  parts: EverywhereParts,
  tx: Queries,
  call: Call,
  request: z.infer<typeof requestSchema>,
  repositories: readonly string[],
  { mayAccess, mayAccessAll }: Reach,
): Promise<JobRow> {
  const { material, keyId, body } = request;
  const nowMs = parts.now();
  const job: JobRow = {
    id: parts.newId(),
    kind: 'key-revocation',
    state: 'running',
    request,
    actor: call.actor,
    requestId: call.requestId,
    createdAtMs: nowMs,
  };
  const denied: ItemOutcome = {
    state: 'refused',
    code: 'DENIED',
    message: 'whoever asked may not act on this repository',
  };
  const items = repositories.map(
    (repository): JobItem => (mayAccess(repository) ? { repository } : { repository, outcome: denied }),
  );
  await insertJob(tx, job, items);
  // What holds everywhere is for those who may act everywhere.
  if (mayAccessAll) {
    await insertRevokedKey(tx, parts.newId(), {
      material,
      reason: body.reason,
      ...(body.compromisedSince === undefined
        ? {}
        : { compromisedSinceMs: Date.parse(body.compromisedSince) }),
      revokedAtMs: nowMs,
      actor: call.actor,
    });
  }
  const event = { actor: call.actor, requestId: call.requestId, result: 'done' as const };
  const told = { keyId, material, reason: body.reason, job: job.id };
  const events = [
    { ...event, action: 'key.revoke.fleet', after: told },
    { ...event, action: 'job.start', after: { job: job.id, kind: job.kind, total: items.length } },
  ];
  await appendServiceEvents(parts, tx, events, nowMs);
  return job;
}

async function findRunning(queries: Queries, material: string): Promise<JobRow | undefined> {
  const jobs = await readRunning(queries, 'key-revocation');
  return jobs.find(({ request }) => requestSchema.safeParse(request).data?.material === material);
}

/**
 * A job reaches as far as whoever began it: for somebody else it would leave repositories out, or reach too far.
 * @throws TrustError CHANGE_CONFLICT for another request about the same key
 */
function assertSame(job: JobRow, body: RevokeKey, { actor }: Call): JobRow {
  const asked = requestSchema.parse(job.request).body;
  const plain = ({ expect: _, ...rest }: RevokeKey): string => JSON.stringify(Object.entries(rest).sort());
  if (job.actor === actor && plain(asked) === plain(body)) return job;
  throw new TrustError('CHANGE_CONFLICT', `job ${job.id} is revoking this key already`, { job: job.id });
}

/** The work of such a job on one repository. */
export function revocationWork(
  parts: EverywhereParts,
  onPublished: (row: RepositoryRow, published: Published) => void,
): JobWork {
  return async (tx, job, repository): Promise<ItemDone> => {
    const { material, body } = requestSchema.parse(job.request);
    const row = assertActive(repository, await lockLive(tx, repository));
    const call: Call = { actor: job.actor, requestId: job.requestId };
    const { expect: _, ...asked } = body;
    try {
      const { outcome, published } = await revokeIn(parts, tx, row, call, material, asked, 'job');
      const committed = (): void => {
        for (const each of published) onPublished(each.row, each.published);
      };
      if (outcome.outcome === 'change') return { outcome: { state: 'change', change: outcome.change.id } };
      const { published: versions, openChange } = outcome.body;
      const change = openChange === undefined ? {} : { change: openChange };
      return { outcome: { state: 'published', versions, ...change }, committed };
    } catch (error) {
      // Somebody took it out meanwhile. Nothing was written yet.
      if (error instanceof TrustError && error.code === 'KEY_UNKNOWN')
        return { outcome: { state: 'nothing' } };
      throw error;
    }
  };
}
