/** A database of another program, read and never written: PostgreSQL or MySQL behind one small interface. */

/** A row as its driver gives it; whoever reads it checks it. */
export type SourceRow = Readonly<Record<string, unknown>>;

export type SourceValue = string | number;

/** Reads within one transaction. */
export interface SourceReader {
  readonly kind: 'postgres' | 'mysql';
  /**
   * The rows of one statement, `?` for each value. The statement itself says how many there may be: all of them
   * come into memory.
   * @throws CliError
   */
  query(statement: string, values?: readonly SourceValue[]): Promise<readonly SourceRow[]>;
}

export interface SourceDatabase {
  /**
   * Runs the work in a read-only transaction that sees one moment of the source, whatever is written meanwhile.
   * @throws CliError, and what the work throws
   */
  read<T>(work: (reader: SourceReader) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** A statement that runs longer is ended by the source. */
export const SOURCE_STATEMENT_TIMEOUT_MS = 60_000;
export const SOURCE_CONNECT_TIMEOUT_MS = 10_000;
