/** The hash chain of events, against the head that a timestamp signed. */
import { EMPTY_LOG_HASH, hashLogged } from '@vidimus/tuf';
import { TrustClientError } from '../errors.ts';
import type { LoggedEvent } from './logged-event.ts';

/** `x-vidimus-log` of a timestamp. */
export interface LogHead {
  readonly size: number;
  readonly hash: string;
}

/** The part of a log that was looked at. */
export interface VerifiedLog {
  /** Places of the first and the last event; 0 and 0 of an empty log. */
  readonly first: number;
  readonly last: number;
  /** The last place that the timestamp's signature covers: what comes after it rests on the server's word. */
  readonly signedTo: number;
}

/**
 * Recomputes the chain and holds it against the signed head.
 * @param events of one incarnation in ascending order; it may begin late, never end before the head
 * @throws TrustClientError AUDIT_TAMPERED
 */
export function verifyLog(events: readonly LoggedEvent[], head: LogHead, repository: string): VerifiedLog {
  const [first] = events;
  for (const [index, event] of events.entries()) assertContinues(event, events[index - 1], repository);
  const last = events.at(-1)?.seq ?? 0;
  if (first?.seq === 1 && first.prevHash !== EMPTY_LOG_HASH) {
    throw tampered('the first event of the log continues another one', { seq: 1 });
  }
  assertOnChain(events, head, 'the timestamp');
  return { first: first?.seq ?? 0, last, signedTo: head.size };
}

/**
 * Tells that an older head lies on the chain: the log only grew since.
 * @param whose for the error, as in "the timestamp that was kept"
 * @returns false where the events given begin after it, so that nothing can be said
 * @throws TrustClientError AUDIT_TAMPERED
 */
export function assertOnChain(events: readonly LoggedEvent[], head: LogHead, whose: string): boolean {
  const first = events[0]?.seq ?? 1;
  const last = events.at(-1)?.seq ?? 0;
  if (head.size > last) {
    throw tampered(`the log ends before the event that ${whose} signed: it was truncated`, {
      last,
      signed: head.size,
    });
  }
  if (head.size < first - 1) return false;
  const found =
    head.size === first - 1 ? (events[0]?.prevHash ?? EMPTY_LOG_HASH) : events[head.size - first]?.hash;
  if (found === head.hash) return true;
  throw tampered(`the log is not the one that ${whose} signed: it was rewritten`, { signed: head.size });
}

function assertContinues(event: LoggedEvent, before: LoggedEvent | undefined, repository: string): void {
  const { seq } = event;
  if (event.repository !== repository) throw tampered('an event is of another repository', { seq });
  if (hashOf(event) !== event.hash)
    throw tampered(`event ${seq} was changed: its hash is another one`, { seq });
  if (before === undefined) return;
  const follows =
    seq === before.seq + 1 && event.prevHash === before.hash && event.incarnation === before.incarnation;
  if (!follows)
    throw tampered(`event ${seq} does not follow ${before.seq}: events were taken out or moved`, { seq });
}

/** What has no canonical form was never hashed by a server of ours. */
function hashOf({ prevHash, raw }: LoggedEvent): string | undefined {
  try {
    return hashLogged(prevHash, raw);
  } catch (error) {
    if (error instanceof Error && error.name === 'CanonicalJsonError') return undefined;
    throw error;
  }
}

export function tampered(
  message: string,
  detail: Readonly<Record<string, string | number>> = {},
): TrustClientError {
  return new TrustClientError('AUDIT_TAMPERED', message, {
    detail,
    hint: 'keep what you have, and ask whoever runs the server: this is no fault of the network',
  });
}
