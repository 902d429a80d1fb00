/** What can go wrong with the database, in one closed set of codes, whichever driver said it. */

/**
 * - `CONSTRAINT` a uniqueness, check, reference or trigger refused the write; `constraint` names it
 * - `SERIALIZATION` lost against a concurrent transaction: run it again
 * - `UNAVAILABLE` no connection, or the server is starting, stopping or out of connections
 * - `TIMEOUT` a statement or a wait for a lock took too long
 * - `READ_ONLY` writes are refused: a standby, or the embedded database after a failed fsync
 * - `DISK_FULL` no room for the write; it did not happen
 * - `STATEMENT` the statement itself is wrong: a fault of the program
 * - `NOT_REPLAYABLE` a write that the journal could not repeat exactly: a fault of the program
 * - `INSIDE_TRANSACTION` a query beside the open transaction that it would wait for: a fault of the program
 * - `CLOSED` used after close
 * - `URL_INVALID` not a postgres:// URL
 * - `SERVER_UNSUITABLE` PostgreSQL older than 15, a database that is not UTF-8, or a serving role that owns it
 * - `NEWER_SCHEMA` the database has migrations that this program does not know
 * - `MIGRATION_CHANGED` an applied migration differs from the one this program carries
 * - `MIGRATION_FAILED` a migration could not be applied; nothing of it was
 * - `LOCKED` another process uses the data directory
 * - `NEWER_DIRECTORY` the data directory was made by a newer program
 * - `DIRECTORY_INVALID` not a data directory: no or unreadable VERSION beside data, or not a directory
 * - `DIRECTORY_UNWRITABLE` the data directory cannot be read or written by this user
 * - `PATH_TOO_LONG` the path of the lock socket exceeds what the system can bind
 * - `ENGINE_FAILED` the embedded engine cannot start on what is in `db/`
 * - `JOURNAL_CORRUPT` the journal is damaged before its end
 * - `JOURNAL_GAP` the journal does not reach back, or forward, to the state of the database
 */
export type DatabaseErrorCode =
  | 'CONSTRAINT'
  | 'SERIALIZATION'
  | 'UNAVAILABLE'
  | 'TIMEOUT'
  | 'READ_ONLY'
  | 'DISK_FULL'
  | 'STATEMENT'
  | 'NOT_REPLAYABLE'
  | 'INSIDE_TRANSACTION'
  | 'CLOSED'
  | 'URL_INVALID'
  | 'SERVER_UNSUITABLE'
  | 'NEWER_SCHEMA'
  | 'MIGRATION_CHANGED'
  | 'MIGRATION_FAILED'
  | 'LOCKED'
  | 'NEWER_DIRECTORY'
  | 'DIRECTORY_INVALID'
  | 'DIRECTORY_UNWRITABLE'
  | 'PATH_TOO_LONG'
  | 'ENGINE_FAILED'
  | 'JOURNAL_CORRUPT'
  | 'JOURNAL_GAP';

/** What goes with a code; `hint` says what to do next. */
export interface DatabaseErrorDetail {
  readonly message: string;
  readonly hint?: string;
  readonly constraint?: string;
  readonly sqlState?: string;
}

/** Every error that leaves this room. Messages are for people; tests and callers look at `code`. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError';
  readonly code: DatabaseErrorCode;
  readonly hint: string | undefined;
  /** The violated constraint, for `CONSTRAINT`. */
  readonly constraint: string | undefined;
  /** PostgreSQL's five characters, where a server answered. */
  readonly sqlState: string | undefined;

  constructor(code: DatabaseErrorCode, detail: DatabaseErrorDetail, options?: ErrorOptions) {
    super(detail.message, options);
    this.code = code;
    this.hint = detail.hint;
    this.constraint = detail.constraint;
    this.sqlState = detail.sqlState;
  }
}
