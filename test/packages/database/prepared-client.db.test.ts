import { type Database, keyMasters, openDatabase, type Queries, queryRows } from '@vidimus/database';
import { inArray, sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PostgresServer, startPostgres } from '../../support/postgres-server.ts';

let server: PostgresServer;
let database: Database;

beforeAll(async () => {
  server = await startPostgres();
  database = await openDatabase({ url: await server.createDatabase() }, { postgres: { maxConnections: 1 } });
});
afterAll(async () => {
  await database.close();
  await server.stop();
});

/** Plans that the only connection keeps for statements of this text. */
async function plansOf(queries: Queries, text: string): Promise<number> {
  const [row] = await queryRows(
    queries,
    sql`select count(*)::int as plans from pg_prepared_statements where statement like ${`%${text}%`}
        and statement not like '%pg_prepared_statements%'`,
  );
  return Number(row?.['plans']);
}

function ask(queries: Queries, names: number): Promise<unknown> {
  const purposes = Array.from({ length: names }, (_, i) => `purpose ${i}`);
  return queries
    .select({ fingerprint: keyMasters.fingerprint })
    .from(keyMasters)
    .where(inArray(keyMasters.purpose, purposes));
}

describe('statements on PostgreSQL', () => {
  it('are planned once, outside and inside of transactions', async () => {
    await ask(database.db, 2);
    await ask(database.db, 2);
    await database.transaction(async (tx) => {
      await ask(tx, 2);
      await ask(tx, 3);
    });
    expect(await plansOf(database.db, 'key_masters')).toBe(2);
  });

  it('with long lists leave no plan behind: each length would be another one', async () => {
    const before = await plansOf(database.db, 'key_masters');
    for (let names = 65; names < 75; names += 1) await ask(database.db, names);
    await database.transaction((tx) => ask(tx, 100));
    expect(await plansOf(database.db, 'key_masters')).toBe(before);
  });

  it('go on after a migration has changed a column beneath a kept plan', async () => {
    await ask(database.db, 2);
    await database.db.execute(sql.raw('alter table key_masters add column later text'));
    await expect(ask(database.db, 2)).resolves.toEqual([]);
  });
});
