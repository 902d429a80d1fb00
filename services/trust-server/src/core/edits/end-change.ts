/** Ends a change that was not published, whatever it proposed: the keys made for it are never used. */
import type { Queries } from '@vidimus/database';
import type { Call } from '../../service.ts';
import { appendEvents } from '../audit/append-events.ts';
import { endPending } from '../changes/end-pending.ts';
import { endProposal } from '../dialect-changes/end-proposal.ts';
import { type ChangeRow, closeChange } from '../store/changes.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import type { EditParts } from './edit-plan.ts';
import { parsePlan } from './stored-plan.ts';

export type DeadState = 'rejected' | 'expired' | 'stale';

const actions: Readonly<Record<DeadState, string>> = {
  rejected: 'change.reject',
  expired: 'change.expire',
  stale: 'change.stale',
};

/** The caller holds the lock of `row`, and goes on with the returned one. */
export async function endChange(
  parts: Pick<EditParts, 'keys' | 'newId'>,
  tx: Queries,
  row: RepositoryRow,
  change: ChangeRow,
  state: DeadState,
  call: Pick<Call, 'actor' | 'requestId'>,
  nowMs: number,
): Promise<RepositoryRow> {
  if (change.kind === 'create') {
    await endPending(parts, tx, row, change, state, call, nowMs);
    return row;
  }
  if (change.kind === 'dialects') return await endProposal(parts, tx, row, change, state, call, nowMs);
  await closeChange(tx, change.id, { state });
  const made = new Set(parsePlan(change.plan)?.made);
  const managed = row.settings.managed.filter((keyId) => !made.has(keyId));
  const settings = { ...row.settings, managed };
  await parts.keys.retireKeys(tx, row, nowMs, [...made]);
  const event = {
    action: actions[state],
    actor: call.actor,
    requestId: call.requestId,
    result: 'done' as const,
    change: change.id,
  };
  const moved = await appendEvents(parts, tx, row, [event], nowMs, { settings });
  return { ...moved, settings };
}
