/** Recoveries that make databases anew, which takes seconds each. */
import { existsSync } from 'node:fs';
import { cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Database, keyMasters, trustRepositories } from '@vidimus/database';
import { eq } from 'drizzle-orm';
import { beforeEach, describe, expect, it } from 'vitest';
import { readMigrations } from '../../../../packages/database/src/migrations.ts';
import { hex } from '../sample-rows.ts';
import {
  add,
  contentOf,
  firstSegment,
  names,
  useDataDirectory,
  writeSamples,
} from './data-directory-for-test.ts';

const { open, path, db, journal, warnings, keepCopy, pretendMachineStopped } = useDataDirectory();

describe('a database rolled back by hand', () => {
  it('to nothing is made anew from the beginning of the journal', async () => {
    const first = await open();
    await writeSamples(first);
    const expected = await contentOf(first);
    await first.close();
    await rm(db(), { recursive: true });
    const second = await open();
    expect(await contentOf(second)).toEqual(expected);
    expect(warnings()).toEqual(['DATABASE_REBUILT', 'JOURNAL_REPLAYED']);
  });

  it('beyond the first kept segment is refused', async () => {
    const putBack = await keepCopy();
    const database = await open({ segmentBytes: 1 });
    for (const name of ['a', 'b', 'c']) await add(database, name);
    await database.close();
    await putBack();
    await expect(open()).rejects.toMatchObject({ code: 'JOURNAL_GAP' });
  });

  it('is refused when the journal is the older of the two, or gone', async () => {
    const database = await open();
    await add(database, 'a');
    await database.close();
    await truncate(journal(firstSegment), 0);
    await expect(open()).rejects.toMatchObject({ code: 'JOURNAL_GAP' });
    await rm(journal(), { recursive: true });
    await expect(open()).rejects.toMatchObject({ code: 'JOURNAL_GAP' });
  });
});

describe('a machine that stopped', () => {
  it('leaves db/ behind, which is made anew from the journal, whatever is in it', async () => {
    const first = await open();
    await writeSamples(first);
    const expected = await contentOf(first);
    await first.close();
    await pretendMachineStopped();
    await writeFile(join(db(), 'global', 'pg_control'), Buffer.alloc(8192));
    const second = await open();
    expect(await contentOf(second)).toEqual(expected);
    expect(warnings()).toEqual(['DATABASE_REBUILT', 'JOURNAL_REPLAYED']);
  });

  it('is recovered from the newest base when the journal no longer reaches back', async () => {
    const first = await open({ segmentBytes: 1 });
    for (const name of ['a', 'b', 'c']) await add(first, name);
    await first.close();
    expect((await readdir(journal())).sort()).toEqual([
      '0000000000000003.log',
      '0000000000000004.log',
      'base-0000000000000004',
    ]);
    const second = await open();
    await add(second, 'd');
    await second.close();
    await pretendMachineStopped();
    await rm(join(db(), 'PG_VERSION'));
    const third = await open();
    expect(await names(third)).toEqual(['a', 'b', 'c', 'd']);
    expect(warnings()).toEqual(['DATABASE_REBUILT', 'JOURNAL_REPLAYED']);
  });

  it('is refused, and db/ kept, when neither base nor journal reaches far enough', async () => {
    const first = await open({ segmentBytes: 1 });
    for (const name of ['a', 'b']) await add(first, name);
    await first.close();
    await rm(journal('base-0000000000000003'), { recursive: true });
    await pretendMachineStopped();
    await expect(open()).rejects.toMatchObject({ code: 'JOURNAL_GAP' });
    expect(existsSync(db())).toBe(true);
  });

  it('is told from a process that was killed: there, db/ is kept', async () => {
    const database = await open();
    await add(database, 'a');
    const marker = await readFile(journal('running'));
    await database.close();
    await writeFile(journal('running'), marker);
    const again = await open();
    expect(await names(again)).toEqual(['a']);
    expect(warnings()).toEqual([]);
  });
});

describe('a damaged journal', () => {
  it('whose writes change other rows than they did is refused', async () => {
    const database = await open();
    await add(database, 'a');
    await database.close();
    const putBack = await keepCopy();
    const second = await open();
    await second.db
      .update(trustRepositories)
      .set({ logSize: 1 })
      .where(eq(trustRepositories.repository, 'a'));
    await second.close();
    await putBack();
    const text = (await readFile(journal(firstSegment), 'latin1')).length;
    expect(text).toBeGreaterThan(0);
    const { drizzleEngine, close } = await rawEngine();
    await drizzleEngine.exec("delete from trust_repositories where repository = 'a'");
    await close();
    await expect(open()).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' });
  });
});

describe('a commit that is refused', () => {
  const folder = (): string => join(path(), 'migrations');

  beforeEach(async () => {
    await rm(db(), { recursive: true });
    await rm(journal(), { recursive: true });
    await cp('migrations', folder(), { recursive: true });
    await writeFile(
      join(folder(), '0000_initial.sql'),
      `create table key_masters (purpose text, fingerprint text unique deferrable initially deferred, previous text)`,
    );
    const entries = [{ idx: 0, tag: '0000_initial' }];
    await writeFile(join(folder(), 'meta', '_journal.json'), JSON.stringify({ entries }));
  });

  const insert = (database: Database, fingerprint: string) =>
    database.transaction(async (tx) => {
      await tx.insert(keyMasters).values({ purpose: 'p', fingerprint });
    });

  it('is cancelled in the journal, so that a replay leaves it out', async () => {
    const migrations = await readMigrations(folder());
    const database = await open({ migrations });
    await insert(database, 'a');
    await expect(insert(database, 'a')).rejects.toMatchObject({ code: 'CONSTRAINT' });
    await insert(database, 'b');
    const expected = await contentOf(database);
    await database.close();
    await rm(db(), { recursive: true });
    const again = await open({ migrations });
    expect(await again.db.select({ f: keyMasters.fingerprint }).from(keyMasters)).toEqual([
      { f: 'a' },
      { f: 'b' },
    ]);
    expect(await contentOf(again)).toEqual(expected);
  });

  it('is taken out at the next start when the crash came before its cancellation', async () => {
    const migrations = await readMigrations(folder());
    const database = await open({ migrations });
    await insert(database, 'a');
    await insert(database, 'a').catch(() => undefined);
    await database.close();
    const bytes = await readFile(journal(firstSegment));
    await truncate(journal(firstSegment), bytes.lastIndexOf(Uint8Array.of(0xff, 0x56, 0x4a, 0x01)));
    const again = await open({ migrations });
    expect(warnings()).toEqual(['RECORD_CANCELLED']);
    await insert(again, 'b');
    await again.close();
    const last = await open({ migrations });
    expect(await last.db.select({ f: keyMasters.fingerprint }).from(keyMasters)).toEqual([
      { f: 'a' },
      { f: 'b' },
    ]);
    expect(warnings()).toEqual(['RECORD_CANCELLED']);
  }, 60_000);
});

describe('a journal written across a migration', () => {
  it('is repeated with the migration in its place', async () => {
    await rm(db(), { recursive: true });
    await rm(journal(), { recursive: true });
    const all = await readMigrations();
    const older = all.slice(0, 1);
    const first = await open({ migrations: older });
    await add(first, 'before');
    await first.close();
    const second = await open();
    await add(second, 'after');
    const expected = await contentOf(second);
    await second.close();
    await rm(db(), { recursive: true });
    await expect(open({ migrations: older })).rejects.toMatchObject({ code: 'NEWER_SCHEMA' });
    const third = await open();
    expect(await contentOf(third)).toEqual(expected);
    await third.close();
    await expect(open({ migrations: older })).rejects.toMatchObject({ code: 'NEWER_SCHEMA' });
    const changed = all.map((migration) => ({ ...migration, sha256: hex('0') }));
    await expect(open({ migrations: changed })).rejects.toMatchObject({ code: 'MIGRATION_CHANGED' });
  }, 60_000);
});

async function rawEngine() {
  const { PGlite } = await import('@electric-sql/pglite');
  const drizzleEngine = await PGlite.create(db());
  return { drizzleEngine, close: () => drizzleEngine.close() };
}
