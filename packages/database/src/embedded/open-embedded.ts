/** The embedded database: a data directory, its lock, the engine. */
import { join } from 'node:path';
import type { PGlite, Transaction } from '@electric-sql/pglite';
import { sql } from 'drizzle-orm';
import { assertChannel } from '../channel.ts';
import type { Database, DatabaseWarning } from '../database.ts';
import { fromDriver } from '../driver-error.ts';
import { applyMigrations, type MigrationTarget } from '../migrate.ts';
import type { Migration } from '../migrations.ts';
import { runTransaction } from '../transaction.ts';
import { openDataDirectory } from './data-directory.ts';
import { openEngine } from './engine.ts';

/** Opens and migrates the database of a data directory. @throws DatabaseError */
export async function openEmbedded(
  path: string,
  migrations: readonly Migration[],
  warn: (warning: DatabaseWarning) => void,
): Promise<Database> {
  const directory = await openDataDirectory(path, warn);
  const { drizzle } = await import('drizzle-orm/pglite');
  const engine = await openEngine(join(path, 'db'));
  await applyMigrations(toTarget(engine), migrations);
  const db = drizzle({ client: engine });
  let closed: Promise<void> | undefined;
  return {
    kind: 'embedded',
    db,
    transaction: (work, options) => runTransaction(db, work, options),
    listen: async (channel, listener) => {
      assertChannel(channel);
      const unlisten = await engine.listen(channel, listener.onNotify);
      return () => unlisten();
    },
    ping: async () => {
      await db.execute(sql`select 1`).catch((error: unknown) => {
        throw fromDriver(error);
      });
    },
    close: () => {
      closed ??= engine.close().finally(() => directory.close());
      return closed;
    },
  };
}

function toTarget(engine: PGlite | Transaction): MigrationTarget {
  return {
    query: async (text, params = []) => (await engine.query<Record<string, unknown>>(text, [...params])).rows,
    transaction: async (work) => {
      if ('transaction' in engine) await engine.transaction(async (tx) => await work(toTarget(tx)));
    },
  };
}
