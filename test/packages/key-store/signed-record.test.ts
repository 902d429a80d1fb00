import {
  appendFileSync,
  chmodSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { sha256Hex } from '@vidimus/crypto';
import { createFileKeyStore, type SignedDocument } from '@vidimus/key-store';
import { beforeEach, describe, expect, it } from 'vitest';
import { NOW, refusal, seededRandom, temporaryDirectory } from './seeded-parts.ts';

const keyId = sha256Hex(Buffer.from('key'));
const directory = temporaryDirectory();
const path = join(directory, `${keyId}.signed`);

const keys = createFileKeyStore({
  directory,
  passphrase: async () => 'never asked for',
  random: seededRandom('record'),
  now: () => NOW,
});

function document(text: string, overrides: Partial<SignedDocument> = {}): SignedDocument {
  return {
    repository: 'registry.example.com/shop/web',
    dialect: 'tuf',
    role: 'targets',
    version: 3,
    sha256: sha256Hex(Buffer.from(text)),
    ...overrides,
  };
}

const a = document('a');
const b = document('b');
const c = document('c');

beforeEach(() => {
  rmSync(path, { force: true });
  writeFileSync(path, '', { mode: 0o600 });
});

describe('the record of what a key signed', () => {
  it('keeps every document, oldest first', async () => {
    const next = document('b', { version: 4 });
    await keys.claim(keyId, a);
    await keys.claim(keyId, next);
    expect(await keys.signed(keyId)).toEqual([a, next]);
  });

  it('takes the same document again without a second line', async () => {
    await keys.claim(keyId, a);
    const before = readFileSync(path, 'utf8');
    await keys.claim(keyId, a);
    expect(readFileSync(path, 'utf8')).toBe(before);
  });

  it('refuses a second document for a version, and names the first', async () => {
    await keys.claim(keyId, a);
    const before = readFileSync(path, 'utf8');
    const error = await refusal(() => keys.claim(keyId, b));
    expect(error.code).toBe('ALREADY_SIGNED');
    expect(error.detail).toEqual({ ...a });
    expect(readFileSync(path, 'utf8')).toBe(before);
  });

  it.each<[string, Partial<SignedDocument>]>([
    ['version', { version: 4 }],
    ['role', { role: 'root' }],
    ['dialect', { dialect: 'notary' }],
    ['repository', { repository: 'registry.example.com/shop/api' }],
  ])('takes a document of another %s', async (_name, overrides) => {
    await keys.claim(keyId, a);
    await keys.claim(keyId, document('b', overrides));
    expect(await keys.signed(keyId)).toHaveLength(2);
  });

  it('lets a document take the place of the one it names', async () => {
    await keys.claim(keyId, a);
    const instead = { ...b, insteadOf: a.sha256 };
    await keys.claim(keyId, instead);
    expect(await keys.signed(keyId)).toEqual([a, instead]);
    // From now on b is what was signed: a is dead, and a third must name b.
    expect((await refusal(() => keys.claim(keyId, a))).code).toBe('ALREADY_SIGNED');
    expect((await refusal(() => keys.claim(keyId, { ...c, insteadOf: a.sha256 }))).code).toBe(
      'ALREADY_SIGNED',
    );
    await keys.claim(keyId, { ...c, insteadOf: b.sha256 });
  });

  it('refuses a document that names another one than was signed', async () => {
    await keys.claim(keyId, a);
    expect((await refusal(() => keys.claim(keyId, { ...b, insteadOf: c.sha256 }))).code).toBe(
      'ALREADY_SIGNED',
    );
  });

  it('lets one of many claims at once through', async () => {
    const results = await Promise.allSettled(
      [a, b, c, document('d')].map((entry) => keys.claim(keyId, entry)),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await keys.signed(keyId)).toHaveLength(1);
  });

  it('lets the first line win when another process wrote one', async () => {
    await keys.claim(keyId, a);
    appendFileSync(path, `${JSON.stringify(b)}\n`);
    expect(await keys.signed(keyId)).toEqual([a]);
    await keys.claim(keyId, a);
  });

  it('goes on after a line that a crash tore', async () => {
    await keys.claim(keyId, a);
    const size = readFileSync(path).length;
    const other = document('b', { version: 4 });
    await keys.claim(keyId, other);
    truncateSync(path, size + 40);
    expect(await keys.signed(keyId)).toEqual([a]);
    await keys.claim(keyId, document('c', { version: 4 }));
    expect(await keys.signed(keyId)).toEqual([a, document('c', { version: 4 })]);
    expect((await refusal(() => keys.claim(keyId, other))).code).toBe('ALREADY_SIGNED');
  });

  it('counts a line that lost only its end of line', async () => {
    await keys.claim(keyId, a);
    truncateSync(path, readFileSync(path).length - 1);
    expect((await refusal(() => keys.claim(keyId, b))).code).toBe('ALREADY_SIGNED');
    await keys.claim(keyId, document('b', { version: 4 }));
    expect(await keys.signed(keyId)).toHaveLength(2);
  });

  it.each([
    ['a line that is not JSON', '{"repository":}\n'],
    ['a line without a version', `${JSON.stringify({ ...a, version: undefined })}\n`],
    ['a version zero', `${JSON.stringify({ ...a, version: 0 })}\n`],
    ['an unknown member', `${JSON.stringify({ ...a, note: 'x' })}\n`],
    ['a digest in capitals', `${JSON.stringify({ ...a, sha256: 'A'.repeat(64) })}\n`],
  ])('refuses %s', async (_name, line) => {
    writeFileSync(path, line, { mode: 0o600 });
    expect((await refusal(() => keys.claim(keyId, c))).code).toBe('RECORD_CORRUPT');
  });

  it('refuses to sign without a record', async () => {
    rmSync(path);
    expect((await refusal(() => keys.claim(keyId, a))).code).toBe('RECORD_CORRUPT');
    expect((await refusal(() => keys.signed(keyId))).code).toBe('RECORD_CORRUPT');
  });

  it('refuses a record that others may write, or that is a link', async () => {
    chmodSync(path, 0o620);
    expect((await refusal(() => keys.claim(keyId, a))).code).toBe('FILE_UNSAFE');
    chmodSync(path, 0o600);
    renameSync(path, join(directory, 'elsewhere'));
    symlinkSync(join(directory, 'elsewhere'), path);
    expect((await refusal(() => keys.claim(keyId, a))).code).toBe('FILE_UNSAFE');
    expect(readFileSync(join(directory, 'elsewhere'), 'utf8')).toBe('');
  });
});
