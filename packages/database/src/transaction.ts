/** One transaction, with the errors of both drivers mapped and lost races tried again. */
import type { Queries, TransactionOptions } from './database.ts';
import { fromDriver, toDatabaseError } from './driver-error.ts';
import { DatabaseError } from './errors.ts';

/** How a database runs its transactions. */
interface RunOptions extends TransactionOptions {
  /** COMMIT may be sent before the statements in front of it have been answered. */
  readonly isPipelined: boolean;
}

/** Runs the work in a transaction of `db`. @see Database.transaction */
export async function runTransaction<T>(
  db: Queries,
  work: (tx: Queries) => Promise<T>,
  { isolation, attempts = 1, isPipelined }: RunOptions,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await runOnce(db, work, isolation, isPipelined);
    } catch (error) {
      if (attempt >= attempts || toDatabaseError(error)?.code !== 'SERIALIZATION') throw error;
    }
  }
}

/**
 * Sends a statement whose answer the work does not need: COMMIT follows without waiting for it, and whoever waits for
 * this transaction's locks gets them a round trip earlier. When the statement is refused, so is the transaction:
 * PostgreSQL ends it with a rollback, and `Database.transaction` throws the refusal.
 * @param statement - one statement: what waits for an answer before it sends the next one would come after COMMIT
 * @throws DatabaseError STATEMENT when `tx` is not the one that `Database.transaction` gave
 */
export function sendAhead(tx: Queries, statement: PromiseLike<unknown>): void {
  const sent = sentAhead.get(tx);
  if (sent === undefined) throw new DatabaseError('STATEMENT', { message: 'not in a transaction' });
  sent.add(statement);
}

/** By transaction; entries end with it. */
const sentAhead = new WeakMap<Queries, SentAhead>();

/** The statements of one transaction that nobody has waited for. */
class SentAhead {
  readonly #answers: Promise<unknown>[] = [];
  #refusal: { readonly error: unknown } | undefined;

  add(statement: PromiseLike<unknown>): void {
    const answer = Promise.resolve(statement).catch((error: unknown) => {
      this.#refusal ??= { error };
    });
    this.#answers.push(answer);
  }

  /** The first refusal: whatever failed after it failed because of it. */
  get refusal(): { readonly error: unknown } | undefined {
    return this.#refusal;
  }

  /** Returns when all are answered. @throws what the first refused one was refused with */
  async settle(): Promise<void> {
    await Promise.all(this.#answers);
    if (this.#refusal !== undefined) throw this.#refusal.error;
  }
}

/**
 * Returns when every statement asked for so far is in the queue of its connection, so that COMMIT comes behind it: on
 * their way there they wait for promises alone, and those are all kept before the next tick.
 */
function handedOver(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve);
  });
}

async function runOnce<T>(
  db: Queries,
  work: (tx: Queries) => Promise<T>,
  isolation: TransactionOptions['isolation'],
  isPipelined: boolean,
): Promise<T> {
  const sent = new SentAhead();
  let ofWork: { readonly error: unknown } | undefined;
  try {
    const result = await db.transaction(
      async (tx) => {
        sentAhead.set(tx, sent);
        try {
          const value = await work(tx);
          if (isPipelined) await handedOver();
          else await sent.settle();
          return value;
        } catch (error) {
          ofWork = { error };
          throw error;
        }
      },
      isolation === undefined ? undefined : { isolationLevel: isolation },
    );
    // COMMIT was answered, too; after a refused statement it was a rollback.
    await sent.settle();
    return result;
  } catch (error) {
    if (sent.refusal !== undefined) throw fromDriver(sent.refusal.error);
    // What the work threw is the caller's unless a query of it failed; anything else came from the driver.
    if (ofWork?.error === error) throw toDatabaseError(error) ?? error;
    throw fromDriver(error);
  }
}
