/** Notary's tables as they are read from PostgreSQL and from MariaDB: the same rows, whatever the driver. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  assertServerTables,
  assertSignerTable,
  listChanges,
  listVersions,
  readDocument,
  readNames,
  readSealedKeys,
} from '../../packages/cli/src/migrate/notary/notary-tables.ts';
import { openSource } from '../../packages/cli/src/migrate/notary/open-source.ts';
import type { SourceDatabase } from '../../packages/cli/src/migrate/notary/source-database.ts';
import { type MariadbServer, startMariadb } from '../support/mariadb-server.ts';
import { createNotaryMariadb, createNotaryPostgres, type NotaryDatabase } from '../support/notary-tables.ts';
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts';

let postgresServer: PostgresServer;
let mariadbServer: MariadbServer;
beforeAll(async () => {
  [postgresServer, mariadbServer] = await Promise.all([startPostgres(), startMariadb()]);
});
afterAll(async () => {
  await Promise.all([postgresServer?.stop(), mariadbServer?.stop()]);
});

async function all<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe.each(['postgres', 'mysql'] as const)('Notary in %s', (kind) => {
  let database: NotaryDatabase;
  let source: SourceDatabase;
  beforeAll(async () => {
    database = await (kind === 'postgres'
      ? createNotaryPostgres(postgresServer)
      : createNotaryMariadb(mariadbServer));
    source = await openSource(database.url, '--server-db');
  });
  afterAll(async () => {
    await source?.close();
  });

  it('has names, versions, bytes and times', async () => {
    const gun = 'registry.example.com/team/app';
    await database.insertFile({
      gun,
      role: 'root',
      version: 1,
      data: bytes('r1'),
      createdAt: '2026-01-02 03:04:05',
    });
    await database.insertFile({ gun, role: 'targets/releases', version: 7, data: bytes('t7'), sha256: null });
    await database.insertFile({ gun: `${gun}2`, role: 'root', version: 1, data: bytes('other') });
    await source.read(async (reader) => {
      await assertServerTables(reader);
      const names = await readNames(reader, -1);
      expect(names.map((name) => name.gun)).toEqual([gun, `${gun}2`]);
      expect(await readNames(reader, names[0]?.first ?? 0)).toEqual([names[1]]);
      const { versions, unreadable, tooMany } = await listVersions(reader, gun);
      expect([unreadable, tooMany]).toEqual([0, false]);
      expect(versions).toMatchObject([
        { role: 'root', version: 1, length: 2, createdAtMs: Date.UTC(2026, 0, 2, 3, 4, 5) },
        { role: 'targets/releases', version: 7, sha256: null },
      ]);
      expect(versions[0]?.sha256).toMatch(/^[0-9a-f]{64}$/);
      const data = await readDocument(reader, versions[1]?.id ?? 0);
      expect(Buffer.from(data ?? []).toString()).toBe('t7');
      expect(await readDocument(reader, 999_999)).toBeUndefined();
    });
  });

  it('keeps names apart that differ in case or quote alone', async () => {
    const names = ["example.com/o'brien", 'example.com/o\\', 'example.com/Upper', 'example.com/upper'];
    for (const [position, gun] of names.entries()) {
      // MySQL's usual collation takes the last two for one name: their versions must differ.
      await database.insertFile({ gun, role: 'root', version: position + 1, data: bytes(gun) });
    }
    await source.read(async (reader) => {
      const listed = (await readNames(reader, -1)).map(({ gun }) => gun);
      expect(listed).toEqual(expect.arrayContaining(names));
      for (const [position, gun] of names.entries()) {
        const { versions } = await listVersions(reader, gun);
        expect(versions.map(({ version }) => version)).toEqual([position + 1]);
      }
    });
  });

  it('has no rows that were marked as deleted', async () => {
    const gun = 'example.com/deleted';
    await database.insertFile({ gun, role: 'root', version: 1, data: bytes('x') });
    await database.execute('update tuf_files set deleted_at = created_at where gun = ?', [gun]);
    await source.read(async (reader) => {
      expect((await readNames(reader, -1)).map((name) => name.gun)).not.toContain(gun);
      expect((await listVersions(reader, gun)).versions).toEqual([]);
    });
  });

  it('has a change feed, read in pages', async () => {
    const gun = 'example.com/feed';
    const sha256 = 'ab'.repeat(32);
    await database.insertChange({ gun, version: 1, sha256, createdAt: '2026-01-02 03:04:05' });
    await database.insertChange({ gun: `${gun}2`, version: 1, sha256 });
    await database.insertChange({ gun, version: 0, sha256: '', category: 'deletion' });
    await source.read(async (reader) => {
      const changes = await all(listChanges(reader, gun, 0));
      expect(changes).toMatchObject([
        { version: 1, sha256, category: 'update', createdAtMs: Date.UTC(2026, 0, 2, 3, 4, 5) },
        { version: 0, sha256: '', category: 'deletion' },
      ]);
      expect(await all(listChanges(reader, gun, changes[0]?.id ?? 0))).toEqual([changes[1]]);
    });
  });

  it('has keys, and gives only those that are asked for', async () => {
    const key = { algorithm: 'ecdsa', alias: 'one', publicBytes: bytes('p'), gun: 'x', role: 'timestamp' };
    await database.insertKey({ ...key, keyId: 'aa', sealed: 'h.e.a.d.er' });
    await database.insertKey({ ...key, keyId: 'bb', sealed: 'other' });
    await source.read(async (reader) => {
      await assertSignerTable(reader);
      expect(await readSealedKeys(reader, [])).toEqual([]);
      expect(await readSealedKeys(reader, ['aa', "b' or '1'='1"])).toEqual([
        {
          keyId: 'aa',
          algorithm: 'ecdsa',
          alias: 'one',
          gun: 'x',
          role: 'timestamp',
          encryption: 'A256GCM',
          keywrap: 'PBES2-HS256+A128KW',
          sealed: 'h.e.a.d.er',
        },
      ]);
    });
  });

  it('sees one moment, and cannot be written to', async () => {
    const gun = 'example.com/moment';
    await database.insertFile({ gun, role: 'root', version: 1, data: bytes('1') });
    await source.read(async (reader) => {
      expect((await listVersions(reader, gun)).versions).toHaveLength(1);
      await database.insertFile({ gun, role: 'root', version: 2, data: bytes('2') });
      expect((await listVersions(reader, gun)).versions).toHaveLength(1);
    });
    const write = source.read((reader) => reader.query('delete from tuf_files'));
    await expect(write).rejects.toMatchObject({ code: 'SOURCE_UNUSABLE' });
    await source.read(async (reader) => expect((await listVersions(reader, gun)).versions).toHaveLength(2));
  });

  it('is told apart from databases of something else, closed ports and wrong users', async () => {
    const url = new URL(database.url);
    const broken: readonly (readonly [string, string, number])[] = [
      [Object.assign(new URL(url), { pathname: '/nothing_here' }).href, 'SOURCE_REFUSED', 2],
      [Object.assign(new URL(url), { port: '1' }).href, 'SOURCE_UNREACHABLE', 4],
    ];
    for (const [address, code, exit] of broken) {
      const wrong = await openSource(address, '--server-db');
      await expect(wrong.read(assertServerTables)).rejects.toMatchObject({ code, exit });
      await wrong.close();
    }
    await database.execute('alter table private_keys rename to other_keys');
    await expect(source.read(assertSignerTable)).rejects.toMatchObject({ code: 'SOURCE_INVALID', exit: 2 });
  });
});
