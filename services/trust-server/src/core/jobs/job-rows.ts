/** Rows of `trust_jobs` and `trust_job_items`. */
import { type Queries, queryRows, trustJobItems, trustJobs } from '@vidimus/database';
import { and, asc, eq, isNull, lt, or, sql } from 'drizzle-orm';
import { z } from 'zod';
import { versionsSchema } from '../../schemas/index.ts';

const kindSchema = z.enum(['key-revocation']);
export type JobKind = z.infer<typeof kindSchema>;

const outcomeSchema = z.discriminatedUnion('state', [
  z.strictObject({
    state: z.literal('published'),
    versions: versionsSchema,
    /** What others must sign beside it. */
    change: z.string().optional(),
  }),
  z.strictObject({ state: z.literal('change'), change: z.string() }),
  z.strictObject({ state: z.literal('refused'), code: z.string(), message: z.string() }),
  /** There was nothing left to do. */
  z.strictObject({ state: z.literal('nothing') }),
]);
/** What became of one repository. */
export type ItemOutcome = z.infer<typeof outcomeSchema>;

export interface JobRow {
  readonly id: string;
  readonly kind: JobKind;
  readonly state: 'running' | 'finished';
  /** As it was validated. */
  readonly request: unknown;
  readonly actor: string;
  readonly requestId: string;
  readonly createdAtMs: number;
  readonly finishedAtMs?: number;
}

export interface JobItem {
  readonly repository: string;
  /** Absent until it is done. */
  readonly outcome?: ItemOutcome;
}

const itemsPerInsert = 1_000;

/** Stores a job with its repositories. */
export async function insertJob(tx: Queries, job: JobRow, items: readonly JobItem[]): Promise<void> {
  await tx.insert(trustJobs).values({
    id: job.id,
    kind: job.kind,
    state: job.state,
    request: job.request,
    actor: job.actor,
    requestId: job.requestId,
    createdAt: new Date(job.createdAtMs),
    finishedAt: null,
    heartbeatAt: null,
  });
  for (let from = 0; from < items.length; from += itemsPerInsert) {
    await tx.insert(trustJobItems).values(
      items.slice(from, from + itemsPerInsert).map(({ repository, outcome }) => ({
        job: job.id,
        repository,
        outcome: outcome ?? null,
      })),
    );
  }
}

const columns = {
  id: trustJobs.id,
  kind: trustJobs.kind,
  state: trustJobs.state,
  request: trustJobs.request,
  actor: trustJobs.actor,
  requestId: trustJobs.requestId,
  createdAt: trustJobs.createdAt,
  finishedAt: trustJobs.finishedAt,
};

export async function readJob(queries: Queries, id: string): Promise<JobRow | undefined> {
  const [row] = await queries.select(columns).from(trustJobs).where(eq(trustJobs.id, id));
  return row && toRow(row);
}

/** Jobs of a kind that are not finished, oldest first. */
export async function readRunning(queries: Queries, kind: JobKind): Promise<readonly JobRow[]> {
  const rows = await queries
    .select(columns)
    .from(trustJobs)
    .where(and(eq(trustJobs.state, 'running'), eq(trustJobs.kind, kind)))
    .orderBy(asc(trustJobs.createdAt));
  return rows.map(toRow);
}

/** Ids of running jobs, oldest first: with a time, of those that nobody has worked on since. */
export async function readIdle(queries: Queries, sinceMs?: number): Promise<readonly string[]> {
  const rows = await queries
    .select({ id: trustJobs.id })
    .from(trustJobs)
    .where(
      and(
        eq(trustJobs.state, 'running'),
        sinceMs === undefined
          ? undefined
          : or(isNull(trustJobs.heartbeatAt), lt(trustJobs.heartbeatAt, new Date(sinceMs))),
      ),
    )
    .orderBy(asc(trustJobs.createdAt));
  return rows.map(({ id }) => id);
}

/** Says that somebody works on it. */
export async function beat(queries: Queries, id: string, nowMs: number): Promise<void> {
  await queries
    .update(trustJobs)
    .set({ heartbeatAt: new Date(nowMs) })
    .where(eq(trustJobs.id, id));
}

export async function readItems(queries: Queries, job: string): Promise<readonly JobItem[]> {
  const rows = await queries
    .select({ repository: trustJobItems.repository, outcome: trustJobItems.outcome })
    .from(trustJobItems)
    .where(eq(trustJobItems.job, job))
    .orderBy(asc(trustJobItems.repository));
  return rows.map(({ repository, outcome }) => ({
    repository,
    ...(outcome === null ? {} : { outcome: outcomeSchema.parse(outcome) }),
  }));
}

/** A repository of a job that waits and that nobody else is at, locked until the transaction ends. */
export async function takeItem(tx: Queries, job: string): Promise<string | undefined> {
  const [row] = await tx
    .select({ repository: trustJobItems.repository })
    .from(trustJobItems)
    .where(and(eq(trustJobItems.job, job), isNull(trustJobItems.outcome)))
    .orderBy(asc(trustJobItems.repository))
    .limit(1)
    .for('update', { skipLocked: true });
  return row?.repository;
}

/** Writes down what became of a repository, in the transaction that did it; the first outcome stays. */
export async function endItem(
  tx: Queries,
  job: string,
  repository: string,
  outcome: ItemOutcome,
): Promise<void> {
  await tx
    .update(trustJobItems)
    .set({ outcome })
    .where(
      and(
        eq(trustJobItems.job, job),
        eq(trustJobItems.repository, repository),
        isNull(trustJobItems.outcome),
      ),
    );
}

/** Finishes a job of which nothing waits; true for whoever did it. */
export async function finishJob(tx: Queries, job: string, nowMs: number): Promise<boolean> {
  const rows = await queryRows(
    tx,
    sql`update trust_jobs set state = 'finished', finished_at = ${new Date(nowMs).toISOString()}::timestamptz
      where id = ${job} and state = 'running'
        and not exists (select 1 from trust_job_items where job = ${job} and outcome is null)
      returning id`,
  );
  return rows.length > 0;
}

interface RawRow {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly request: unknown;
  readonly actor: string;
  readonly requestId: string;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
}

function toRow({ kind, state, createdAt, finishedAt, ...row }: RawRow): JobRow {
  return {
    ...row,
    kind: kindSchema.parse(kind),
    state: state === 'finished' ? 'finished' : 'running',
    createdAtMs: createdAt.getTime(),
    ...(finishedAt === null ? {} : { finishedAtMs: finishedAt.getTime() }),
  };
}
