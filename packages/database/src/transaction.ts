/** One transaction, with the errors of both drivers mapped and lost races tried again. */
import type { Queries, TransactionOptions } from './database.ts';
import { fromDriver, toDatabaseError } from './driver-error.ts';

/** Runs the work in a transaction of `db`. @see Database.transaction */
export async function runTransaction<T>(
  db: Queries,
  work: (tx: Queries) => Promise<T>,
  { isolation, attempts = 1 }: TransactionOptions = {},
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await runOnce(db, work, isolation);
    } catch (error) {
      if (attempt >= attempts || toDatabaseError(error)?.code !== 'SERIALIZATION') throw error;
    }
  }
}

async function runOnce<T>(
  db: Queries,
  work: (tx: Queries) => Promise<T>,
  isolation: TransactionOptions['isolation'],
): Promise<T> {
  let ofWork: { readonly error: unknown } | undefined;
  try {
    return await db.transaction(
      async (tx) => {
        try {
          return await work(tx);
        } catch (error) {
          ofWork = { error };
          throw error;
        }
      },
      isolation === undefined ? undefined : { isolationLevel: isolation },
    );
  } catch (error) {
    // What the work threw is the caller's unless a query of it failed; anything else came from the driver.
    if (ofWork?.error === error) throw toDatabaseError(error) ?? error;
    throw fromDriver(error);
  }
}
