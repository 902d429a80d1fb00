/**
 * PGlite as drizzle sees it, with every committed write in the journal first.
 *
 * A transaction runs, stores its sequence number in `database_journal`, is appended to the journal and fsynced there,
 * and only then committed. Whatever the moment of a crash: what was acknowledged is in the journal, and the number in
 * the database says from where to repeat it.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { PGlite, QueryOptions, Results, Transaction } from '@electric-sql/pglite';
import { DatabaseError } from '../errors.ts';
import type { Journal } from './journal.ts';
import type { JournaledStatement } from './journal-record.ts';
import { classifyStatement, type StatementKind, toParameters } from './statement.ts';

/** The one row that says up to where the journal has been applied. */
export const markApplied = 'update database_journal set applied_seq = $1';

/** What the client works with. */
export interface JournaledClientParts {
  readonly engine: PGlite;
  readonly journal: Journal;
  /** How many migrations the database has. */
  readonly schema: number;
  /** Called after a commit, while no transaction runs; may not throw. */
  readonly afterCommit: () => Promise<void>;
}

/** As much of a PGlite transaction as drizzle uses. */
export interface RecordingTransaction {
  query<T>(sql: string, params?: unknown[], options?: QueryOptions): Promise<Results<T>>;
}

/** Owns the order of transactions: one at a time, its journal record included. */
export class JournaledClient {
  readonly #parts: JournaledClientParts;
  readonly #scope = new AsyncLocalStorage<{ open: boolean }>();
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(parts: JournaledClientParts) {
    this.#parts = parts;
  }

  /** A statement of its own: a write is a transaction with one statement. */
  async query<T>(sql: string, params: unknown[] = [], options?: QueryOptions): Promise<Results<T>> {
    this.#assertUsable();
    const kind = classifyStatement(sql);
    if (kind === 'read') return await this.#parts.engine.query<T>(sql, params, options);
    return await this.transaction(async (tx) => await tx.query<T>(sql, params, options));
  }

  /** Runs the work in a transaction, after all that were asked for before. */
  async transaction<T>(work: (tx: RecordingTransaction) => Promise<T>): Promise<T> {
    this.#assertUsable();
    return await this.#inTurn(() => this.#run(work));
  }

  /** Runs something while no transaction does. */
  async betweenTransactions<T>(work: () => Promise<T>): Promise<T> {
    this.#assertUsable();
    return await this.#inTurn(work);
  }

  /** Runs what may use the database later, such as a listener, outside the transaction that caused it. */
  outside<T>(work: () => T): T {
    return this.#scope.exit(work);
  }

  /** Refuses new work and returns when the running one has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#turn;
  }

  async #run<T>(work: (tx: RecordingTransaction) => Promise<T>): Promise<T> {
    const { engine, journal, afterCommit } = this.#parts;
    let journaled: number | undefined;
    let result: T;
    try {
      result = await engine.transaction(async (tx) => {
        const recorder = new Recorder(tx, journal);
        const value = await this.#inScope(recorder, work);
        if (await recorder.wrote()) {
          await this.#journal(tx, recorder.statements);
          journaled = journal.nextSeq - 1;
        }
        return value;
      });
    } catch (error) {
      if (journaled !== undefined) await this.#settle(journaled, error);
      throw error;
    }
    if (journaled !== undefined) await afterCommit();
    return result;
  }

  async #journal(tx: Transaction, statements: readonly JournaledStatement[]): Promise<void> {
    const { journal, schema } = this.#parts;
    const seq = journal.nextSeq;
    // Fails here, before anything is journaled, when a failed statement has already doomed the transaction.
    await tx.query(markApplied, [seq]);
    await journal.append({ kind: 'write', seq, schema, statements });
  }

  /** COMMIT failed after its record was written. */
  async #settle(seq: number, error: unknown): Promise<void> {
    if (isRefusal(error)) return await this.#parts.journal.cancel(seq);
    // No answer: the commit may have happened or not. The next start finds out; until then nothing may follow it.
    throw this.#parts.journal.refuseWrites(`the outcome of write ${seq} is unknown`, error);
  }

  async #inScope<T>(recorder: Recorder, work: (tx: RecordingTransaction) => Promise<T>): Promise<T> {
    const scope = { open: true };
    try {
      return await this.#scope.run(scope, () => work(recorder));
    } finally {
      scope.open = false;
    }
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => undefined);
    return await mine;
  }

  #assertUsable(): void {
    if (this.#closed) throw new DatabaseError('CLOSED', { message: 'the database is closed' });
    // It would wait for the transaction that waits for it, for ever.
    if (this.#scope.getStore()?.open === true) {
      throw new DatabaseError('INSIDE_TRANSACTION', {
        message: 'inside a transaction, query through its tx',
      });
    }
  }
}

/** Passes statements on and remembers those that a replay must repeat. */
class Recorder implements RecordingTransaction {
  readonly #tx: Transaction;
  readonly #journal: Journal;
  readonly #statements: JournaledStatement[] = [];
  #running: Promise<unknown> = Promise.resolve();
  #wrote = false;
  #ended = false;

  constructor(tx: Transaction, journal: Journal) {
    this.#tx = tx;
    this.#journal = journal;
  }

  get statements(): readonly JournaledStatement[] {
    return this.#statements;
  }

  /** Whether anything was written, once statements that nobody waited for have ended too. No more are taken. */
  async wrote(): Promise<boolean> {
    this.#ended = true;
    await this.#running;
    return this.#wrote;
  }

  async query<T>(sql: string, params: unknown[] = [], options?: QueryOptions): Promise<Results<T>> {
    // A statement that arrives after the record was made would be committed without being journaled.
    if (this.#ended) throw new DatabaseError('CLOSED', { message: 'the transaction has ended' });
    const kind = classifyStatement(sql);
    if (kind === 'read') return await this.#tx.query<T>(sql, params, options);
    this.#journal.assertWritable();
    const running = this.#record<T>(kind, sql, params, options);
    const before = this.#running;
    this.#running = Promise.allSettled([before, running]);
    return await running;
  }

  async #record<T>(
    kind: StatementKind,
    sql: string,
    params: unknown[],
    options: QueryOptions | undefined,
  ): Promise<Results<T>> {
    const kept = toParameters(params);
    const result = await this.#tx.query<T>(sql, params, options);
    this.#statements.push({ sql, params: kept, rows: result.affectedRows ?? 0 });
    this.#wrote ||= kind === 'write';
    return result;
  }
}

/** True when the database answered with an ordinary error, and so has rolled back. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const severity: unknown = Reflect.get(error, 'severity');
  const sqlState: unknown = Reflect.get(error, 'code');
  return (
    typeof sqlState === 'string' &&
    /^[0-9A-Z]{5}$/.test(sqlState) &&
    (severity === 'ERROR' || severity === undefined)
  );
}
