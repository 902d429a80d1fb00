/**
 * Keeps signed files fresh: what is past half-life is signed again, by whichever replica gets the row lock, never
 * the same version twice. Nothing is renewed under an expired parent; an expired file is served as it is.
 */
import { isDeepStrictEqual } from 'node:util';
import type { JsonObject } from '@vidimus/canonical-json';
import { type Database, type Queries, trustHeads, trustRepositories } from '@vidimus/database';
import {
  BINS_ROLE,
  type Draft,
  type EditTerms,
  nextRevocations,
  nextRoot,
  nextTargets,
  REVOCATIONS_ROLE,
  type Targets,
} from '@vidimus/tuf';
import { and, asc, eq, gt, isNotNull, isNull, lte } from 'drizzle-orm';
import { appendEvents } from '../audit/append-events.ts';
import type { EventDraft } from '../audit/event-chain.ts';
import { expireChange } from '../changes/sign-change.ts';
import type { ManagedKeys } from '../keys/managed-keys.ts';
import {
  type CurrentDocuments,
  type DocumentReader,
  headOf,
  readCurrent,
} from '../publish/current-documents.ts';
import { type Published, publish } from '../publish/publication.ts';
import { sealRoot } from '../publish/seal.ts';
import { readDueChanges } from '../store/changes.ts';
import { lastEventOf } from '../store/events.ts';
import { type Head, headsIn, type RoleHeads, readHeads, scheduleHeads } from '../store/metadata.ts';
import { type RepositoryRow, tryLockLive } from '../store/repositories.ts';

const repositoriesPerScan = 100;
/** A role that cannot be renewed now is looked at again after this. */
const blockedPauseMs = 3_600_000;
const changesPerTick = 1_000;

export interface FreshnessParts {
  readonly database: Database;
  readonly reader: DocumentReader;
  readonly keys: ManagedKeys;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly newId: () => string;
  readonly onPublished: (row: RepositoryRow, published: Published) => void;
  readonly observer?: FreshnessObserver;
}

/** Hears what a metric counts and a log tells; may not throw. */
export interface FreshnessObserver {
  readonly renewed?: (repository: string, roles: readonly string[]) => void;
  /** A parent has expired: these roles go on ageing. */
  readonly blocked?: (repository: string, roles: readonly string[]) => void;
  readonly failed?: (repository: string, error: unknown) => void;
}

/** How many repositories were renewed, found blocked, or failed. */
export interface TickResult {
  readonly renewed: number;
  readonly blocked: number;
  readonly failed: number;
}

export interface Freshness {
  /** Looks at everything that is due, once. @throws DatabaseError when the database cannot be asked at all */
  tick(): Promise<TickResult>;
}

type Renewal = {
  readonly row: RepositoryRow;
  readonly published: Published;
  readonly roles: readonly string[];
};

export function createFreshness(parts: FreshnessParts): Freshness {
  return {
    tick: async () => {
      const result = { renewed: 0, blocked: 0, failed: 0 };
      let after = '';
      for (;;) {
        const due = await readDue(parts.database.db, parts.now(), after);
        for (const repository of due) result[await renewOne(parts, repository)] += 1;
        const last = due.at(-1);
        if (last === undefined || due.length < repositoriesPerScan) break;
        after = last;
      }
      await expireChanges(parts);
      return result;
    },
  };
}

async function expireChanges(parts: FreshnessParts): Promise<void> {
  for (const { id, repository } of await readDueChanges(parts.database.db, parts.now(), changesPerTick)) {
    try {
      await expireChange(parts, repository, id);
    } catch (error) {
      parts.observer?.failed?.(repository, error);
    }
  }
}

/** One repository's trouble must not keep the others from being renewed. */
async function renewOne(
  parts: FreshnessParts,
  repository: string,
): Promise<'renewed' | 'blocked' | 'failed'> {
  try {
    const done = await parts.database.transaction((tx) => renew(parts, tx, repository));
    if (done === undefined) return 'blocked';
    parts.onPublished(done.row, done.published);
    parts.observer?.renewed?.(repository, done.roles);
    return 'renewed';
  } catch (error) {
    parts.observer?.failed?.(repository, error);
    return 'failed';
  }
}

/** Repositories with something due, in the order of their names. */
async function readDue(queries: Queries, nowMs: number, after: string): Promise<readonly string[]> {
  const rows = await queries
    .selectDistinct({ repository: trustHeads.repository })
    .from(trustHeads)
    .innerJoin(
      trustRepositories,
      and(
        eq(trustRepositories.repository, trustHeads.repository),
        eq(trustRepositories.incarnation, trustHeads.incarnation),
        isNull(trustRepositories.endedAt),
        isNotNull(trustRepositories.activatedAt),
      ),
    )
    .where(and(lte(trustHeads.resignAfter, new Date(nowMs)), gt(trustHeads.repository, after)))
    .orderBy(asc(trustHeads.repository))
    .limit(repositoriesPerScan);
  return rows.map(({ repository }) => repository);
}

async function renew(parts: FreshnessParts, tx: Queries, repository: string): Promise<Renewal | undefined> {
  // Somebody else publishes here now, and that renews the timestamp as well.
  const row = await tryLockLive(tx, repository);
  if (row === undefined) return undefined;
  const nowMs = parts.now();
  const heads = headsIn(await readHeads(tx, row), 'tuf');
  const due = [...heads.values()].filter((head) => (head.resignAfterMs ?? Number.POSITIVE_INFINITY) <= nowMs);
  if (due.length === 0) return undefined;
  const current = await readCurrent(parts.reader, tx, row, heads);
  const plan = planRenewal(parts.keys, current, heads, due, nowMs);
  const kept =
    plan.blocked.length === 0 ? row : await tellBlocked(parts, tx, row, current, plan.blocked, nowMs);
  if (plan.renewed.length === 0) return undefined;
  const published = await publishRenewal(parts, tx, kept, current, heads, plan.renewed, nowMs);
  return { row: kept, published, roles: plan.renewed };
}

interface RenewalPlan {
  readonly renewed: readonly string[];
  readonly blocked: readonly string[];
}

/** A role is renewed only if every document above it is valid, or renewed with it. */
function planRenewal(
  keys: ManagedKeys,
  { root, targets, bins }: CurrentDocuments,
  heads: RoleHeads,
  due: readonly Head[],
  nowMs: number,
): RenewalPlan {
  const wanted = new Set(due.map(({ role }) => role));
  if (wanted.has('root') && !keys.isAvailable('root')) wanted.delete('root');
  const lives = (role: string, expires: number): boolean => wanted.has(role) || expires > nowMs;
  const hasRoot = lives('root', root.expires);
  const hasTargets = hasRoot && lives('targets', targets.expires);
  const hasBins = hasTargets && lives(BINS_ROLE, bins?.expires ?? 0);
  const mayRenew = (role: string): boolean => {
    if (role === 'root') return wanted.has('root');
    if (role === 'targets' || role === 'snapshot' || role === 'timestamp') return hasRoot;
    if (targets.delegations?.roles.some(({ name }) => name === role)) return hasTargets;
    return hasBins;
  };
  const roles = due.map(({ role }) => role).filter((role) => heads.has(role));
  return { renewed: roles.filter(mayRenew), blocked: roles.filter((role) => !mayRenew(role)) };
}

const action = 'role.blocked';

/** Said once for each state of the parents, however often it is looked at. */
async function tellBlocked(
  parts: FreshnessParts,
  tx: Queries,
  row: RepositoryRow,
  { root, targets }: CurrentDocuments,
  blocked: readonly string[],
  nowMs: number,
): Promise<RepositoryRow> {
  await scheduleHeads(tx, row, 'tuf', blocked, nowMs + blockedPauseMs);
  parts.observer?.blocked?.(row.repository, blocked);
  const after: JsonObject = { root: root.version, targets: targets.version, roles: [...blocked].sort() };
  const last = await lastEventOf(tx, row, action);
  if (last !== undefined && isDeepStrictEqual(last.event.after, after)) return row;
  const event: EventDraft = {
    action,
    actor: 'service',
    requestId: 'freshness',
    result: 'refused',
    after,
  };
  return await appendEvents(parts, tx, row, [event], nowMs);
}

async function publishRenewal(
  parts: FreshnessParts,
  tx: Queries,
  row: RepositoryRow,
  current: CurrentDocuments,
  heads: RoleHeads,
  roles: readonly string[],
  nowMs: number,
): Promise<Published> {
  const terms: EditTerms = {
    repository: row.repository,
    nowMs,
    lifetimesMs: new Map(Object.entries(row.settings.lifetimesMs)),
    highest: new Map(Array.from(heads, ([role, head]) => [role, head.version])),
  };
  const signerOf = await parts.keys.signers(tx, row);
  const drafts = new Map<string, Draft<Targets>>();
  for (const role of roles) {
    if (role === 'root' || role === 'snapshot' || role === 'timestamp') continue;
    const document = await parts.reader.read(tx, row, 'targets', headOf(heads, role), current);
    const draft =
      role === REVOCATIONS_ROLE
        ? nextRevocations(document, {}, terms)
        : nextTargets(role, document, {}, terms);
    drafts.set(role, draft);
  }
  const sealing = { dialect: 'tuf' as const, repository: row.repository, nowMs, signerOf };
  const root = roles.includes('root')
    ? await sealRoot(sealing, nextRoot(current.root, {}, terms), current.root)
    : undefined;
  return await publish(tx, {
    at: row,
    managed: new Set(row.settings.managed),
    signerOf,
    parts: [
      {
        dialect: 'tuf',
        base: current,
        terms,
        ...(root === undefined ? {} : { root }),
        targets: drafts,
        renewSnapshot: roles.includes('snapshot'),
      },
    ],
    // Renewals say nothing new; only a new root is worth an auditor's time.
    events: (versions) =>
      root === undefined
        ? []
        : [{ action: 'root.renew', actor: 'service', requestId: 'freshness', result: 'done', versions }],
    newId: parts.newId,
  });
}
