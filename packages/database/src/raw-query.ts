/** Statements that drizzle has no builder for, with results that look alike on both drivers. */
import { type SQL, sql } from 'drizzle-orm';
import type { Queries } from './database.ts';
import { DatabaseError } from './errors.ts';

/** A row as the drivers give it: int8 as number, bytea as Uint8Array, timestamps as text. */
export type Row = Readonly<Record<string, unknown>>;

const maxPayloadBytes = 7_999; // PostgreSQL, NOTIFY: "must be shorter than 8000 bytes"

/** Runs a statement and returns its rows: PGlite answers `{rows}`, postgres.js an array. */
export async function queryRows(queries: Queries, statement: SQL): Promise<readonly Row[]> {
  const result: unknown = await queries.execute(statement);
  const rows: unknown = Array.isArray(result) ? result : isRecord(result) ? result['rows'] : undefined;
  if (!Array.isArray(rows)) throw new DatabaseError('STATEMENT', { message: 'the driver returned no rows' });
  return rows.map((row: unknown) => {
    if (!isRecord(row)) throw new DatabaseError('STATEMENT', { message: 'the driver returned no object' });
    return { ...row };
  });
}

/** Announces to every listener of the channel, when the transaction commits. The payload is at most 7,999 bytes. */
export async function notify(tx: Queries, channel: string, payload: string): Promise<void> {
  if (Buffer.byteLength(payload) > maxPayloadBytes) {
    throw new DatabaseError('STATEMENT', { message: `a notification has at most ${maxPayloadBytes} bytes` });
  }
  await tx.execute(sql`select pg_notify(${channel}, ${payload})`);
}

/**
 * Waits until no other transaction holds the lock of this name, then holds it until commit or rollback.
 * Names that collide in 64 bits only wait for one another.
 */
export async function lockUntilCommit(tx: Queries, name: string): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`);
}

/** As lockUntilCommit, but answers false at once when another transaction holds the lock. */
export async function tryLockUntilCommit(tx: Queries, name: string): Promise<boolean> {
  const [row] = await queryRows(
    tx,
    sql`select pg_try_advisory_xact_lock(hashtextextended(${name}, 0)) as held`,
  );
  return row?.['held'] === true;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
