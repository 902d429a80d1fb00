import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import {
  keyMasters,
  lockUntilCommit,
  notify,
  openDatabase,
  type Queries,
  queryRows,
  toDatabaseError,
  tryLockUntilCommit,
} from '@vidimus/database';
import { eq, sql } from 'drizzle-orm';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PostgresServer, startPostgres } from '../../support/postgres-server.ts';

const program = fileURLToPath(new URL('./migrating-process.ts', import.meta.url));
let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(async () => {
  await server.stop();
});

/** Runs one statement as an operator would. */
async function administer(url: string, statement: string): Promise<readonly unknown[]> {
  const client = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    return await client.unsafe(statement);
  } finally {
    await client.end();
  }
}

describe('openDatabase with a URL', () => {
  it('lets processes that start together migrate once', async () => {
    const url = await server.createDatabase();
    const children = [0, 1, 2].map(() =>
      spawn(process.execPath, ['--conditions=source', '--import', 'tsx', program, url], {
        stdio: ['pipe', 'pipe', 'inherit'],
      }),
    );
    const lines = children.map(({ stdout }) => createInterface({ input: stdout })[Symbol.asyncIterator]());
    await Promise.all(lines.map((line) => line.next()));
    for (const child of children) child.stdin.write('go\n');
    const said = await Promise.all(lines.map(async (line) => String((await line.next()).value)));
    await Promise.all(children.map(ended));
    expect(said).toEqual(['open', 'open', 'open']);
    const applied = await administer(url, 'select position from database_migrations order by 1');
    expect(applied.length).toBeGreaterThan(0);
    await (await openDatabase({ url })).close();
  });

  it('refuses a database with a migration that this program does not know', async () => {
    const url = await server.createDatabase();
    await (await openDatabase({ url })).close();
    await administer(url, `insert into database_migrations values (9999, '9999_newer', 'x')`);
    await expect(openDatabase({ url })).rejects.toMatchObject({
      code: 'NEWER_SCHEMA',
      hint: expect.any(String),
    });
  });

  it('refuses a database whose migration is another one than ours', async () => {
    const url = await server.createDatabase();
    await (await openDatabase({ url })).close();
    await administer(url, `update database_migrations set sha256 = 'x' where position = 1`);
    await expect(openDatabase({ url })).rejects.toMatchObject({ code: 'MIGRATION_CHANGED' });
  });

  it('leaves nothing of a migration that failed', async () => {
    const url = await server.createDatabase();
    await administer(url, 'create table trust_tags (mine int)');
    await expect(openDatabase({ url })).rejects.toMatchObject({ code: 'MIGRATION_FAILED' });
    const tables = await administer(url, `select tablename from pg_tables where schemaname = 'public'`);
    expect(tables.map((row) => row)).toEqual([{ tablename: 'trust_tags' }]);
  });

  it('refuses a database that is not UTF-8', async () => {
    const url = await server.createDatabase();
    await administer(
      url,
      `create database latin_${new URL(url).pathname.slice(1)} encoding 'LATIN1' template template0 locale 'C'`,
    );
    const latin = new URL(url);
    latin.pathname = `/latin_${latin.pathname.slice(1)}`;
    await expect(openDatabase({ url: latin.href })).rejects.toMatchObject({ code: 'SERVER_UNSUITABLE' });
    await administer(url, `drop database latin_${new URL(url).pathname.slice(1)}`);
  });

  it.each(['', 'not a url', 'mysql://localhost/x', 'http://user:secret@localhost/x'])(
    'refuses the URL %j',
    async (url) => {
      const outcome = openDatabase({ url });
      await expect(outcome).rejects.toMatchObject({ code: 'URL_INVALID' });
      await expect(outcome).rejects.not.toThrow(/secret/);
    },
  );

  it('says UNAVAILABLE when nobody listens, and when the database is missing', async () => {
    await expect(openDatabase({ url: 'postgres://postgres@127.0.0.1:1/x' })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    const missing = new URL(await server.createDatabase());
    missing.pathname = '/missing_database';
    await expect(openDatabase({ url: missing.href })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});

describe('concurrent transactions', () => {
  it('that lose are told so, and tried again when asked', async () => {
    const database = await openDatabase({ url: await server.createDatabase() });
    await database.db.insert(keyMasters).values({ purpose: 'service', fingerprint: '0' });
    const increment = (attempts: number) =>
      database.transaction(
        async (tx) => {
          const [row] = await tx
            .select({ purpose: keyMasters.purpose, fingerprint: keyMasters.fingerprint })
            .from(keyMasters)
            .where(eq(keyMasters.purpose, 'service'));
          await queryRows(tx, sql`select pg_sleep(0.02)`);
          await tx.update(keyMasters).set({ fingerprint: String(Number(row?.fingerprint) + 1) });
        },
        { isolation: 'serializable', attempts },
      );
    const once = await Promise.allSettled([increment(1), increment(1)]);
    expect(once.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(once.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'SERIALIZATION' },
    });
    await Promise.all([increment(20), increment(20), increment(20)]);
    expect(
      await database.db
        .select({ purpose: keyMasters.purpose, fingerprint: keyMasters.fingerprint })
        .from(keyMasters),
    ).toEqual([{ purpose: 'service', fingerprint: '4' }]);
    await database.close();
  });

  it('try a lock that another holds and get no for an answer', async () => {
    const database = await openDatabase({ url: await server.createDatabase() });
    await database.transaction(async (holder) => {
      await lockUntilCommit(holder, 'repository:a');
      expect(await database.transaction((tx) => tryLockUntilCommit(tx, 'repository:a'))).toBe(false);
      expect(await database.transaction((tx) => tryLockUntilCommit(tx, 'repository:b'))).toBe(true);
    });
    await database.close();
  });

  it('end a statement that takes too long', async () => {
    const url = await server.createDatabase();
    const database = await openDatabase({ url }, { postgres: { statementTimeoutMs: 50 } });
    const slow = database.transaction((tx) => queryRows(tx, sql`select pg_sleep(60)`));
    await expect(slow).rejects.toMatchObject({ code: 'TIMEOUT' });
    await expect(database.ping()).resolves.toBeUndefined();
    await database.close();
  });
});

describe('a server that is restarted', () => {
  it('is UNAVAILABLE for a while; afterwards queries work and listeners hear of the gap', async () => {
    const restarted = await startPostgres({ own: true });
    const database = await openDatabase({ url: await restarted.createDatabase() });
    let heardGap: (() => void) | undefined;
    let heard: ((payload: string) => void) | undefined;
    const gap = new Promise<void>((resolve) => {
      heardGap = resolve;
    });
    const payload = new Promise<string>((resolve) => {
      heard = resolve;
    });
    await database.listen('trust_current', { onNotify: (text) => heard?.(text), onGap: () => heardGap?.() });
    const during = database.transaction((tx) => queryRows(tx, sql`select pg_sleep(60)`));
    const [outcome] = await Promise.allSettled([during, restarted.restart()]);
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'UNAVAILABLE' } });
    await gap;
    await database.transaction((tx) => notify(tx, 'trust_current', 'again'));
    expect(await payload).toBe('again');
    await database.close();
    await restarted.stop();
  });
});

describe('a transaction that has ended', () => {
  it('takes no more statements: its connection is somebody else’s', async () => {
    const database = await openDatabase({ url: await server.createDatabase() });
    let late: Queries | undefined;
    await database.transaction(async (tx) => {
      late = tx;
    });
    const error: unknown = await queryRows(late ?? database.db, sql`select 1`).catch(
      (caught: unknown) => caught,
    );
    expect(toDatabaseError(error)).toMatchObject({ code: 'UNAVAILABLE' });
    await database.close();
  });
});

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null) await new Promise((resolve) => child.once('exit', resolve));
}
