/**
 * The one way in for edits that the service signs alone. Per repository, intents wait in a queue; those found
 * waiting when the lock is taken are published together, one that finds nothing running starts at once.
 * Across replicas the row lock serialises. Signatures leave the process only after commit.
 */
import type { Database } from '@vidimus/database';
import { TufError } from '@vidimus/tuf';
import { TrustError, type TrustErrorCode } from '../../service.ts';
import { lockLive, type RepositoryRow } from '../store/repositories.ts';
import { toTrustError } from '../trust-errors.ts';
import type { IntentAnswer, IntentRequest, othersSign } from './intents.ts';
import type { Published } from './publication.ts';
import { type IntentParts, runIntents } from './run-intents.ts';

/** Intents of one publish, and the tags they name together. */
const maxJoined = 256;
const maxJoinedTags = 10_000;
/** Intents that may wait for one repository; more are told to come back. */
const maxWaiting = 4_096;
/** A deadlock is resolved by running again; nothing was published by the first run. */
const attempts = 3;

export interface PublisherParts extends IntentParts {
  readonly database: Database;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Told after each commit, before the callers are answered. */
  readonly onPublished: (row: RepositoryRow, published: Published) => void;
}

export interface Publisher {
  /** `othersSign`: nothing was done, since the service cannot sign the role alone. @throws TrustError */
  submit(repository: string, request: IntentRequest): Promise<IntentAnswer | typeof othersSign>;
  /** Resolves when no publish is running. */
  idle(): Promise<void>;
}

interface Waiting {
  readonly request: IntentRequest;
  readonly resolve: (answer: IntentAnswer | typeof othersSign) => void;
  readonly reject: (error: TrustError) => void;
}

/** Shared by all requests for one repository; only `run` takes from it, and only one `run` is active. */
interface Queue {
  readonly repository: string;
  readonly waiting: Waiting[];
}

export function createPublisher(parts: PublisherParts): Publisher {
  const queues = new Map<string, Queue>();
  const running = new Set<Promise<void>>();

  const start = (queue: Queue): void => {
    const run = drain(parts, queue, () => queues.delete(queue.repository)).finally(() => running.delete(run));
    running.add(run);
  };

  return {
    submit: (repository, request) =>
      new Promise((resolve, reject) => {
        const queue = queues.get(repository) ?? { repository, waiting: [] };
        if (queue.waiting.length >= maxWaiting) {
          reject(new TrustError('BUSY', 'too many edits wait for this repository'));
          return;
        }
        queue.waiting.push({ request, resolve, reject });
        if (queues.has(repository)) return;
        queues.set(repository, queue);
        start(queue);
      }),
    idle: async () => {
      while (running.size > 0) await Promise.all(running);
    },
  };
}

/** `ended` is called in the same turn in which the queue was found empty: no intent can slip in between. */
async function drain(parts: PublisherParts, queue: Queue, ended: () => void): Promise<void> {
  while (queue.waiting.length > 0) {
    const taken: Waiting[] = [];
    try {
      await publishTogether(parts, queue, taken);
    } catch (error) {
      // The lock was never taken: whoever waits now would meet the same.
      if (taken.length === 0) taken.push(...queue.waiting.splice(0));
      if (isOfOneIntent(error) && taken.length > 1) await publishApart(parts, queue.repository, taken);
      else for (const { reject } of taken) reject(toTrustError(error));
    }
  }
  ended();
}

/** `taken` is filled under the lock, so that whatever arrives until then is published, too. */
async function publishTogether(parts: PublisherParts, queue: Queue, taken: Waiting[]): Promise<void> {
  const { row, run } = await parts.database.transaction(
    async (tx) => {
      const locked = await lockLive(tx, queue.repository);
      if (taken.length === 0) taken.push(...takeJoinable(queue.waiting));
      const active = assertActive(queue.repository, locked);
      const requests = taken.map(({ request }) => request);
      return { row: active, run: await runIntents(parts, tx, active, requests, parts.now()) };
    },
    { attempts },
  );
  if (run.published !== undefined) parts.onPublished(row, run.published);
  for (const [index, { resolve, reject }] of taken.entries()) {
    const outcome = run.outcomes[index];
    if (outcome === undefined) reject(new TrustError('INTERNAL', 'an edit has no outcome'));
    else if (outcome instanceof TrustError) reject(outcome);
    else resolve(outcome);
  }
}

/** Refused for what it asks (also: a file would grow too large), not for the state of database or keys. */
function isOfOneIntent(error: unknown): boolean {
  return error instanceof TufError || (error instanceof TrustError && ofOneIntent.has(error.code));
}

const ofOneIntent: ReadonlySet<TrustErrorCode> = new Set([
  'BODY_INVALID',
  'DIALECT_INEXPRESSIBLE',
  'DIALECTS_DISAGREE',
  'CHANGE_CONFLICT',
  'WOULD_BREAK',
]);

/** One intent that the rules refuse must not spoil its neighbours: each is tried by itself. */
async function publishApart(
  parts: PublisherParts,
  repository: string,
  taken: readonly Waiting[],
): Promise<void> {
  for (const waiting of taken) {
    try {
      await publishTogether(parts, { repository, waiting: [waiting] }, []);
    } catch (error) {
      waiting.reject(toTrustError(error));
    }
  }
}

/** The first waiting intent and those that may join it; one with a base, or a dry run, is alone. */
function takeJoinable(waiting: Waiting[]): readonly Waiting[] {
  let count = 0;
  let tags = 0;
  for (const { request } of waiting) {
    const size =
      request.intent.kind === 'tags' ? request.intent.sign.length + request.intent.revoke.length : 1;
    const isAlone = request.call.ifMatch !== undefined || request.call.dryRun === true;
    if (count > 0 && (isAlone || count >= maxJoined || tags + size > maxJoinedTags)) break;
    count += 1;
    tags += size;
    if (isAlone) break;
  }
  return waiting.splice(0, count);
}

/** @throws TrustError REPOSITORY_UNKNOWN also while the creation waits for signatures */
export function assertActive(repository: string, row: RepositoryRow | undefined): RepositoryRow {
  if (row?.activatedAtMs !== undefined) return row;
  throw new TrustError('REPOSITORY_UNKNOWN', `there is no repository ${repository}`, { repository });
}
