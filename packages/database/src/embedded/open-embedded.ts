/** The embedded database: lock, journal, engine, replay, migrations; then ready. */
import { join } from 'node:path';
import type { PGlite, Transaction } from '@electric-sql/pglite';
import { sql } from 'drizzle-orm';
import { assertChannel } from '../channel.ts';
import type { Database, DatabaseWarning } from '../database.ts';
import { fromDriver } from '../driver-error.ts';
import { DatabaseError } from '../errors.ts';
import { applyMigrations, type MigrationTarget, pendingMigrations } from '../migrate.ts';
import type { Migration } from '../migrations.ts';
import { runTransaction } from '../transaction.ts';
import { isSuspect, makeBase, makeJournalDirectory, markRunning, markStopped, restoreBase } from './base.ts';
import { openDataDirectory } from './data-directory.ts';
import { toDirectoryError } from './directory-error.ts';
import { type Disk, openDisk } from './disk.ts';
import { openEngine } from './engine.ts';
import { Journal } from './journal.ts';
import { JournaledClient } from './journaled-client.ts';
import { assertNoGap, replay } from './replay.ts';

/** What `openDatabase` passes on, and what tests replace. */
export interface EmbeddedOptions {
  readonly migrations: readonly Migration[];
  readonly warn: (warning: DatabaseWarning) => void;
  /** A segment of this size makes a checkpoint due. Default 16 MiB, and at least a quarter of the database. */
  readonly segmentBytes?: number;
  /** The disk under `journal/`; tests watch and break it. */
  readonly openJournalDisk?: (directory: string) => Disk;
}

const defaultSegmentBytes = 16 * 1024 * 1024;
/** A base costs as much writing as the database is large: not for less than this share of it in new writes. */
const segmentShareOfDatabase = 1 / 4;

/** Opens, recovers and migrates the database of a data directory. @throws DatabaseError */
export async function openEmbedded(path: string, options: EmbeddedOptions): Promise<Database> {
  const directory = await openDataDirectory(path, options.warn);
  try {
    return await openHeld(path, options, () => directory.close());
  } catch (error) {
    await directory.close();
    throw error instanceof DatabaseError ? error : toDirectoryError(error, path);
  }
}

async function openHeld(
  path: string,
  options: EmbeddedOptions,
  release: () => Promise<void>,
): Promise<Database> {
  const [db, journalDirectory] = [join(path, 'db'), join(path, 'journal')];
  await makeJournalDirectory(journalDirectory);
  const { journal, writes } = await Journal.open(
    (options.openJournalDisk ?? openDisk)(journalDirectory),
    options.warn,
  );
  let engine: PGlite | undefined;
  try {
    if (await isSuspect(db, journalDirectory)) await rebuild(db, journalDirectory, journal, options.warn);
    engine = await openEngine(db);
    await bringForward(engine, journal, writes, options);
    await markRunning(journalDirectory);
  } catch (error) {
    await engine?.close();
    await journal.close();
    throw error;
  }
  const running = engine;
  const afterCommit = checkpoints(running, journal, db, journalDirectory, options);
  const client = new JournaledClient({ engine, journal, schema: options.migrations.length, afterCommit });
  return await toDatabase(running, client, async () => {
    await client.close();
    await stop(running, db, journalDirectory, options.warn);
    await journal.close();
    await release();
  });
}

/** Every write is in the journal already: what fails here only makes the next start work more. */
async function stop(
  engine: PGlite,
  db: string,
  journalDirectory: string,
  warn: (warning: DatabaseWarning) => void,
): Promise<void> {
  try {
    await engine.query('checkpoint');
    await engine.close();
    await markStopped(db, journalDirectory);
  } catch (error) {
    warn({
      code: 'CHECKPOINT_FAILED',
      message: `the database was not closed cleanly: ${fromDriver(error).message}`,
    });
    if (!engine.closed) await engine.close();
  }
}

/** What the machine's stop may have spoiled is replaced by what is known to be whole. */
async function rebuild(
  db: string,
  journalDirectory: string,
  journal: Journal,
  warn: (warning: DatabaseWarning) => void,
): Promise<void> {
  const from = await restoreBase(db, journalDirectory, journal);
  if (from === 'empty' && journal.nextSeq === 1) return;
  warn({
    code: 'DATABASE_REBUILT',
    message: `the machine stopped while the database was open: made anew from the journal (from ${from === 'base' ? 'its last base' : 'the beginning'})`,
  });
}

async function bringForward(
  engine: PGlite,
  journal: Journal,
  writes: Parameters<typeof replay>[1],
  { migrations, warn }: EmbeddedOptions,
): Promise<void> {
  const target = toTarget(engine);
  // A newer database is refused before anything in it is touched.
  let present = migrations.length - (await pendingMigrations(target, migrations)).length;
  const applied = await readApplied(target);
  assertNoGap(journal, applied);
  const migrateTo = async (schema: number) => {
    if (schema > migrations.length) throw newerJournal(schema, migrations.length);
    if (schema > present) await applyMigrations(target, migrations, schema);
    present = Math.max(present, schema);
  };
  const { repeated, cancelled } = await replay({ engine, migrateTo }, writes, applied);
  if (cancelled !== undefined) {
    await journal.cancel(cancelled);
    warn({
      code: 'RECORD_CANCELLED',
      message: `write ${cancelled} had been refused at its commit: taken out`,
    });
  }
  if (repeated > 0) {
    warn({
      code: 'JOURNAL_REPLAYED',
      message: `${repeated} acknowledged writes were repeated from the journal`,
    });
  }
  await applyMigrations(target, migrations);
}

/** After a commit: when the segment is full, a new base and a new segment. */
function checkpoints(
  engine: PGlite,
  journal: Journal,
  db: string,
  journalDirectory: string,
  { segmentBytes = defaultSegmentBytes, warn }: EmbeddedOptions,
): () => Promise<void> {
  let due = segmentBytes;
  return async () => {
    if (journal.segmentBytes < due) return;
    try {
      await engine.query('checkpoint');
      const bytes = await makeBase(db, journalDirectory, journal.nextSeq, (copy) =>
        engine.runExclusive(copy),
      );
      await journal.startSegment();
      due = Math.max(segmentBytes, segmentBytes === defaultSegmentBytes ? bytes * segmentShareOfDatabase : 0);
    } catch (error) {
      due = journal.segmentBytes + segmentBytes;
      warn({
        code: 'CHECKPOINT_FAILED',
        message: `no checkpoint could be made: ${fromDriver(error).message}`,
      });
    }
  };
}

async function toDatabase(
  engine: PGlite,
  client: JournaledClient,
  close: () => Promise<void>,
): Promise<Database> {
  const { drizzle } = await import('drizzle-orm/pglite');
  // drizzle calls `query` and `transaction` of its client and nothing else; the journaled client has both.
  const db = drizzle({ client: client as unknown as PGlite });
  let closed: Promise<void> | undefined;
  return {
    kind: 'embedded',
    db,
    transaction: (work, options) => runTransaction(db, work, { ...options, isPipelined: false }),
    listen: async (channel, listener) => {
      assertChannel(channel);
      const unlisten = await client.betweenTransactions(() =>
        engine.listen(channel, (payload) => client.outside(() => listener.onNotify(payload))),
      );
      return async () => {
        if (closed === undefined) await client.betweenTransactions(() => unlisten());
      };
    },
    ping: async () => {
      await db.execute(sql`select 1`).catch((error: unknown) => {
        throw fromDriver(error);
      });
    },
    close: () => {
      closed ??= close();
      return closed;
    },
  };
}

async function readApplied(target: MigrationTarget): Promise<number> {
  await target.transaction(async (tx) => {
    await tx.query(
      `create table if not exists database_journal
         (only_row boolean primary key check (only_row), applied_seq bigint not null)`,
    );
    await tx.query(
      'insert into database_journal (only_row, applied_seq) values (true, 0) on conflict do nothing',
    );
  });
  const [row] = await target.query('select applied_seq from database_journal');
  const applied: unknown = row?.['applied_seq'];
  if (typeof applied === 'number') return applied;
  throw new DatabaseError('JOURNAL_CORRUPT', {
    message: 'the database does not say up to where the journal is applied',
  });
}

function toTarget(engine: PGlite | Transaction): MigrationTarget {
  return {
    query: async (text, params = []) => (await engine.query<Record<string, unknown>>(text, [...params])).rows,
    transaction: async (work) => {
      if ('transaction' in engine) await engine.transaction(async (tx) => await work(toTarget(tx)));
    },
  };
}

function newerJournal(schema: number, known: number): DatabaseError {
  return new DatabaseError('NEWER_SCHEMA', {
    message: `the journal has writes made with ${schema} migrations; this program knows ${known}`,
    hint: 'a newer version of the program has been here: start that version',
  });
}
