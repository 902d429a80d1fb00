/**
 * What is looked at now and then, over all repositories: keys of online roles that are older than the operator wants,
 * and files that people must sign anew. Published where the service can, else a change, at most one a role.
 */
import type { Queries } from '@vidimus/database';
import { isBinName } from '../delegations/delegation-tree.ts';
import type { DialectParts } from '../dialect-changes/dialect-parts.ts';
import { carryOut } from '../edits/carry-out.ts';
import type { Carried, EditPlan } from '../edits/edit-plan.ts';
import type { Published } from '../publish/publication.ts';
import { type RepositoryRow, tryLockLive } from '../store/repositories.ts';
import { type DueRole, readDueRotations, readDueSignatures, type Scope } from './due-roles.ts';
import { planResign } from './plan-resign.ts';
import { planScheduled } from './plan-scheduled.ts';

/** How often it is looked at, at most. */
const pauseMs = 600_000;

/** Roles whose keys are replaced, and after how many milliseconds. */
export type RotationSchedule = ReadonlyMap<string, number>;

export interface UpkeepParts extends DialectParts {
  readonly schedule: RotationSchedule;
  readonly onPublished: (row: RepositoryRow, published: Published) => void;
  readonly onFailed?: (repository: string, error: unknown) => void;
}

export interface Upkeep {
  /** @throws DatabaseError when the database cannot be asked at all */
  tick(): Promise<void>;
}

export function createUpkeep(parts: UpkeepParts): Upkeep {
  let nextMs = Number.NEGATIVE_INFINITY;
  return {
    tick: async () => {
      const nowMs = parts.now();
      if (nowMs < nextMs) return;
      nextMs = nowMs + pauseMs;
      for (const [role, ageMs] of parts.schedule) await rotateDue(parts, role, ageMs);
      await proposeDue(parts);
    },
  };
}

async function rotateDue(parts: UpkeepParts, role: string, ageMs: number): Promise<void> {
  const read = (queries: Queries, scope: Scope) =>
    readDueRotations(queries, role, parts.now() - ageMs, parts.now(), scope);
  for (let after = ''; ; ) {
    const due = await read(parts.database.db, { after });
    for (const each of due) await carryOutDue(parts, each, read, planScheduled);
    const last = due.at(-1);
    if (last === undefined) return;
    after = last.repository;
  }
}

/** A bin is signed with targets. */
async function proposeDue(parts: UpkeepParts): Promise<void> {
  const read = (queries: Queries, scope: Scope) => readDueSignatures(queries, parts.now(), scope);
  for (const due of await read(parts.database.db, { after: '' })) {
    if (due.role !== 'bins' && !isBinName(due.role)) await carryOutDue(parts, due, read, planResign);
  }
}

type Planner = (
  parts: UpkeepParts,
  tx: Queries,
  row: RepositoryRow,
  role: string,
) => Promise<EditPlan | undefined>;

/** One repository's trouble must not keep the others waiting. */
async function carryOutDue(
  parts: UpkeepParts,
  { repository, role }: DueRole,
  stillDue: (queries: Queries, scope: Scope) => Promise<readonly DueRole[]>,
  planFor: Planner,
): Promise<void> {
  try {
    const carried = await parts.database.transaction(async (tx): Promise<Carried | undefined> => {
      const row = await tryLockLive(tx, repository);
      if (row === undefined) return undefined;
      // Another replica may have been here meanwhile.
      const due = await stillDue(tx, { repository });
      if (!due.some((each) => each.role === role)) return undefined;
      const plan = await planFor(parts, tx, row, role);
      return plan && (await carryOut(parts, tx, row, byService, plan));
    });
    if (carried?.outcome === 'published') parts.onPublished(carried.row, carried.published);
  } catch (error) {
    parts.onFailed?.(repository, error);
  }
}

const byService = { actor: 'service', requestId: 'upkeep' };
