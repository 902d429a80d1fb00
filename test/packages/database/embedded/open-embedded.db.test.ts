import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { keyMasters } from '@vidimus/database';
import { describe, expect, it } from 'vitest';
import { type Disk, openDisk } from '../../../../packages/database/src/embedded/disk.ts';
import {
  add,
  contentOf,
  firstSegment,
  names,
  useDataDirectory,
  writeSamples,
} from './data-directory-for-test.ts';
import { systemError } from './memory-disk.ts';

const { open, journal, warnings, keepCopy } = useDataDirectory();

describe('an acknowledged write', () => {
  it('is on the disk before the commit: while the sync lasts nobody sees it, and nobody is told', async () => {
    let release: (() => void) | undefined;
    let reached: (() => void) | undefined;
    const inSync = new Promise<void>((resolve) => {
      reached = resolve;
    });
    let hold = false;
    const openJournalDisk = watched(async (operation) => {
      if (!hold || operation !== 'sync') return;
      reached?.();
      await new Promise<void>((resolve) => {
        release = resolve;
      });
    });
    const database = await open({ openJournalDisk });
    hold = true;
    let acknowledged = false;
    const writing = add(database, 'a').then(() => {
      acknowledged = true;
    });
    await inSync;
    await new Promise((resolve) => setImmediate(resolve));
    expect(acknowledged).toBe(false);
    expect((await readFile(journal(firstSegment))).length).toBeGreaterThan(0);
    hold = false;
    release?.();
    await writing;
    expect(await names(database)).toEqual(['a']);
  });

  it('is not made at all when the sync fails, and no other is until the next start', async () => {
    let broken = false;
    const openJournalDisk = watched((operation) => {
      if (broken && operation === 'sync') throw systemError('EIO');
    });
    const database = await open({ openJournalDisk });
    await add(database, 'before');
    broken = true;
    await expect(add(database, 'lost')).rejects.toMatchObject({ code: 'READ_ONLY' });
    broken = false;
    await expect(add(database, 'later')).rejects.toMatchObject({ code: 'READ_ONLY' });
    expect(await names(database)).toEqual(['before']);
    await database.close();
    const again = await open();
    await add(again, 'later');
    expect(await names(again)).toEqual(['before', 'later']);
  });

  it('is not made when the disk is full, and is when there is room again', async () => {
    let full = false;
    const openJournalDisk = watched((operation) => {
      if (full && operation === 'append') throw systemError('ENOSPC');
    });
    const database = await open({ openJournalDisk });
    full = true;
    await expect(add(database, 'a')).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(await names(database)).toEqual([]);
    full = false;
    await add(database, 'a');
    expect(await names(database)).toEqual(['a']);
  });

  it('is journaled when it is a single statement too, and reads are not', async () => {
    const database = await open();
    await database.db.select().from(keyMasters);
    await database.transaction((tx) => tx.select().from(keyMasters));
    expect((await readFile(journal(firstSegment))).length).toBe(0);
    await database.db.insert(keyMasters).values({ purpose: 'root', fingerprint: 'f' });
    expect((await readFile(journal(firstSegment), 'latin1')).includes('insert into')).toBe(true);
  });

  it('is journaled when its statement was not waited for', async () => {
    const database = await open();
    await database.transaction((tx) => {
      tx.insert(keyMasters)
        .values({ purpose: 'root', fingerprint: 'f' })
        .then(undefined, () => undefined);
      return Promise.resolve();
    });
    const stored = await database.db.select().from(keyMasters);
    expect((await readFile(journal(firstSegment))).length > 0).toBe(stored.length > 0);
  });
});

describe('a database rolled back by hand', () => {
  it('to an older copy is made whole, table by table', async () => {
    const first = await open();
    await add(first, 'old');
    await first.close();
    const putBack = await keepCopy();
    const second = await open();
    await writeSamples(second);
    const expected = await contentOf(second);
    await second.close();
    await putBack();
    const third = await open();
    expect(await contentOf(third)).toEqual(expected);
    expect(warnings()).toEqual(['JOURNAL_REPLAYED']);
  });
});

describe('a damaged journal', () => {
  it('that is torn is cut, and the database goes on', async () => {
    const database = await open();
    await add(database, 'a');
    await database.close();
    await appendFile(journal(firstSegment), 'half a rec');
    const again = await open();
    await add(again, 'b');
    expect(await names(again)).toEqual(['a', 'b']);
    expect(warnings()).toEqual(['JOURNAL_TORN']);
  });

  it('that is corrupt stops the start', async () => {
    const database = await open();
    await add(database, 'a');
    await add(database, 'b');
    await database.close();
    const bytes = await readFile(journal(firstSegment));
    bytes.writeUInt8(0, 60);
    await writeFile(journal(firstSegment), bytes);
    await expect(open()).rejects.toMatchObject({
      code: 'JOURNAL_CORRUPT',
      hint: expect.stringContaining('backup'),
    });
  });
});

describe('a query beside the open transaction', () => {
  it('is refused instead of waiting for ever', async () => {
    const database = await open();
    const beside = database.transaction(() => database.db.select().from(keyMasters));
    await expect(beside).rejects.toMatchObject({ code: 'INSIDE_TRANSACTION' });
    const nested = database.transaction(() => database.transaction(() => Promise.resolve()));
    await expect(nested).rejects.toMatchObject({ code: 'INSIDE_TRANSACTION' });
    expect(await names(database)).toEqual([]);
  });

  it('is refused through a tx that has ended', async () => {
    const database = await open();
    const tx = await database.transaction((inner) => Promise.resolve([inner]));
    const late = tx[0]?.insert(keyMasters).values({ purpose: 'root', fingerprint: 'late' });
    await expect(late).rejects.toThrow();
    expect(await database.db.select().from(keyMasters)).toEqual([]);
  });
});

describe('a closed database', () => {
  it('refuses queries and gives its directory up', async () => {
    const database = await open();
    await database.close();
    await database.close();
    await expect(database.ping()).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(add(database, 'a')).rejects.toMatchObject({ code: 'CLOSED' });
    await (await open()).close();
  });

  it('is refused to a second opener while it is open', async () => {
    await open();
    await expect(open()).rejects.toMatchObject({ code: 'LOCKED' });
  });
});

/** A disk under journal/ whose files call `before` for each append and sync. */
function watched(
  before: (operation: 'append' | 'sync') => void | Promise<void>,
): (directory: string) => Disk {
  return (path) => {
    const disk = openDisk(path);
    return {
      ...disk,
      open: async (name, how) => {
        const file = await disk.open(name, how);
        return {
          ...file,
          append: async (bytes) => {
            await before('append');
            await file.append(bytes);
          },
          sync: async () => {
            await before('sync');
            await file.sync();
          },
        };
      },
    };
  };
}
