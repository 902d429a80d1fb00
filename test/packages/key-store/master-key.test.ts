import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { toBase64, toHex } from '@vidimus/crypto';
import { assertMasterKey, createMasterKeyFile, parseMasterKey, readMasterKeyFile } from '@vidimus/key-store';
import { describe, expect, it } from 'vitest';
import { refusal, seededRandom, temporaryDirectory } from './seeded-parts.ts';

const bytes = seededRandom('master')(32);
const text = toBase64(bytes);
const directory = temporaryDirectory();

describe('parseMasterKey', () => {
  it('takes base64 of 32 bytes, with space around it', () => {
    const { fingerprint } = parseMasterKey(text);
    expect(fingerprint).toMatch(/^[0-9a-f]{16}$/);
    expect(parseMasterKey(` ${text}\n`).fingerprint).toBe(fingerprint);
    expect(parseMasterKey(toBase64(seededRandom('other')(32))).fingerprint).not.toBe(fingerprint);
  });

  it.each([
    ['nothing', ''],
    ['31 bytes', toBase64(bytes.slice(1))],
    ['33 bytes', toBase64(Uint8Array.of(...bytes, 1))],
    ['hex', toHex(bytes)],
    ['base64 without padding', text.replace(/=+$/, '')],
    ['base64 with space inside', `${text.slice(0, 9)} ${text.slice(9)}`],
    ['a passphrase', 'correct horse battery staple'],
    ['all zeros', toBase64(new Uint8Array(32))],
    ['one byte over and over', toBase64(new Uint8Array(32).fill(0x41))],
  ])('refuses %s, without repeating it', async (_name, wrong) => {
    const error = await refusal(() => parseMasterKey(wrong));
    expect(error.code).toBe('MASTER_KEY_INVALID');
    if (wrong !== '') expect(inspect(error)).not.toContain(wrong);
  });

  it('shows nothing of the key when printed', () => {
    const printed = `${inspect(parseMasterKey(text), { depth: 9 })}${JSON.stringify(parseMasterKey(text))}`;
    expect(printed).not.toContain(text);
    expect(printed).not.toContain(toHex(bytes));
  });
});

describe('assertMasterKey', () => {
  it('refuses another fingerprint', async () => {
    const master = parseMasterKey(text);
    assertMasterKey(master, master.fingerprint);
    expect((await refusal(() => assertMasterKey(master, '0'.repeat(16)))).code).toBe('MASTER_KEY_WRONG');
  });
});

describe('master key files', () => {
  it('are made with mode 0600 and read back', async () => {
    const path = join(directory, 'master.key');
    const made = await createMasterKeyFile(path, seededRandom('file'));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect((await readMasterKeyFile(path)).fingerprint).toBe(made.fingerprint);
  });

  it('are never overwritten', async () => {
    const path = join(directory, 'kept.key');
    await createMasterKeyFile(path, seededRandom('first'));
    const before = readFileSync(path, 'utf8');
    expect((await refusal(() => createMasterKeyFile(path, seededRandom('second')))).code).toBe('KEY_EXISTS');
    expect(readFileSync(path, 'utf8')).toBe(before);
  });

  it.each([0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o666])('are refused with mode %o', async (mode) => {
    const path = join(directory, `mode-${mode}.key`);
    await createMasterKeyFile(path, seededRandom('mode'));
    chmodSync(path, mode);
    expect((await refusal(() => readMasterKeyFile(path))).code).toBe('FILE_UNSAFE');
  });

  it('may be read through a link, as mounted secrets are, but what it leads to is checked', async () => {
    const path = join(directory, 'linked.key');
    await createMasterKeyFile(path, seededRandom('linked'));
    symlinkSync(path, join(directory, 'link'));
    expect(await readMasterKeyFile(join(directory, 'link'))).toBeDefined();
    chmodSync(path, 0o644);
    expect((await refusal(() => readMasterKeyFile(join(directory, 'link')))).code).toBe('FILE_UNSAFE');
  });

  it('are refused when missing, a directory, empty, or too long', async () => {
    expect((await refusal(() => readMasterKeyFile(join(directory, 'none')))).code).toBe('MASTER_KEY_MISSING');
    mkdirSync(join(directory, 'sub'), { mode: 0o700 });
    expect((await refusal(() => readMasterKeyFile(join(directory, 'sub')))).code).toBe('FILE_UNSAFE');
    writeFileSync(join(directory, 'empty'), '', { mode: 0o600 });
    expect((await refusal(() => readMasterKeyFile(join(directory, 'empty')))).code).toBe(
      'MASTER_KEY_INVALID',
    );
    writeFileSync(join(directory, 'long'), 'A'.repeat(2000), { mode: 0o600 });
    expect((await refusal(() => readMasterKeyFile(join(directory, 'long')))).code).toBe('FILE_UNSAFE');
  });
});
