/** Ends a proposed dialect that nobody completed: its change, and the keys made for it. The repository goes on. */
import type { Queries } from '@vidimus/database';
import type { Call } from '../../service.ts';
import { appendEvents } from '../audit/append-events.ts';
import type { ManagedKeys } from '../keys/managed-keys.ts';
import { type ChangeRow, closeChange } from '../store/changes.ts';
import type { RepositoryRow } from '../store/repositories.ts';

/** The caller holds the lock of `row`, and goes on with the returned one. */
export async function endProposal(
  parts: { readonly keys: ManagedKeys; readonly newId: () => string },
  tx: Queries,
  row: RepositoryRow,
  change: ChangeRow,
  state: 'rejected' | 'expired' | 'stale',
  call: Pick<Call, 'actor' | 'requestId'>,
  nowMs: number,
): Promise<RepositoryRow> {
  await closeChange(tx, change.id, { state });
  const settings = { ...row.settings };
  for (const { dialect } of change.documents) {
    // A root that follows another one was proposed with the keys that there are.
    if (row.dialects.includes(dialect)) continue;
    const made = await parts.keys.held(tx, row, dialect);
    settings.managed = settings.managed.filter((keyId) => !made.has(keyId));
    await parts.keys.retire(tx, row, nowMs, dialect);
  }
  const action = state === 'rejected' ? 'change.reject' : 'change.expire';
  const event = { action, actor: call.actor, requestId: call.requestId, result: 'done' as const };
  const moved = await appendEvents(parts, tx, row, [{ ...event, change: change.id }], nowMs, { settings });
  return { ...moved, settings };
}
