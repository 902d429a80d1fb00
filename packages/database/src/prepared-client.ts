/**
 * Lets PostgreSQL keep the plans of statements. drizzle sends each one unprepared: parsed and planned anew, in two
 * round trips that nothing can follow, where a prepared one takes one and is pipelined with its neighbours.
 */
import type postgres from 'postgres';
import { DatabaseError } from './errors.ts';

/**
 * Statements with more parameters are not kept: lists of names and rows come in any length, and each length would be
 * a plan of its own in every connection.
 */
const maxPreparedParameters = 64;

/**
 * The client, with its statements prepared, inside of transactions, too. Needs a session of its own on the server, as
 * LISTEN does: no pooler that shares them between transactions.
 */
export function preparing<Client extends postgres.Sql | postgres.TransactionSql>(
  client: Client,
  assertUsable: () => void = () => undefined,
): Client {
  return new Proxy(client, {
    get(target, name) {
      if (name === 'unsafe') {
        return (text: string, params: Parameters<Client['unsafe']>[1] = []) => {
          assertUsable();
          return target.unsafe(text, params, { prepare: params.length <= maxPreparedParameters });
        };
      }
      if (name === 'begin' && 'begin' in target) {
        return (work: (tx: postgres.TransactionSql) => unknown) => begin(target, work);
      }
      return Reflect.get(target, name);
    },
  });
}

/** When its connection is lost, the driver opens it again for others: late statements must not run among theirs. */
async function begin(client: postgres.Sql, work: (tx: postgres.TransactionSql) => unknown): Promise<unknown> {
  let hasEnded = false;
  const assertUsable = (): void => {
    if (hasEnded) throw new DatabaseError('UNAVAILABLE', { message: 'the transaction has ended' });
  };
  try {
    return await client.begin((tx) => work(preparing(tx, assertUsable)));
  } finally {
    hasEnded = true;
  }
}
