/**
 * `DELETE …/_trust`: ends an incarnation, at once or, where another person must agree, as a change without documents.
 * Its roots stay served; a later one goes on above its versions.
 */
import type { Database, Queries } from '@vidimus/database';
import type { Call } from '../../service.ts';
import type { ApprovalRules } from '../approvals/approval-rules.ts';
import { appendEvents } from '../audit/append-events.ts';
import { printTime, toWholeSecond } from '../instants.ts';
import type { ManagedKeys } from '../keys/managed-keys.ts';
import { announce } from '../publish/announce.ts';
import { assertBaseOf } from '../publish/assert-base.ts';
import { assertActive } from '../publish/publisher.ts';
import { assertVersionsKnown } from '../recovery/uncertain.ts';
import { appendChange } from '../store/changefeed.ts';
import { type ChangeRow, closeChange, insertChange, readOpenChanges } from '../store/changes.ts';
import { lockLive, type RepositoryRow } from '../store/repositories.ts';
import { stateOf } from './change-answer.ts';
import { changeExpiry } from './proposed-root.ts';

export interface EndParts {
  readonly database: Database;
  readonly keys: ManagedKeys;
  readonly approvals: ApprovalRules;
  readonly now: () => number;
  readonly newId: () => string;
}

export type Ending =
  | { readonly outcome: 'ended'; readonly row: RepositoryRow; readonly endedAtMs: number }
  /** It waits for approval. */
  | { readonly outcome: 'change'; readonly change: ChangeRow };

/** @throws TrustError REPOSITORY_UNKNOWN, VERSION_CONFLICT */
export async function endRepository(parts: EndParts, call: Call, repository: string): Promise<Ending> {
  return await parts.database.transaction(async (tx) => {
    const row = assertActive(repository, await lockLive(tx, repository));
    // What it had published is not known: a later incarnation could not go on above it.
    assertVersionsKnown(repository, row.settings);
    const nowMs = parts.now();
    await assertBaseOf(tx, row, call.ifMatch);
    const approvals = parts.approvals.needed(repository, ['delete']);
    if (approvals > 0)
      return { outcome: 'change', change: await proposeEnd(parts, tx, row, call, approvals, nowMs) };
    if (call.dryRun !== true) await end(parts, tx, row, call, undefined, nowMs);
    return { outcome: 'ended', row, endedAtMs: nowMs };
  });
}

/** The caller holds the lock of `row`, and has seen that the change is approved. */
export async function completeEnd(
  parts: EndParts,
  tx: Queries,
  row: RepositoryRow,
  change: ChangeRow,
  call: Pick<Call, 'actor' | 'requestId'>,
  nowMs: number,
): Promise<{ readonly change: ChangeRow; readonly ended: RepositoryRow }> {
  await closeChange(tx, change.id, { state: 'published', versions: {} });
  await end(parts, tx, row, call, change.id, nowMs);
  return { change: { ...change, state: 'published', published: {} }, ended: row };
}

/** The same again answers with the change that waits. */
async function proposeEnd(
  parts: EndParts,
  tx: Queries,
  row: RepositoryRow,
  call: Call,
  approvals: number,
  nowMs: number,
): Promise<ChangeRow> {
  const open = (await readOpenChanges(tx, row)).find(({ kind }) => kind === 'end');
  if (open !== undefined && stateOf(open, nowMs) === 'open') return open;
  const { repository, incarnation, tagCount } = row;
  const issuedMs = toWholeSecond(nowMs);
  const change: ChangeRow = {
    id: parts.newId(),
    repository,
    incarnation,
    state: 'open',
    kind: 'end',
    edit: { method: 'DELETE', path: `/v2/${repository}/_trust`, body: null },
    times: { issued: printTime(issuedMs), expires: {} },
    documents: [],
    summary: `end the repository with its ${tagCount} tags`,
    diff: [{ role: 'root', what: 'repository', before: `incarnation ${incarnation}` }],
    base: {},
    insteadOf: [],
    createdBy: call.actor,
    createdAtMs: issuedMs,
    expiresAtMs: changeExpiry(nowMs, Number.POSITIVE_INFINITY),
    approvals,
    signatures: [],
  };
  if (call.dryRun === true) return change;
  await insertChange(tx, change);
  const { actor, requestId } = call;
  const after = { kind: change.kind, summary: change.summary };
  const event = {
    action: 'change.open',
    actor,
    requestId,
    result: 'done' as const,
    change: change.id,
    after,
  };
  await appendEvents(parts, tx, row, [event], nowMs);
  return change;
}

async function end(
  parts: EndParts,
  tx: Queries,
  row: RepositoryRow,
  { actor, requestId }: Pick<Call, 'actor' | 'requestId'>,
  change: string | undefined,
  endedAtMs: number,
): Promise<void> {
  for (const { id } of await readOpenChanges(tx, row)) await closeChange(tx, id, { state: 'stale' });
  await parts.keys.retire(tx, row, endedAtMs);
  const event = {
    action: 'repository.end',
    actor,
    requestId,
    result: 'done' as const,
    before: { incarnation: row.incarnation, tags: row.tagCount },
    ...(change === undefined ? {} : { change }),
  };
  await appendEvents(parts, tx, row, [event], endedAtMs, { endedAtMs });
  await announce(tx, { ...row, versions: {} });
  if (row.dialects.includes('notary')) {
    const deletion = { createdAtMs: endedAtMs, version: 0, sha256: '', category: 'deletion' } as const;
    await appendChange(tx, { ...deletion, repository: row.repository });
  }
}
