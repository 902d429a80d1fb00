/** Carries out what has all its signatures and approvals; anything else stays as it is. */
import type { Queries } from '@vidimus/database';
import type { Call } from '../../service.ts';
import { completeEnd } from '../changes/end-repository.ts';
import { askFor, type ChangeParts, complete, type SignedChange } from '../changes/sign-change.ts';
import { endChange } from '../edits/end-change.ts';
import { isComplete } from '../edits/settle-change.ts';
import type { ChangeRow } from '../store/changes.ts';
import type { RepositoryRow } from '../store/repositories.ts';

/** The caller holds the lock of `row`. A change that turns out stale is ended, and answered as such. */
export async function completeChange(
  parts: ChangeParts,
  tx: Queries,
  row: RepositoryRow,
  change: ChangeRow,
  call: Call,
  nowMs: number,
): Promise<SignedChange> {
  const managed = new Set(row.settings.managed);
  if (!(await isComplete(tx, row, change))) return { change, managed };
  if (change.kind === 'end') {
    return { managed, ...(await completeEnd(parts, tx, row, change, call, nowMs)) };
  }
  const asked = await askFor(parts, tx, { row, change, call, nowMs });
  if (asked === undefined) {
    await endChange(parts, tx, row, change, 'stale', call, nowMs);
    return { change: { ...change, state: 'stale' }, managed };
  }
  return { managed, ...(await complete(parts, tx, row, change, asked, call, nowMs)) };
}
