/** What the rest of the program sees of a database, whichever kind it is. */
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';

/** Drizzle's query builder: the database itself, or an open transaction. */
export type Queries = PgDatabase<PgQueryResultHKT, Record<string, never>>;

/** How a transaction runs. */
export interface TransactionOptions {
  /** Default: `read committed`. The embedded database runs transactions one after another. */
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable';
  /** How often in all the work is tried when it ends in `SERIALIZATION`. Default 1. */
  readonly attempts?: number;
}

/** Called with what others announce; neither may throw. */
export interface Listener {
  readonly onNotify: (payload: string) => void;
  /** The connection was lost and is back: announcements in between were missed, read the state again. */
  readonly onGap?: () => void;
}

/** An open, migrated database. */
export interface Database {
  readonly kind: 'postgres' | 'embedded';
  /** For reads and single statements. Never inside a transaction: there, use its `tx`. */
  readonly db: Queries;
  /**
   * Runs the work in one transaction and commits it; any error rolls it back.
   * @throws DatabaseError for whatever the database refused; the work's own errors pass unchanged
   */
  transaction<T>(work: (tx: Queries) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Hears a channel (`[a-z_]+`) until the returned function is called. */
  listen(channel: string, listener: Listener): Promise<() => Promise<void>>;
  /** Returns when the database answers. @throws DatabaseError UNAVAILABLE, TIMEOUT, READ_ONLY */
  ping(): Promise<void>;
  /** Lets running transactions end, then closes; idempotent. */
  close(): Promise<void>;
}

/**
 * A condition that does not stop the program but that its operator should read about.
 * - `JOURNAL_TORN` the journal ended in an unfinished record, never acknowledged: cut off
 * - `JOURNAL_REPLAYED` the database was older than the journal and has been brought forward
 * - `RECORD_CANCELLED` the journal's last write had been refused at its commit: taken out
 * - `DATABASE_REBUILT` the machine stopped under the database: it was made anew from the last base and the journal
 * - `CHECKPOINT_FAILED` no new base could be made; the journal grows until one can
 * - `DIRECTORY_OPEN` other users can enter the data directory
 */
export interface DatabaseWarning {
  readonly code:
    | 'JOURNAL_TORN'
    | 'JOURNAL_REPLAYED'
    | 'RECORD_CANCELLED'
    | 'DATABASE_REBUILT'
    | 'CHECKPOINT_FAILED'
    | 'DIRECTORY_OPEN';
  readonly message: string;
}
