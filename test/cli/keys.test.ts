/** Keys on one's own machine: made, listed, taken in and handed out; never readable by others. */
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  type Circumstances,
  type Machine,
  normalise,
  openMachine,
  openSite,
  type TrustSite,
} from './publishing-world.ts';

let site: TrustSite;
let machine: Machine;
beforeAll(async () => {
  site = await openSite();
  machine = await openMachine(site, 'keys');
});
afterAll(async () => {
  await machine.close();
  await site.close();
});

const made = z.looseObject({ keyId: z.string(), file: z.string(), public: z.string() });
const failure = z.object({ error: z.looseObject({ code: z.string() }) });

async function make(words: readonly string[]) {
  const { exit, stdout } = await machine.run(['key', ...words, '--json']);
  expect(exit).toBe(0);
  return made.parse(JSON.parse(stdout));
}

async function failureOf(words: readonly string[], circumstances: Circumstances = {}) {
  const { exit, stdout } = await machine.run(['key', ...words, '--json'], circumstances);
  return `${failure.parse(JSON.parse(stdout)).error.code} ${exit}`;
}

async function show(words: readonly string[]) {
  return normalise(site, machine, await machine.run(['key', ...words]));
}

describe('a key', () => {
  it('is made encrypted, with its public half beside it', async () => {
    expect(await show(['generate', '--label', 'releases'])).toMatchInlineSnapshot(`
      "CREATED  key {12 hex}
        id        {64 hex}
        kind      ed25519
        label     releases
        file      ~/.local/share/vidimus/keys/{64 hex}.key
        public    ~/.local/share/vidimus/keys/{64 hex}.pub
        next      vidimus delegation add REPO NAME --signer WHO=~/.local/share/vidimus/keys/{64 hex}.pub --path '*'
      exit 0"
    `);
    const directory = join(machine.home, '.local/share/vidimus/keys');
    for (const name of await readdir(directory)) {
      expect((await stat(join(directory, name))).mode & 0o077).toBe(0);
    }
  });

  it('is listed with what it signed last', async () => {
    expect(await show(['list'])).toMatchInlineSnapshot(`
      "KEY           ALGORITHM  SINCE       SIGNED LAST  LABEL
      {12 hex}  ed25519    2026-11-21  nothing yet  releases
      exit 0"
    `);
  });

  it('has a certificate for Notary clients where that was asked for', async () => {
    const key = await make(['generate', '--dialect', 'notary', '--for', 'registry.example.com/a/b']);
    expect(await readFile(key.public, 'utf8')).toMatch(/^-----BEGIN CERTIFICATE-----/);
    expect(await failureOf(['generate', '--dialect', 'notary'])).toBe('USAGE 2');
    const ed = ['generate', '--dialect', 'notary', '--for', 'a/b', '--algorithm', 'ed25519'];
    expect(await failureOf(ed)).toBe('USAGE 2');
  });

  it.each(['ed25519', 'ecdsa-p256'])(
    'of the kind %s comes back from an export as the same key',
    async (algorithm) => {
      const key = await make(['generate', '--algorithm', algorithm]);
      const file = join(machine.home, `${algorithm}.pem`);
      const out = await machine.run(['key', 'export', key.keyId.slice(0, 12), '--private', '--out', file]);
      expect(out.stdout).toMatch(/^EXPORTED/);
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      expect(await readFile(file, 'utf8')).toMatch(/^-----BEGIN ENCRYPTED PRIVATE KEY-----/);
      const other = await openMachine(site, `other ${algorithm}`);
      const taken = await other.run(['key', 'import', file, '--label', 'taken over', '--json']);
      expect(made.parse(JSON.parse(taken.stdout)).keyId).toBe(key.keyId);
      const wrong = await other.run(['key', 'import', file, '--json'], {
        environment: { VIDIMUS_PASSPHRASE: 'wrong' },
      });
      expect(failure.parse(JSON.parse(wrong.stdout)).error.code).toBe('PASSPHRASE_WRONG');
      await other.close();
    },
  );

  it('of OpenSSL is taken in', async () => {
    const file = join(machine.home, 'openssl.pem');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await writeFile(
      file,
      createPrivateKey(privateKey.export({ type: 'sec1', format: 'pem' })).export({
        type: 'pkcs8',
        format: 'pem',
      }),
    );
    const key = await make(['import', file, '--label', 'from openssl']);
    const out = await machine.run(['key', 'export', key.keyId]);
    expect(out.stdout).toMatch(/^-----BEGIN PUBLIC KEY-----/);
    expect(await failureOf(['import', file])).toBe('KEY_EXISTS 2');
  });

  it.each<[string, string[], string]>([
    ['is not there', ['export', 'ffff'], 'KEY_UNKNOWN 1'],
    ['would be shown', ['export', '0', '--private'], 'KEY_UNKNOWN 1'],
    ['is none', ['import', '/dev/null'], 'KEY_INVALID 2'],
    ['is in no file', ['import', '/nowhere'], 'FILE_UNREADABLE 2'],
    ['is named too shortly', ['impact', '7c'], 'USAGE 2'],
    ['is revoked for no reason', ['revoke', '7c1e'], 'USAGE 2'],
    ['was lost at no time', ['revoke', '7c1e', '--reason', 'x', '--compromised-since', 'once'], 'USAGE 2'],
    ['nobody lists', ['impact', 'f'.repeat(64)], 'KEY_UNKNOWN 1'],
  ])('that %s is refused', async (_, words, code) => {
    expect(await failureOf(words)).toBe(code);
  });

  it('is never written over, nor shown on a terminal', async () => {
    const key = await make(['generate']);
    const file = join(machine.home, 'there');
    await writeFile(file, 'mine');
    expect(await failureOf(['export', key.keyId, '--out', file])).toBe('FILE_UNWRITABLE 2');
    expect(await failureOf(['export', key.keyId, '--private'])).toBe('USAGE 2');
    expect(await readFile(file, 'utf8')).toBe('mine');
  });
});
