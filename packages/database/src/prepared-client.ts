/**
 * Lets PostgreSQL keep the plans of statements. drizzle sends each one unprepared: parsed and planned anew, in two
 * round trips that nothing can follow, where a prepared one takes one and is pipelined with its neighbours.
 */
import type postgres from 'postgres';

/**
 * Statements with more parameters are not kept: lists of names and rows come in any length, and each length would be
 * a plan of its own in every connection.
 */
const maxPreparedParameters = 64;

/**
 * The client, with its statements prepared, inside of transactions, too. Needs a session of its own on the server, as
 * LISTEN does: no pooler that shares them between transactions.
 */
export function preparing<Client extends postgres.Sql | postgres.TransactionSql>(client: Client): Client {
  return new Proxy(client, {
    get(target, name) {
      if (name === 'unsafe') {
        return (text: string, params: Parameters<Client['unsafe']>[1] = []) =>
          target.unsafe(text, params, { prepare: params.length <= maxPreparedParameters });
      }
      if (name === 'begin' && 'begin' in target) {
        return (work: (tx: postgres.TransactionSql) => unknown) => target.begin((tx) => work(preparing(tx)));
      }
      return Reflect.get(target, name);
    },
  });
}
