/** Ends a creation that nobody completed: its change, its place and the keys made for it. */
import type { Queries } from '@vidimus/database';
import type { Call } from '../../service.ts';
import { appendEvents } from '../audit/append-events.ts';
import type { ManagedKeys } from '../keys/managed-keys.ts';
import { type ChangeRow, closeChange } from '../store/changes.ts';
import type { RepositoryRow } from '../store/repositories.ts';

/** The caller holds the lock of `row`. */
export async function endPending(
  parts: { readonly keys: ManagedKeys; readonly newId: () => string },
  tx: Queries,
  row: RepositoryRow,
  change: ChangeRow | undefined,
  state: 'rejected' | 'expired' | 'stale',
  call: Pick<Call, 'actor' | 'requestId'>,
  nowMs: number,
): Promise<void> {
  const action = state === 'rejected' ? 'change.reject' : 'change.expire';
  const event = { action, actor: call.actor, requestId: call.requestId, result: 'done' as const };
  if (change !== undefined) await closeChange(tx, change.id, { state });
  await parts.keys.retire(tx, row, nowMs);
  await appendEvents(parts, tx, row, change === undefined ? [] : [{ ...event, change: change.id }], nowMs, {
    endedAtMs: nowMs,
  });
}
