/**
 * A backup back into an empty database. What was published after the backup is lost here and known to clients, so
 * every repository is read-only until somebody says how far it had come: no version may ever have two contents.
 */
import {
  type Database,
  keyKeys,
  type Queries,
  queryRows,
  trustChanges,
  trustJobs,
  trustRepositories,
} from '@vidimus/database';
import { and, eq, isNotNull, isNull, sql } from 'drizzle-orm';
import { appendServiceEvents } from '../audit/append-service-events.ts';
import { toWholeSecond } from '../instants.ts';
import { readVersionFloor, restoreAction, versionJump } from '../recovery/version-floor.ts';
import { BackupError } from './backup-error.ts';
import { type BackupHead, type BackupRow, readBackup } from './backup-lines.ts';
import { type BackupTable, backupTables } from './backup-tables.ts';
import { countMigrations } from './write-backup.ts';

const bytesAtOnce = 4 * 1024 * 1024;
const rowsAtOnce = 1_000;

export interface RestoreParts {
  /** Migrated, and empty. */
  readonly database: Database;
  /** The text of the backup, decrypted. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly newId: () => string;
  /** Keeps the master keys where the service will find them, before anything is restored. */
  readonly keepMasters: (masters: BackupHead['masterKeys']) => Promise<void>;
  readonly progress?: (rows: number) => void;
}

export interface RestoredContents {
  /** The moment of the backup. */
  readonly at: string;
  /** Repositories that wait until their versions are known. */
  readonly repositories: readonly string[];
  readonly rows: number;
}

/**
 * On PostgreSQL in one transaction; on the embedded database in several, so that a directory in which it failed must
 * not be used.
 * @throws BackupError, DatabaseError
 */
export async function restoreBackup(parts: RestoreParts): Promise<RestoredContents> {
  const { database } = parts;
  if (database.kind === 'postgres') {
    return await database.transaction((tx) => restore(parts, (work) => work(tx)));
  }
  return await restore(parts, (work) => database.transaction(work));
}

type Run = <T>(work: (tx: Queries) => Promise<T>) => Promise<T>;

async function restore(parts: RestoreParts, run: Run): Promise<RestoredContents> {
  const migrations = await run(assertEmpty);
  let at = '';
  let rows = 0;
  let lot: Lot | undefined;
  const flush = async (): Promise<void> => {
    const full = lot;
    lot = undefined;
    if (full === undefined) return;
    await run((tx) => insertLot(tx, full));
    rows += full.rows.length;
    parts.progress?.(rows);
  };
  for await (const piece of readBackup(parts.chunks)) {
    if ('head' in piece) {
      if (piece.head.migrations > migrations) {
        throw new BackupError(
          'BACKUP_NEWER',
          'the backup is of a newer schema: restore it with that version',
        );
      }
      at = piece.head.at;
      await parts.keepMasters(piece.head.masterKeys);
      continue;
    }
    if (lot !== undefined && (lot.table.name !== piece.row.table || isFull(lot))) await flush();
    lot ??= { table: tableOf(piece.row), rows: [], bytes: 0 };
    lot.rows.push(piece.row.json);
    lot.bytes += piece.row.json.length;
  }
  await flush();
  const repositories = await run((tx) => makeUncertain(parts, tx, at));
  return { at, repositories, rows };
}

/** Rows of one table that are stored together. */
interface Lot {
  readonly table: BackupTable;
  readonly rows: string[];
  bytes: number;
}

function isFull({ rows, bytes }: Lot): boolean {
  return rows.length >= rowsAtOnce || bytes >= bytesAtOnce;
}

async function assertEmpty(tx: Queries): Promise<number> {
  const [found] = await queryRows(
    tx,
    sql`select exists(select from ${trustRepositories}) or exists(select from ${keyKeys}) as found`,
  );
  if (found?.['found'] !== true) return await countMigrations(tx);
  throw new BackupError('NOT_EMPTY', 'the database holds repositories or keys already');
}

function tableOf({ table }: BackupRow): BackupTable {
  const known = backupTables.find(({ name }) => name === table);
  if (known !== undefined) return known;
  throw new BackupError('BACKUP_INVALID', 'the backup holds rows of a table that is none of the service');
}

/** Columns that came after the backup keep what the schema gives them. */
async function insertLot(tx: Queries, { table, rows }: Lot): Promise<void> {
  const first: unknown = JSON.parse(rows[0] ?? '{}');
  const given = typeof first === 'object' && first !== null ? new Set(Object.keys(first)) : new Set<string>();
  const columns = sql.join(
    table.columns.filter((name) => given.has(name)).map((name) => sql.identifier(name)),
    sql`, `,
  );
  const into = sql.identifier(table.name);
  await tx.execute(
    sql`insert into ${into} (${columns}) select ${columns}
      from json_populate_recordset(null::${into}, ${`[${rows.join(',')}]`}::text::json)`,
  );
}

/** Nothing is published, renewed, created or ended before somebody knows which versions were. */
async function makeUncertain(parts: RestoreParts, tx: Queries, at: string): Promise<readonly string[]> {
  const nowMs = parts.now();
  const floor = (await readVersionFloor(tx)) + versionJump;
  // What waited for its first signatures may have been published since.
  await tx
    .update(trustRepositories)
    .set({ endedAt: new Date(toWholeSecond(nowMs)) })
    .where(and(isNull(trustRepositories.endedAt), isNull(trustRepositories.activatedAt)));
  await tx.update(trustChanges).set({ state: 'stale' }).where(eq(trustChanges.state, 'open'));
  await tx
    .update(trustJobs)
    .set({ state: 'finished', finishedAt: new Date(toWholeSecond(nowMs)) })
    .where(eq(trustJobs.state, 'running'));
  const live = and(isNull(trustRepositories.endedAt), isNotNull(trustRepositories.activatedAt));
  await tx
    .update(trustRepositories)
    .set({
      settings: sql`${trustRepositories.settings} || ${JSON.stringify({ restored: { backup: at }, versionFloor: floor })}::jsonb`,
    })
    .where(live);
  const event = {
    action: restoreAction,
    actor: 'service',
    requestId: 'restore',
    result: 'done' as const,
    after: { backup: at, versionFloor: floor },
  };
  await appendServiceEvents(parts, tx, [event], nowMs);
  const rows = await tx
    .select({ repository: trustRepositories.repository })
    .from(trustRepositories)
    .where(live)
    .orderBy(trustRepositories.repository);
  return rows.map(({ repository }) => repository);
}
