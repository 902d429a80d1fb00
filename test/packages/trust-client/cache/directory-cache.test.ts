import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256Hex } from '@vidimus/crypto';
import {
  createClientCache,
  type Disk,
  type RepositoryCache,
  realDisk,
  withLock,
} from '@vidimus/trust-client';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { refusalOf } from '../../../support/trust-test-bed.ts';

const REPOSITORY = 'registry.example.com:5000/team/app';
const own = sha256Hex(Buffer.from(REPOSITORY));
let root: string;
let cache: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'vidimus-cache-'));
  cache = join(root, 'cache');
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const open = (disk: Disk = realDisk): Promise<RepositoryCache> =>
  createClientCache(cache, disk).open(REPOSITORY);
const text = (found: Uint8Array | undefined): string | undefined => found && Buffer.from(found).toString();

describe('layout', () => {
  it('gives no role the file of another where case does not count', async () => {
    const opened = await open();
    const run = opened.metadata.begin();
    await run.store({ role: 'timestamp' }, bytes('{}'));
    await run.store({ role: 'Timestamp' }, bytes('{}'));
    await run.store({ role: 'qA' }, bytes('{}'));
    await run.store({ role: 'q%41' }, bytes('{}'));
    const names = (await readdir(join(cache, own, 'tuf'))).map((name) => name.toLowerCase());
    expect(new Set(names).size).toBe(4);
  });

  it('is the one of CONTRACTS C1, for the owner alone', async () => {
    const opened = await open();
    const run = opened.metadata.begin();
    await run.store({ role: 'root' }, bytes('{}'));
    await run.store({ role: 'root', version: 3 }, bytes('{}'));
    await run.store({ role: 'qa/nightly' }, bytes('{}'));
    await opened.update('state', () => bytes('{}'));
    const directory = join(cache, own);
    expect((await readdir(directory)).sort()).toEqual(['repository.txt', 'state', 'tuf']);
    expect((await readdir(join(directory, 'tuf'))).sort()).toEqual([
      '3.root.json',
      'qa%2Fnightly.json',
      'root.json',
    ]);
    expect(await readFile(join(directory, 'repository.txt'), 'utf8')).toBe(`${REPOSITORY}\n`);
    for (const path of [cache, directory, join(directory, 'tuf')]) {
      expect((await lstat(path)).mode & 0o777).toBe(0o700);
    }
    for (const name of ['state', 'repository.txt', 'tuf/root.json']) {
      expect((await lstat(join(directory, name))).mode & 0o777).toBe(0o600);
    }
  });

  it('lists the repositories it has', async () => {
    await open();
    await mkdir(join(cache, 'f'.repeat(64)), { mode: 0o700 });
    await writeFile(join(cache, 'f'.repeat(64), 'repository.txt'), 'registry.example.com/lie\n', {
      mode: 0o600,
    });
    expect(await createClientCache(cache).list()).toEqual([REPOSITORY]);
    expect(await createClientCache(join(root, 'nothing')).list()).toEqual([]);
  });
});

describe('T19: role names', () => {
  const hostile = [
    '../x',
    '/x',
    'a/../../x',
    '..%2f',
    'a\0b',
    'a\\b',
    '..',
    '.',
    '',
    '1.root',
    'root.json',
    'é',
    'x'.repeat(5_000),
  ];

  it.each(hostile)('%j stays in the directory and apart from the others', async (role) => {
    const run = (await open()).metadata.begin();
    await run.store({ role: 'root', version: 1 }, bytes('root 1'));
    await run.store({ role: 'root' }, bytes('root'));
    await run.store({ role }, bytes('hostile'));
    expect(text(await run.load({ role }))).toBe('hostile');
    expect(text(await run.load({ role: 'root' }))).toBe('root');
    expect(text(await run.load({ role: 'root', version: 1 }))).toBe('root 1');
    expect(await readdir(join(cache, own, 'tuf'))).toHaveLength(3);
    expect(await readdir(root)).toEqual(['cache']);
  });

  it('never share a file', async () => {
    const run = (await open()).metadata.begin();
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.string({ unit: 'grapheme' }), { minLength: 2, maxLength: 4 }),
        async (roles) => {
          for (const role of roles) await run.store({ role }, bytes(`role ${role}`));
          for (const role of roles) expect(text(await run.load({ role }))).toBe(`role ${role}`);
        },
      ),
      { seed: 19, numRuns: 30 },
    );
  });
});

describe('T28: a cache that somebody else could write', () => {
  const places = [
    ['the cache', () => cache],
    ['the repository', () => join(cache, own)],
    ['the metadata', () => join(cache, own, 'tuf')],
  ] as const;

  it.each(places)('is refused where the directory of %s is group-writable', async (_, path) => {
    await open();
    await chmod(path(), 0o770);
    expect(await refusalOf(open())).toBe('CACHE_UNSAFE');
  });

  it.each(places)('is refused where the directory of %s is a link', async (_, path) => {
    await open();
    await rm(path(), { recursive: true });
    await mkdir(join(root, 'elsewhere'), { mode: 0o700 });
    await symlink(join(root, 'elsewhere'), path());
    expect(await refusalOf(open())).toBe('CACHE_UNSAFE');
    expect(await readdir(join(root, 'elsewhere'))).toEqual([]);
  });

  it.each(places)('is refused where the directory of %s is a file', async (_, path) => {
    await open();
    await rm(path(), { recursive: true });
    await writeFile(path(), '');
    expect(await refusalOf(open())).toBe('CACHE_UNSAFE');
  });

  it('is refused where a directory belongs to somebody else', async () => {
    await open();
    const foreign: Disk = {
      ...realDisk,
      lstat: (async (path: string) => {
        const stats = await realDisk.lstat(path);
        return Object.assign(stats, { uid: stats.uid + 1 });
      }) as Disk['lstat'],
    };
    expect(await refusalOf(open(foreign))).toBe('CACHE_UNSAFE');
  });

  it('is refused where a file can be written by others, or is a link', async () => {
    const { metadata } = await open();
    await metadata.begin().store({ role: 'root' }, bytes('{}'));
    const file = join(cache, own, 'tuf', 'root.json');
    await chmod(file, 0o606);
    expect(await refusalOf(metadata.begin().load({ role: 'root' }))).toBe('CACHE_UNSAFE');
    await rm(file);
    await writeFile(join(root, 'planted'), '{}', { mode: 0o600 });
    await symlink(join(root, 'planted'), file);
    expect(await refusalOf(metadata.begin().load({ role: 'root' }))).toBe('CACHE_UNSAFE');
  });

  it('does not wait for a pipe in place of a file', async () => {
    const { metadata } = await open();
    await mkdir(join(cache, own, 'tuf', 'root.json'), { mode: 0o700 });
    expect(await refusalOf(metadata.begin().load({ role: 'root' }))).toBe('CACHE_UNSAFE');
  });
});

describe('two clients at once', () => {
  const timestamp = { role: 'timestamp' };

  it('a run that looked before another wrote does not write over it', async () => {
    const { metadata } = await open();
    await metadata.begin().store(timestamp, bytes('1'));
    const [slow, fast] = [metadata.begin(), metadata.begin()];
    await slow.load(timestamp);
    await fast.load(timestamp);
    expect(await fast.store(timestamp, bytes('3'))).toBe('stored');
    expect(await slow.store(timestamp, bytes('2'))).toBe('superseded');
    expect(await slow.store(timestamp, bytes('2'))).toBe('superseded');
    expect(text(await metadata.begin().load(timestamp))).toBe('3');
  });

  it('discards only what it saw', async () => {
    const { metadata } = await open();
    await metadata.begin().store(timestamp, bytes('1'));
    const slow = metadata.begin();
    await slow.load(timestamp);
    const fast = metadata.begin();
    await fast.load(timestamp);
    await fast.store(timestamp, bytes('3'));
    expect(await slow.discard(timestamp)).toBe('superseded');
    expect(text(await metadata.begin().load(timestamp))).toBe('3');
  });

  it('is content where both store the same', async () => {
    const { metadata } = await open();
    const [one, other] = [metadata.begin(), metadata.begin()];
    await one.load(timestamp);
    await other.load(timestamp);
    expect(await one.store(timestamp, bytes('2'))).toBe('stored');
    expect(await other.store(timestamp, bytes('2'))).toBe('stored');
  });

  it('loses no change of the state file', async () => {
    const opened = await open();
    const add = (): Promise<void> =>
      opened.update('state', (before) => bytes(String(Number(text(before) ?? '0') + 1)));
    await Promise.all(Array.from({ length: 12 }, add));
    expect(text(await opened.read('state'))).toBe('12');
  });
});

describe('the lock', () => {
  const lock = (): string => join(cache, 'lock');

  beforeEach(async () => {
    await mkdir(cache, { mode: 0o700 });
  });

  it('of a dead process is broken', async () => {
    // No process has this id: Linux ends below 2^22.
    await writeFile(lock(), `${2 ** 22 + 1} ${hostname()} x`, { mode: 0o600 });
    expect(await withLock(realDisk, lock(), async () => 'in')).toBe('in');
    expect(await readdir(cache)).toEqual([]);
  });

  it('of a live process is respected', async () => {
    await writeFile(lock(), `${process.pid} ${hostname()} x`, { mode: 0o600 });
    expect(await refusalOf(withLock(realDisk, lock(), async () => 'in', 30))).toBe('CACHE_BUSY');
    expect(await readdir(cache)).toEqual(['lock']);
  });

  it('of another host is respected while it is young', async () => {
    await writeFile(lock(), '1 another-host x', { mode: 0o600 });
    expect(await refusalOf(withLock(realDisk, lock(), async () => 'in', 30))).toBe('CACHE_BUSY');
  });

  it('lets one in at a time', async () => {
    let inside = 0;
    let most = 0;
    const enter = (): Promise<void> =>
      withLock(realDisk, lock(), async () => {
        inside += 1;
        most = Math.max(most, inside);
        await new Promise((resolve) => setImmediate(resolve));
        inside -= 1;
      });
    await Promise.all(Array.from({ length: 10 }, enter));
    expect(most).toBe(1);
  });

  it('is given back when the action fails', async () => {
    const failing = withLock(realDisk, lock(), async () => {
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await readdir(cache)).toEqual([]);
  });
});

describe('what dead processes left', () => {
  it('is swept once it is old, and never read', async () => {
    await open();
    const tuf = join(cache, own, 'tuf');
    const [old, young] = [join(tuf, '.old.tmp'), join(tuf, '.young.tmp')];
    for (const path of [old, young]) await writeFile(path, 'half', { mode: 0o600 });
    await utimes(old, 1_000, 1_000);
    await open();
    expect(await readdir(tuf)).toEqual(['.young.tmp']);
  });
});

describe('a full disk', () => {
  it('leaves the file as it was', async () => {
    await (await open()).metadata.begin().store({ role: 'root' }, bytes('old'));
    const full: Disk = {
      ...realDisk,
      open: (async (path: string, flags: number, mode: number) => {
        const handle = await realDisk.open(path, flags, mode);
        handle.writeFile = async () => {
          throw Object.assign(new Error('full'), { code: 'ENOSPC' });
        };
        return handle;
      }) as Disk['open'],
    };
    const run = (await open(full)).metadata.begin();
    expect(await refusalOf(run.store({ role: 'root' }, bytes('new')))).toBe('CACHE_FAILED');
    expect(text(await run.load({ role: 'root' }))).toBe('old');
    expect(await readdir(join(cache, own, 'tuf'))).toEqual(['root.json']);
  });
});
