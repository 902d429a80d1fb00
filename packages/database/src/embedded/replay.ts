/** Brings an older database forward: repeats what the journal holds beyond it, migrating where the writes did. */
import type { PGlite } from '@electric-sql/pglite';
import { fromDriver } from '../driver-error.ts';
import { DatabaseError } from '../errors.ts';
import type { Journal } from './journal.ts';
import { parseWrite, type StoredRecord, type WriteRecord } from './journal-record.ts';
import { markApplied } from './journaled-client.ts';

/** The database that is brought forward. */
export interface ReplayTarget {
  readonly engine: PGlite;
  /** Migrates up to this many migrations, if the database has fewer. @throws DatabaseError NEWER_SCHEMA */
  migrateTo(schema: number): Promise<void>;
}

/** What a replay did. */
export interface ReplayResult {
  readonly repeated: number;
  /** The last write, if its COMMIT is refused again: it had never been acknowledged. */
  readonly cancelled: number | undefined;
}

/** The database holds no sequence number that the journal, whole, could not bring it on from. */
export function assertNoGap(journal: Journal, applied: number): void {
  if (applied + 1 >= journal.firstSeq && applied < journal.nextSeq) return;
  throw new DatabaseError('JOURNAL_GAP', {
    message: `the database has writes up to ${applied}, the journal holds ${journal.firstSeq} to ${journal.nextSeq - 1}`,
    hint: 'restore db/ and journal/ together from one backup, or a db/ that is not older than the journal',
  });
}

/**
 * Repeats every write after `applied`.
 * @throws DatabaseError JOURNAL_CORRUPT when one cannot be repeated as it was, DISK_FULL, NEWER_SCHEMA
 */
export async function replay(
  target: ReplayTarget,
  writes: readonly StoredRecord[],
  applied: number,
): Promise<ReplayResult> {
  const missing = writes.filter(({ seq }) => seq > applied);
  const last = missing.at(-1)?.seq;
  for (const stored of missing) {
    const record = parseWrite(stored);
    if (record === undefined) throw unrepeatable(stored.seq, 'its content cannot be read');
    await target.migrateTo(record.schema);
    const outcome = await repeat(target.engine, record);
    if (outcome === 'done') continue;
    if (record.seq !== last) throw unrepeatable(record.seq, 'its commit is refused');
    return { repeated: missing.length - 1, cancelled: record.seq };
  }
  return { repeated: missing.length, cancelled: undefined };
}

async function repeat(engine: PGlite, record: WriteRecord): Promise<'done' | 'refused'> {
  let atCommit = false;
  try {
    await engine.transaction(async (tx) => {
      for (const { sql, params, rows } of record.statements) {
        const { affectedRows = 0 } = await tx.query(sql, [...params]);
        if (affectedRows !== rows)
          throw unrepeatable(record.seq, `it changed ${affectedRows} rows instead of ${rows}`);
      }
      await tx.query(markApplied, [record.seq]);
      atCommit = true;
    });
    return 'done';
  } catch (error) {
    const cause = fromDriver(error);
    if (atCommit && cause.code === 'CONSTRAINT') return 'refused';
    if (cause.code === 'CONSTRAINT' || cause.code === 'STATEMENT')
      throw unrepeatable(record.seq, cause.message);
    throw cause;
  }
}

function unrepeatable(seq: number, reason: string): DatabaseError {
  return new DatabaseError('JOURNAL_CORRUPT', {
    message: `write ${seq} of the journal cannot be repeated: ${reason}`,
    hint: 'restore db/ and journal/ together from one backup; do not delete the journal: it holds acknowledged writes',
  });
}
