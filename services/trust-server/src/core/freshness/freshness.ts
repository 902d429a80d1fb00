/**
 * Keeps signed files fresh: what is past half-life is signed again, by whichever replica gets the row lock, never
 * the same version twice. Nothing is renewed under an expired parent; an expired file is served as it is.
 */
import { isDeepStrictEqual } from 'node:util';
import type { JsonObject } from '@vidimus/canonical-json';
import { type Database, type Queries, trustHeads, trustRepositories } from '@vidimus/database';
import type { DialectName } from '@vidimus/tuf';
import { and, asc, eq, gt, isNotNull, isNull, lte } from 'drizzle-orm';
import { appendEvents } from '../audit/append-events.ts';
import type { EventDraft } from '../audit/event-chain.ts';
import { expireChange } from '../changes/sign-change.ts';
import type { ManagedKeys } from '../keys/managed-keys.ts';
import type { StateReader } from '../notary/stored-state.ts';
import type { DocumentReader } from '../publish/current-documents.ts';
import { type DialectPart, type Published, publish } from '../publish/publication.ts';
import { readDueChanges } from '../store/changes.ts';
import { lastEventOf } from '../store/events.ts';
import { headsIn, readHeads, scheduleHeads } from '../store/metadata.ts';
import { type RepositoryRow, tryLockLive } from '../store/repositories.ts';
import { planManaged } from './plan-managed.ts';
import { planMirrored } from './plan-mirrored.ts';
import { planServed } from './plan-served.ts';
import { byService, type RenewalPlan } from './renewal-plan.ts';

const repositoriesPerScan = 100;
/** A role that cannot be renewed now is looked at again after this. */
const blockedPauseMs = 3_600_000;
const changesPerTick = 1_000;

export interface FreshnessParts {
  readonly database: Database;
  readonly reader: DocumentReader;
  readonly keys: ManagedKeys;
  readonly states: StateReader;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly newId: () => string;
  readonly onPublished: (row: RepositoryRow, published: Published) => void;
  readonly observer?: FreshnessObserver;
  /** What is looked at now and then besides. */
  readonly upkeep?: { readonly tick: () => Promise<void> };
}

/** Hears what a metric counts and a log tells; may not throw. */
export interface FreshnessObserver {
  readonly renewed?: (repository: string, roles: readonly string[]) => void;
  /** A parent has expired: these roles go on ageing. */
  readonly blocked?: (repository: string, roles: readonly string[]) => void;
  /** Files that their own clients let expire; they are served as they are. */
  readonly expired?: (repository: string, roles: readonly string[]) => void;
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

interface Renewal {
  readonly row: RepositoryRow;
  readonly published: Published;
  readonly roles: readonly string[];
  readonly plans: readonly RenewalPlan[];
}

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
      await parts.upkeep?.tick();
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
    for (const plan of done.plans) {
      plan.committed?.(done.published);
      if (plan.expired !== undefined) parts.observer?.expired?.(repository, plan.expired);
    }
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
  // Restored, and not known how far it had come: what it signs next may have been signed before.
  if (row === undefined || row.settings.restored !== undefined) return undefined;
  const nowMs = parts.now();
  const heads = await readHeads(tx, row);
  const plans: RenewalPlan[] = [];
  for (const dialect of row.dialects) {
    const roles = headsIn(heads, dialect);
    const due = [...roles.values()].filter(
      (head) => (head.resignAfterMs ?? Number.POSITIVE_INFINITY) <= nowMs,
    );
    if (due.length === 0) continue;
    const place = { row, dialect, heads: roles, due, nowMs };
    const plan = planOf(row, dialect);
    plans.push(await plan(parts, tx, place));
  }
  const kept = await tellBlocked(parts, tx, row, plans, nowMs);
  const renewed = plans.filter(({ roles }) => roles.length > 0);
  if (renewed.length === 0) return undefined;
  const published = await publishRenewal(parts, tx, kept, renewed);
  return { row: kept, published, roles: renewed.flatMap(toNames), plans: renewed };
}

function planOf({ settings }: RepositoryRow, dialect: DialectName): typeof planMirrored {
  if (settings.origin === 'notary' && dialect === 'notary') return planServed;
  return settings.mirrored === true ? planMirrored : planManaged;
}

const action = 'role.blocked';

/** Said once for each state of the parents, however often it is looked at. */
async function tellBlocked(
  parts: FreshnessParts,
  tx: Queries,
  row: RepositoryRow,
  plans: readonly RenewalPlan[],
  nowMs: number,
): Promise<RepositoryRow> {
  const blocked = plans.filter((plan) => plan.blocked.length > 0);
  if (blocked.length === 0) return row;
  for (const { dialect, blocked: roles } of blocked) {
    await scheduleHeads(tx, row, dialect, roles, nowMs + blockedPauseMs);
  }
  const names = blocked.flatMap(({ dialect, blocked: roles }) => toNames({ dialect, roles }));
  parts.observer?.blocked?.(row.repository, names);
  const after: JsonObject = Object.assign({}, ...blocked.map(({ parents }) => parents), {
    roles: [...names].sort(),
  });
  const last = await lastEventOf(tx, row, action);
  if (last !== undefined && isDeepStrictEqual(last.event.after, after)) return row;
  const event: EventDraft = { ...byService, action, result: 'refused', after };
  return await appendEvents(parts, tx, row, [event], nowMs);
}

async function publishRenewal(
  parts: FreshnessParts,
  tx: Queries,
  row: RepositoryRow,
  plans: readonly RenewalPlan[],
): Promise<Published> {
  const { managed } = row.settings;
  const signerOf = await parts.keys.signers(tx, row, managed);
  const made: DialectPart[] = [];
  for (const plan of plans) made.push(await plan.toPart(signerOf));
  return await publish(tx, {
    at: row,
    managed: new Set(managed),
    signerOf,
    parts: made,
    // Renewals say nothing new; a new root is worth an auditor's time, and that a client let its file expire.
    events: (versions) => [
      ...(made.some(({ root }) => root !== undefined)
        ? [{ ...byService, action: 'root.renew', result: 'done' as const, versions }]
        : []),
      ...plans.flatMap(({ events = [] }) => events),
    ],
    newId: parts.newId,
  });
}

/** Roles of the dialect whose names clients of the API know go without it. */
function toNames({ dialect, roles }: Pick<RenewalPlan, 'dialect' | 'roles'>): readonly string[] {
  return dialect === 'tuf' ? roles : roles.map((role) => `${dialect}:${role}`);
}
