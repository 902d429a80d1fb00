/** Events that no publish carries: a change was opened, signed or rejected, a role could not be renewed. */
import type { Queries } from '@vidimus/database';
import { printTime, toWholeSecond } from '../instants.ts';
import { insertEvents } from '../store/events.ts';
import { moveRepository, type RepositoryMove, type RepositoryRow } from '../store/repositories.ts';
import { chainEvents, type EventDraft } from './event-chain.ts';

/**
 * Appends to a repository's log and moves its row; returns the row as it is now. The caller holds its lock and
 * goes on with the returned row: the head of the log has moved.
 */
export async function appendEvents(
  parts: { readonly newId: () => string },
  tx: Queries,
  row: RepositoryRow,
  drafts: readonly EventDraft[],
  nowMs: number,
  move: Omit<RepositoryMove, 'log'> = {},
): Promise<RepositoryRow> {
  const atMs = toWholeSecond(nowMs);
  const place = { repository: row.repository, at: printTime(atMs), newId: parts.newId };
  const { events, head } = chainEvents(row.log, drafts, place);
  await insertEvents(tx, row, events, atMs);
  await moveRepository(tx, row, { ...move, log: head });
  return { ...row, log: head };
}
