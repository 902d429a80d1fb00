/** Embedded databases over a directory that a test spoils between two starts. */
import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Database, keyMasters, queryRows, trustIdempotency, trustRepositories } from '@vidimus/database';
import { eq, sql } from 'drizzle-orm';
import { afterEach, beforeEach } from 'vitest';
import {
  type EmbeddedOptions,
  openEmbedded,
} from '../../../../packages/database/src/embedded/open-embedded.ts';
import { readMigrations } from '../../../../packages/database/src/migrations.ts';
import { copyTemplate } from '../../../support/database-embedded.ts';
import { hex, sampleRepository, someTime } from '../sample-rows.ts';

/** The journal's first segment. */
export const firstSegment = '0000000000000001.log';

/** One data directory, made anew for each test. */
export interface DirectoryForTest {
  open(options?: Partial<EmbeddedOptions>): Promise<Database>;
  path(): string;
  db(): string;
  journal(name?: string): string;
  /** Codes of the warnings since the test began. */
  warnings(): readonly string[];
  /** Copies db/ as it is; the answer puts the copy back in its place. */
  keepCopy(): Promise<() => Promise<void>>;
  /** Makes the directory look as if the machine had stopped under an open database. */
  pretendMachineStopped(): Promise<void>;
}

/** Registers hooks that make the directory, close what was opened, and delete it. */
export function useDataDirectory(): DirectoryForTest {
  let directory = '';
  let warnings: string[] = [];
  const opened: Database[] = [];
  beforeEach(async () => {
    directory = await copyTemplate();
    warnings = [];
  });
  afterEach(async () => {
    for (const database of opened.splice(0)) await database.close();
    await rm(directory, { recursive: true, force: true });
  });
  const db = () => join(directory, 'db');
  const journal = (name = '') => join(directory, 'journal', name);
  return {
    open: async (options = {}) => {
      const migrations = options.migrations ?? (await readMigrations());
      const warn: EmbeddedOptions['warn'] = ({ code }) => warnings.push(code);
      const database = await openEmbedded(directory, { warn, ...options, migrations });
      opened.push(database);
      return database;
    },
    path: () => directory,
    db,
    journal,
    warnings: () => warnings,
    keepCopy: async () => {
      const copy = join(directory, 'copy');
      await cp(db(), copy, { recursive: true });
      return async () => {
        await rm(db(), { recursive: true });
        await cp(copy, db(), { recursive: true });
      };
    },
    pretendMachineStopped: () => writeFile(journal('running'), 'another boot'),
  };
}

/** Writes one repository. */
export async function add(database: Database, name: string): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.insert(trustRepositories).values(sampleRepository(name));
  });
}

/** The names of all repositories, in order. */
export async function names(database: Database): Promise<readonly string[]> {
  const name = trustRepositories.repository;
  return (await database.db.select({ name }).from(trustRepositories).orderBy(name)).map((row) => row.name);
}

/** Everything in every table, to compare two databases by. */
export async function contentOf(database: Database): Promise<unknown> {
  const tables = await queryRows(
    database.db,
    sql`select tablename from pg_tables where schemaname = 'public' order by 1`,
  );
  const content: Record<string, unknown> = {};
  for (const { tablename } of tables) {
    const name = String(tablename);
    content[name] = await queryRows(
      database.db,
      sql`select t::text as row from ${sql.identifier(name)} t order by 1`,
    );
  }
  return content;
}

/** Writes of every kind: nested and failed transactions, bytes, jsonb, arrays, updates, deletes. */
export async function writeSamples(database: Database): Promise<void> {
  for (const name of ['b', 'a', 'ü', 'c']) await add(database, name);
  await database.transaction(async (tx) => {
    await tx.insert(keyMasters).values({ purpose: 'service', fingerprint: 'kept' });
    await tx
      .transaction(async (inner) => {
        await inner.insert(keyMasters).values({ purpose: 'root', fingerprint: 'dropped' });
        throw new Error('inner');
      })
      .catch(() => undefined);
  });
  await database
    .transaction(async (tx) => {
      await tx.delete(keyMasters);
      throw new Error('rolled back');
    })
    .catch(() => undefined);
  const row = {
    caller: 'c',
    method: 'PUT',
    path: '/',
    bodyHash: hex('a'),
    createdAt: someTime,
    expiresAt: someTime,
  };
  await database.db.insert(trustIdempotency).values([
    {
      ...row,
      key: '1',
      body: Uint8Array.from({ length: 256 }, (_, index) => index),
      headers: { a: ['"', '\\', 'ü'] },
    },
    { ...row, key: '2', status: 200 },
  ]);
  await database.db
    .update(trustRepositories)
    .set({ endedAt: someTime, dialects: ['x"y', 'z'] })
    .where(eq(trustRepositories.repository, 'c'));
  await database.db.delete(trustIdempotency).where(eq(trustIdempotency.key, '2'));
}
