/**
 * `Idempotency-Key` (CONTRACTS C2): a repeated request gets the first one's answer instead of a second
 * effect. Authorisation has been asked again before we get here; answers that failed are not kept.
 */
import { TrustError } from '../service.ts';
import type { PrintedAnswer } from './answer.ts';
import type { Log } from './log.ts';

/** Keys of different callers, methods and paths never meet. */
export interface IdempotencyScope {
  readonly caller: string;
  readonly method: string;
  /** As routed, without the query. */
  readonly path: string;
  readonly key: string;
}

export type IdempotencyBeginning =
  /** The request is ours to do; `finish` or `abandon` must follow. */
  | { readonly state: 'begun' }
  /** The same request is being worked on. */
  | { readonly state: 'inProgress' }
  /** The key was used for another request. */
  | { readonly state: 'otherRequest' }
  | { readonly state: 'answered'; readonly answer: PrintedAnswer };

export interface IdempotencyStore {
  /** Takes the key or says why not; atomic between replicas. `requestHash`: hex SHA-256. */
  begin(scope: IdempotencyScope, requestHash: string): Promise<IdempotencyBeginning>;
  finish(scope: IdempotencyScope, answer: PrintedAnswer): Promise<void>;
  /** Gives the key back: nothing happened. */
  abandon(scope: IdempotencyScope): Promise<void>;
}

/**
 * Does the work once per key.
 * @param toKept - the answer without what must not be kept
 * @throws TrustError IDEMPOTENCY_CONFLICT, and what the work throws
 */
export async function answerOnce(
  parts: { readonly store: IdempotencyStore; readonly log: Log },
  scope: IdempotencyScope,
  requestHash: string,
  work: () => Promise<PrintedAnswer>,
  toKept: (answer: PrintedAnswer) => PrintedAnswer = (answer) => answer,
): Promise<PrintedAnswer> {
  const beginning = await parts.store.begin(scope, requestHash);
  if (beginning.state === 'answered') return beginning.answer;
  if (beginning.state === 'inProgress') {
    throw new TrustError('IDEMPOTENCY_CONFLICT', 'a request with this Idempotency-Key is in progress', {
      inProgress: true,
    });
  }
  if (beginning.state === 'otherRequest') {
    throw new TrustError('IDEMPOTENCY_CONFLICT', 'this Idempotency-Key was used for another request');
  }
  let answer: PrintedAnswer;
  try {
    answer = await work();
  } catch (error) {
    await quietly(parts.log, () => parts.store.abandon(scope));
    throw error;
  }
  // The edit stands whether or not its answer could be kept: the caller must hear of it.
  await quietly(parts.log, () => parts.store.finish(scope, toKept(answer)));
  return answer;
}

async function quietly(log: Log, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    log.warn({ err: error }, 'an Idempotency-Key could not be settled');
  }
}
