/** The log of the service itself: tokens, jobs, keys of the service, calls that named no repository. */
import { lockUntilCommit, type Queries } from '@vidimus/database';
import { printTime, toWholeSecond } from '../instants.ts';
import { insertEvents, readServiceHead } from '../store/events.ts';
import { chainEvents, EMPTY_LOG, type EventDraft } from './event-chain.ts';

/** An event of no repository; such events form one chain of their own. */
const noRepository = { repository: null, incarnation: null } as const;

/**
 * Appends to the service's chain. Until the transaction ends no other does, so call it last in a transaction. No
 * timestamp signs the head of this chain: it shows a fault or a careless hand, not a server that lies.
 */
export async function appendServiceEvents(
  parts: { readonly newId: () => string },
  tx: Queries,
  drafts: readonly EventDraft[],
  nowMs: number,
): Promise<void> {
  if (drafts.length === 0) return;
  await lockUntilCommit(tx, 'trust_events:service');
  const head = (await readServiceHead(tx)) ?? EMPTY_LOG;
  const atMs = toWholeSecond(nowMs);
  const { events } = chainEvents(head, drafts, { repository: '', at: printTime(atMs), newId: parts.newId });
  await insertEvents(tx, noRepository, events, atMs);
}
