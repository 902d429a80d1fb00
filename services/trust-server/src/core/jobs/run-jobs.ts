/**
 * Works on jobs, one repository after the other. Each outcome is written in the transaction that does the work, so a
 * process that dies at any point leaves repositories either done and written down, or untouched; whoever comes next,
 * this process again or another replica, goes on with those that wait. Several may work on one job at once.
 */
import type { Database, Queries } from '@vidimus/database';
import { TrustError, type TrustErrorCode } from '../../service.ts';
import { appendServiceEvents } from '../audit/append-service-events.ts';
import { toTrustError } from '../trust-errors.ts';
import {
  beat,
  endItem,
  finishJob,
  type ItemOutcome,
  type JobKind,
  type JobRow,
  readIdle,
  readItems,
  readJob,
  takeItem,
} from './job-rows.ts';

/** A job that nobody spoke for in this time is gone on with by whoever looks. */
const idleMs = 5_000;
const beatMs = 1_000;

export interface ItemDone {
  readonly outcome: ItemOutcome;
  /** Called once it is committed. */
  readonly committed?: () => void;
}

/** The work on one repository, in the caller's transaction. @throws TrustError, which refuses that repository */
export type JobWork = (tx: Queries, job: JobRow, repository: string) => Promise<ItemDone>;

export interface JobParts {
  readonly database: Database;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly newId: () => string;
  readonly work: Readonly<Record<JobKind, JobWork>>;
  /** A round that had to stop; the next one tries again. */
  readonly onError?: (error: unknown) => void;
}

export interface JobRunner {
  /** Begins to work on a job; resolves at once. */
  nudge(id: string): void;
  /** Works on every job that nobody works on, until nothing waits. */
  run(): Promise<void>;
  /** At start: jobs that others work on, too, as they may have died with this process. */
  resume(): Promise<void>;
  /** Lets what runs end after its present repository. */
  stop(): Promise<void>;
}

export function createJobRunner(parts: JobParts): JobRunner {
  const running = new Map<string, Promise<void>>();
  let stopped = false;

  const start = (id: string): Promise<void> => {
    const known = running.get(id);
    if (known !== undefined) return known;
    const run = runJob(parts, id, () => stopped)
      .catch((error: unknown) => parts.onError?.(error))
      .finally(() => running.delete(id));
    running.set(id, run);
    return run;
  };
  const runIdle = async (sinceMs?: number): Promise<void> => {
    for (const id of await readIdle(parts.database.db, sinceMs)) await start(id);
  };
  return {
    nudge: (id) => {
      if (!stopped) void start(id);
    },
    run: () => runIdle(parts.now() - idleMs),
    resume: () => runIdle(),
    stop: async () => {
      stopped = true;
      await Promise.all(running.values());
    },
  };
}

/** Errors of the moment: the repository is tried again, nothing is written down. */
const passing: ReadonlySet<TrustErrorCode> = new Set(['BUSY', 'DATABASE_UNAVAILABLE']);

async function runJob(parts: JobParts, id: string, isStopped: () => boolean): Promise<void> {
  const { database, now } = parts;
  const job = await readJob(database.db, id);
  if (job?.state !== 'running') return;
  let beatAtMs = Number.NEGATIVE_INFINITY;
  while (!isStopped()) {
    if (Math.abs(now() - beatAtMs) >= beatMs) {
      beatAtMs = now();
      await beat(database.db, id, beatAtMs);
    }
    if (!(await runItem(parts, job))) break;
  }
  if (!isStopped()) await finish(parts, job);
}

/** False when nothing waits that nobody else is at. */
async function runItem({ database, work }: JobParts, job: JobRow): Promise<boolean> {
  let taken: string | undefined;
  try {
    const done = await database.transaction(async (tx) => {
      taken = await takeItem(tx, job.id);
      if (taken === undefined) return undefined;
      const item = await work[job.kind](tx, job, taken);
      await endItem(tx, job.id, taken, item.outcome);
      return item;
    });
    done?.committed?.();
    return done !== undefined;
  } catch (error) {
    const { code, message } = toTrustError(error);
    if (taken === undefined || passing.has(code)) throw error;
    // What the work wrote is gone; that it was refused is written down by itself.
    await database.transaction((tx) =>
      endItem(tx, job.id, String(taken), { state: 'refused', code, message }),
    );
    return true;
  }
}

async function finish({ database, now, newId }: JobParts, job: JobRow): Promise<void> {
  await database.transaction(async (tx) => {
    const nowMs = now();
    if (!(await finishJob(tx, job.id, nowMs))) return;
    const states = (await readItems(tx, job.id)).map(({ outcome }) => outcome?.state);
    const count = (state: ItemOutcome['state']): number => states.filter((each) => each === state).length;
    const after = {
      job: job.id,
      kind: job.kind,
      published: count('published'),
      changes: count('change'),
      refused: count('refused'),
    };
    const event = {
      action: 'job.finish',
      actor: job.actor,
      requestId: job.requestId,
      result: 'done' as const,
    };
    await appendServiceEvents({ newId }, tx, [{ ...event, after }], nowMs);
  });
}

/** @throws TrustError METADATA_UNKNOWN */
export function assertJob(id: string, row: JobRow | undefined): JobRow {
  if (row !== undefined) return row;
  throw new TrustError('METADATA_UNKNOWN', `there is no job ${id}`, { job: id });
}
