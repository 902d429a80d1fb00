/** Rows of `trust_repositories`: one per incarnation, at most one of them live. Its lock serialises publishes. */
import { type Queries, trustRepositories } from '@vidimus/database';
import type { DialectName } from '@vidimus/tuf';
import { and, eq, isNull, sql } from 'drizzle-orm';
import { parseDialect } from '../dialects.ts';
import { parseSettings, type RepositorySettings } from './repository-settings.ts';

/** An incarnation of a repository. */
export interface RepositoryRow {
  readonly repository: string;
  readonly incarnation: number;
  /** What its metadata is published in; at least one. */
  readonly dialects: readonly DialectName[];
  readonly settings: RepositorySettings;
  readonly createdAtMs: number;
  /** Absent while its creation waits for signatures. */
  readonly activatedAtMs?: number;
  readonly tagCount: number;
  readonly log: LogHead;
}

/** Head of a repository's events. */
export interface LogHead {
  readonly size: number;
  /** Hex SHA-256. */
  readonly hash: string;
}

const columns = {
  repository: trustRepositories.repository,
  incarnation: trustRepositories.incarnation,
  dialects: trustRepositories.dialects,
  settings: trustRepositories.settings,
  createdAt: trustRepositories.createdAt,
  activatedAt: trustRepositories.activatedAt,
  tagCount: trustRepositories.tagCount,
  logSize: trustRepositories.logSize,
  logHash: trustRepositories.logHash,
};

const live = (repository: string) =>
  and(eq(trustRepositories.repository, repository), isNull(trustRepositories.endedAt));

/** The live incarnation, pending ones included. */
export async function readLive(queries: Queries, repository: string): Promise<RepositoryRow | undefined> {
  const [row] = await queries.select(columns).from(trustRepositories).where(live(repository));
  return row === undefined ? undefined : toRow(row);
}

/**
 * Locks the live incarnation until the transaction ends: from here on nobody else publishes to it.
 * The row is read again after the wait, so it is current.
 */
export async function lockLive(tx: Queries, repository: string): Promise<RepositoryRow | undefined> {
  const [row] = await tx.select(columns).from(trustRepositories).where(live(repository)).for('update');
  return row === undefined ? undefined : toRow(row);
}

/** As `lockLive`, but undefined at once when somebody else is at it. */
export async function tryLockLive(tx: Queries, repository: string): Promise<RepositoryRow | undefined> {
  const [row] = await tx
    .select(columns)
    .from(trustRepositories)
    .where(live(repository))
    .for('update', { skipLocked: true });
  return row === undefined ? undefined : toRow(row);
}

/** The highest incarnation so far, 0 when there was none. */
export async function lastIncarnation(queries: Queries, repository: string): Promise<number> {
  const [row] = await queries
    .select({ last: sql<number | null>`max(${trustRepositories.incarnation})` })
    .from(trustRepositories)
    .where(eq(trustRepositories.repository, repository));
  return Number(row?.last ?? 0);
}

/** Repositories that came over from another server, and that server still signs, in the order of their names. */
export async function listCopies(queries: Queries): Promise<readonly string[]> {
  const rows = await queries
    .select({ repository: trustRepositories.repository })
    .from(trustRepositories)
    .where(
      and(
        isNull(trustRepositories.endedAt),
        sql`${trustRepositories.settings} @> '{"migration":{"final":false}}'::jsonb`,
      ),
    )
    .orderBy(trustRepositories.repository);
  return rows.map(({ repository }) => repository);
}

/** Adds an incarnation; a live one beside it violates `trust_repositories_live`. */
export async function insertRepository(tx: Queries, row: RepositoryRow): Promise<void> {
  await tx.insert(trustRepositories).values({
    repository: row.repository,
    incarnation: row.incarnation,
    dialects: [...row.dialects],
    settings: row.settings,
    createdAt: new Date(row.createdAtMs),
    activatedAt: row.activatedAtMs === undefined ? null : new Date(row.activatedAtMs),
    endedAt: null,
    tagCount: row.tagCount,
    logSize: row.log.size,
    logHash: row.log.hash,
  });
}

/** What a publish, or an event alone, moves on the row. */
export interface RepositoryMove {
  readonly log: LogHead;
  readonly tagCount?: number;
  readonly activatedAtMs?: number;
  readonly endedAtMs?: number;
  readonly dialects?: readonly DialectName[];
  readonly settings?: RepositorySettings;
}

/** The caller holds the lock. */
export async function moveRepository(
  tx: Queries,
  { repository, incarnation }: Pick<RepositoryRow, 'repository' | 'incarnation'>,
  move: RepositoryMove,
): Promise<void> {
  await tx
    .update(trustRepositories)
    .set({
      logSize: move.log.size,
      logHash: move.log.hash,
      ...(move.tagCount === undefined ? {} : { tagCount: move.tagCount }),
      ...(move.activatedAtMs === undefined ? {} : { activatedAt: new Date(move.activatedAtMs) }),
      ...(move.endedAtMs === undefined ? {} : { endedAt: new Date(move.endedAtMs) }),
      ...(move.dialects === undefined ? {} : { dialects: [...move.dialects] }),
      ...(move.settings === undefined ? {} : { settings: move.settings }),
    })
    .where(and(eq(trustRepositories.repository, repository), eq(trustRepositories.incarnation, incarnation)));
}

interface RawRow {
  readonly repository: string;
  readonly incarnation: number;
  readonly dialects: readonly string[];
  readonly settings: unknown;
  readonly createdAt: Date;
  readonly activatedAt: Date | null;
  readonly tagCount: number;
  readonly logSize: number;
  readonly logHash: string;
}

function toRow(row: RawRow): RepositoryRow {
  return {
    repository: row.repository,
    incarnation: row.incarnation,
    dialects: row.dialects.map(parseDialect),
    settings: parseSettings(row.settings),
    createdAtMs: row.createdAt.getTime(),
    ...(row.activatedAt === null ? {} : { activatedAtMs: row.activatedAt.getTime() }),
    tagCount: row.tagCount,
    log: { size: row.logSize, hash: row.logHash },
  };
}
