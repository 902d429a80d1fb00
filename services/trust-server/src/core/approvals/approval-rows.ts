/** Rows of `trust_change_approvals`. Whoever writes here holds the lock of the repository's row. */
import { type Queries, trustChangeApprovals } from '@vidimus/database';
import { asc, inArray } from 'drizzle-orm';

export interface Approval {
  readonly actor: string;
  readonly atMs: number;
}

/** By change, oldest first. */
export async function readApprovals(
  queries: Queries,
  changes: readonly string[],
): Promise<ReadonlyMap<string, readonly Approval[]>> {
  if (changes.length === 0) return new Map();
  const rows = await queries
    .select({
      change: trustChangeApprovals.change,
      actor: trustChangeApprovals.actor,
      at: trustChangeApprovals.at,
    })
    .from(trustChangeApprovals)
    .where(inArray(trustChangeApprovals.change, [...changes]))
    .orderBy(asc(trustChangeApprovals.at), asc(trustChangeApprovals.actor));
  const approvals = new Map<string, Approval[]>();
  for (const { change, actor, at } of rows) {
    const known = approvals.get(change) ?? [];
    known.push({ actor, atMs: at.getTime() });
    approvals.set(change, known);
  }
  return approvals;
}

export async function insertApproval(tx: Queries, change: string, { actor, atMs }: Approval): Promise<void> {
  await tx.insert(trustChangeApprovals).values({ change, actor, at: new Date(atMs) });
}
