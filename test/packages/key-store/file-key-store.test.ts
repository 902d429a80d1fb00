import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { sha256Hex, toHex } from '@vidimus/crypto';
import {
  type ClientKey,
  createFileKeyStore,
  type FileKeyStore,
  type FileKeyStoreParts,
} from '@vidimus/key-store';
import { beforeAll, describe, expect, it } from 'vitest';
import { keyIdOf, NOW, refusal, seededRandom, temporaryDirectory } from './seeded-parts.ts';

const message = new TextEncoder().encode('vidimus');
const passphrase = 'correct horse battery staple';
const base = temporaryDirectory();
const absent = sha256Hex(Buffer.from('absent'));

function storeIn(directory: string, parts: Partial<FileKeyStoreParts> = {}): FileKeyStore {
  return createFileKeyStore({
    directory,
    passphrase: async () => passphrase,
    random: seededRandom(directory),
    now: () => NOW,
    ...parts,
  });
}

// Opening takes a third of a second and 128 MiB by design: one key serves the tests that only read.
const shared = join(base, 'shared', 'keys');
let key: ClientKey;

beforeAll(async () => {
  key = await storeIn(shared).generate({ label: 'alice' }, keyIdOf);
});

/** A directory with a copy of the shared key's files, to spoil. */
function copyOfShared(name: string): string {
  const directory = join(base, name);
  mkdirSync(directory, { mode: 0o700 });
  for (const file of readdirSync(shared)) {
    copyFileSync(join(shared, file), join(directory, file));
    chmodSync(join(directory, file), 0o600);
  }
  return directory;
}

function pathOf(directory: string): string {
  return join(directory, `${key.keyId}.key`);
}

/** A copy of the shared key with members of its file replaced. */
function spoilt(name: string, members: Record<string, unknown>): FileKeyStore {
  const directory = copyOfShared(name);
  const file = { ...JSON.parse(readFileSync(pathOf(directory), 'utf8')), ...members };
  writeFileSync(pathOf(directory), JSON.stringify(file));
  return storeIn(directory);
}

describe('keys in files', () => {
  it('are made in a directory of mode 0700, in files of mode 0600, and nothing else is left', () => {
    expect(statSync(shared).mode & 0o777).toBe(0o700);
    expect(readdirSync(shared).sort()).toEqual([`${key.keyId}.key`, `${key.keyId}.signed`]);
    for (const name of readdirSync(shared)) expect(statSync(join(shared, name)).mode & 0o777).toBe(0o600);
  });

  it('open with their passphrase, and sign', async () => {
    const asked: (string | undefined)[] = [];
    const store = storeIn(shared, {
      passphrase: async (asking) => {
        asked.push(asking?.label);
        return passphrase;
      },
    });
    const signer = await store.open(key);
    expect(asked).toEqual(['alice']);
    expect(signer.publicKey.verify(message, await signer.sign(message))).toBe(true);
    expect(keyIdOf(key)).toBe(key.keyId);
  });

  it('do not open with another passphrase', async () => {
    const store = storeIn(shared, { passphrase: async () => `${passphrase} ` });
    expect((await refusal(() => store.open(key))).code).toBe('PASSPHRASE_WRONG');
  });

  it('open whatever the composition of the letters in the passphrase', async () => {
    const directory = join(base, 'composition');
    const made = await storeIn(directory, { passphrase: async () => 'Schl\u00fcssel' }).generate(
      { label: '' },
      keyIdOf,
    );
    expect(await storeIn(directory, { passphrase: async () => 'Schlu\u0308ssel' }).open(made)).toBeDefined();
  });

  it('need a passphrase', async () => {
    const store = storeIn(join(base, 'none'), { passphrase: async () => '' });
    expect((await refusal(() => store.generate({ label: '' }, keyIdOf))).code).toBe('PASSPHRASE_EMPTY');
    expect(await store.list()).toEqual([]);
  });

  it('show the public part without a passphrase, never the private one', async () => {
    const store = storeIn(shared, { passphrase: () => Promise.reject(new Error('was asked')) });
    expect(key).toEqual({
      keyId: key.keyId,
      algorithm: 'ed25519',
      publicHex: key.publicHex,
      label: 'alice',
      createdAt: NOW,
    });
    expect(await store.find(key.keyId)).toEqual(key);
    expect(await store.list()).toEqual([key]);
    const seed = seededRandom(shared)(32);
    expect(readFileSync(pathOf(shared), 'utf8')).not.toContain(toHex(seed));
  });

  it('have a record of signatures from the start', async () => {
    expect(await storeIn(shared).signed(key.keyId)).toEqual([]);
  });

  it('are unknown when they are not there', async () => {
    expect(await storeIn(shared).find(absent)).toBeUndefined();
    expect((await refusal(() => storeIn(shared).open({ ...key, keyId: absent }))).code).toBe('KEY_UNKNOWN');
  });

  it.each(['../escape', '', 'A'.repeat(64), `${'a'.repeat(64)}/x`])('have no id like "%s"', async (keyId) => {
    const store = storeIn(shared);
    expect((await refusal(() => store.find(keyId))).code).toBe('KEY_ID_INVALID');
    expect((await refusal(() => store.signed(keyId))).code).toBe('KEY_ID_INVALID');
    expect((await refusal(() => store.generate({ label: '' }, () => keyId))).code).toBe('KEY_ID_INVALID');
  });

  it('are never overwritten', async () => {
    const directory = copyOfShared('overwrite');
    const before = readFileSync(pathOf(directory), 'utf8');
    const store = storeIn(directory, { random: seededRandom('another') });
    expect((await refusal(() => store.generate({ label: '' }, () => key.keyId))).code).toBe('KEY_EXISTS');
    expect(readFileSync(pathOf(directory), 'utf8')).toBe(before);
    expect(readdirSync(directory)).toHaveLength(2);
  });

  it('keep other files out of the list', async () => {
    const directory = copyOfShared('others');
    writeFileSync(join(directory, 'notes.key'), 'x', { mode: 0o600 });
    writeFileSync(join(directory, `.${absent}.key.0123`), 'x', { mode: 0o600 });
    expect(await storeIn(directory).list()).toEqual([key]);
  });
});

describe('a key file that was altered', () => {
  it.each<[string, Record<string, unknown>]>([
    ['another version', { version: 3 }],
    ['the version of other algorithms', { version: 2 }],
    ['the algorithm of another version', { algorithm: 'ecdsa-p256' }],
    ['a certificate', { certificate: 'x' }],
    ['another algorithm', { algorithm: 'rsa' }],
    ['another key id', { keyId: absent }],
    ['a public key cut short', { publicHex: '00' }],
    ['a seed cut short', { sealed: '00' }],
    ['an unknown member', { N: 2 ** 30 }],
    ['a label that is too long', { label: 'x'.repeat(129) }],
  ])('is refused with %s', async (name, members) => {
    const store = spoilt(name.replaceAll(' ', '-'), members);
    expect((await refusal(() => store.open(key))).code).toBe('KEY_CORRUPT');
    expect((await refusal(() => store.list())).code).toBe('KEY_CORRUPT');
  });

  it.each<[string, Record<string, unknown>]>([
    ['label', { label: 'mallory' }],
    ['public key', { publicHex: '11'.repeat(32) }],
    ['time', { createdAt: 1 }],
    ['salt', { salt: '11'.repeat(16) }],
    ['seed', { sealed: '11'.repeat(60) }],
  ])('does not open with another %s', async (name, members) => {
    expect((await refusal(() => spoilt(`other-${name}`, members).open(key))).code).toBe('PASSPHRASE_WRONG');
  });

  it('is refused when it is no JSON', async () => {
    const directory = copyOfShared('no-json');
    writeFileSync(pathOf(directory), '{');
    expect((await refusal(() => storeIn(directory).open(key))).code).toBe('KEY_CORRUPT');
  });

  it('is refused when it is long', async () => {
    const directory = copyOfShared('long');
    writeFileSync(pathOf(directory), ' '.repeat(40_000));
    expect((await refusal(() => storeIn(directory).open(key))).code).toBe('FILE_UNSAFE');
  });
});

// T28: key files 0600, directories 0700, checked on each open.
describe('files that others may use', () => {
  it.each([0o640, 0o604, 0o620, 0o602, 0o601])('are refused: key file of mode %o', async (mode) => {
    const directory = copyOfShared(`file-${mode}`);
    chmodSync(pathOf(directory), mode);
    const error = await refusal(() => storeIn(directory).open(key));
    expect([error.code, error.detail['path']]).toEqual(['FILE_UNSAFE', pathOf(directory)]);
  });

  it.each([0o750, 0o705, 0o770, 0o707, 0o711])('are refused: directory of mode %o', async (mode) => {
    const directory = copyOfShared(`directory-${mode}`);
    chmodSync(directory, mode);
    const store = storeIn(directory);
    for (const work of [
      () => store.open(key),
      () => store.find(key.keyId),
      () => store.list(),
      () => store.signed(key.keyId),
      () => store.generate({ label: '' }, keyIdOf),
    ]) {
      expect((await refusal(work)).code).toBe('FILE_UNSAFE');
    }
  });

  it('are refused: a symbolic link for the key file', async () => {
    const directory = copyOfShared('file-link');
    renameSync(pathOf(directory), join(base, 'moved'));
    symlinkSync(join(base, 'moved'), pathOf(directory));
    expect((await refusal(() => storeIn(directory).open(key))).code).toBe('FILE_UNSAFE');
  });

  it('are refused: a symbolic link for the directory, with a slash after it, too', async () => {
    const link = join(base, 'directory-link');
    symlinkSync(shared, link);
    expect((await refusal(() => storeIn(link).open(key))).code).toBe('FILE_UNSAFE');
    expect((await refusal(() => storeIn(`${link}/`).open(key))).code).toBe('FILE_UNSAFE');
  });

  it('are refused: a directory for the key file', async () => {
    const directory = join(base, 'directory-for-file');
    mkdirSync(join(directory, `${key.keyId}.key`), { recursive: true, mode: 0o700 });
    expect((await refusal(() => storeIn(directory).open(key))).code).toBe('FILE_UNSAFE');
  });

  // Only root can give files away.
  it.runIf(process.getuid?.() === 0)('are refused: files and directories of another user', async () => {
    const directory = copyOfShared('owner');
    chownSync(pathOf(directory), 65534, 65534);
    expect((await refusal(() => storeIn(directory).open(key))).code).toBe('FILE_UNSAFE');
    chownSync(directory, 65534, 65534);
    expect((await refusal(() => storeIn(directory).list())).code).toBe('FILE_UNSAFE');
  });
});

describe('the record of a key that another program keeps', () => {
  it('is begun once, and then holds it to one document of a version', async () => {
    const store = storeIn(join(base, 'adopted', 'keys'));
    const entry = { repository: 'r', dialect: 'tuf', role: 'root', version: 1, sha256: sha256Hex(message) };
    expect((await refusal(() => store.claim(absent, entry))).code).toBe('RECORD_CORRUPT');
    await store.adopt(absent);
    await store.claim(absent, entry);
    await store.adopt(absent);
    expect(await store.signed(absent)).toEqual([entry]);
    expect((await refusal(() => store.claim(absent, { ...entry, sha256: absent }))).code).toBe(
      'ALREADY_SIGNED',
    );
    expect(await store.list()).toEqual([]);
  });
});
