/** One suite over every kind of database: embedded in `*.test.ts`, embedded and PostgreSQL in `*.db.test.ts`. */
import { type Database, openDatabase } from '@vidimus/database';
import { afterAll, beforeAll, describe, TestRunner } from 'vitest';
import { openEmbeddedForTest } from './database-embedded.ts';
import { startPostgres } from './postgres-server.ts';

/** What a suite is given. One database serves the whole file: tests use names of their own. */
export interface DatabaseForSuite {
  readonly kind: Database['kind'];
  /** The open database; only inside hooks and tests. */
  database(): Database;
}

interface Opened {
  readonly database: Database;
  close(): Promise<void>;
}

/**
 * Describes the suite once for each kind of database that this test file covers.
 * @param as whose role: on PostgreSQL the one that serves cannot even try what triggers refuse
 */
export function describeEachDatabase(
  name: string,
  suite: (given: DatabaseForSuite) => void,
  as: 'serving' | 'owner' = 'serving',
): void {
  describeOn(name, 'embedded', openEmbeddedForTest, suite);
  if (coversPostgres())
    describeOn(name, 'postgres', as === 'owner' ? openPostgresForTest : openServedPostgres, suite);
}

/** A migrated, empty PostgreSQL database on a server of its own (or on that of TEST_DATABASE_URL). */
export async function openPostgresForTest(): Promise<Opened & { readonly url: string }> {
  const server = await startPostgres();
  const url = await server.createDatabase();
  const database = await openDatabase({ url });
  return {
    database,
    url,
    close: async () => {
      await database.close();
      await server.stop();
    },
  };
}

/** As a production site has it: the role that serves owns nothing, and has what the program grants it. */
async function openServedPostgres(): Promise<Opened> {
  const server = await startPostgres();
  const roles = await server.createRoles();
  const database = await openDatabase(roles);
  return {
    database,
    close: async () => {
      await database.close();
      await server.stop();
    },
  };
}

function describeOn(
  name: string,
  kind: Database['kind'],
  open: () => Promise<Opened>,
  suite: (given: DatabaseForSuite) => void,
): void {
  describe(`${name} (${kind})`, () => {
    let opened: Opened | undefined;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(async () => {
      await opened?.close();
    });
    suite({
      kind,
      database: () => {
        if (opened === undefined) throw new Error('the database is open only inside hooks and tests');
        return opened.database;
      },
    });
  });
}

function coversPostgres(): boolean {
  return TestRunner.getCurrentSuite().file?.filepath.endsWith('.db.test.ts') === true;
}
