/** Keys of notary-signer: rows that the real one wrote, and everything a row can say that must not be believed. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readPkcs8 } from '@vidimus/crypto';
import { ecdsaKeyObject, ed25519KeyObject, keyIdOf, rsaKeyObject } from '@vidimus/notary';
import { CompactEncrypt } from 'jose';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { SealedKeyRow } from '../../packages/cli/src/migrate/notary/notary-tables.ts';
import { openSignerKey, passphraseVariable } from '../../packages/cli/src/migrate/notary/signer-key.ts';
import { notaryPrivateBytes, sealSignerKey } from '../support/notary-signer-rows.ts';

const rowSchema = z.object({
  keyId: z.string(),
  encryption: z.string(),
  keywrap: z.string(),
  algorithm: z.string(),
  alias: z.string(),
  gun: z.string(),
  role: z.string(),
  private: z.string(),
});
const vectors = z
  .object({ environment: z.record(z.string(), z.string()), rows: z.array(rowSchema).min(4) })
  .parse(
    JSON.parse(readFileSync(new URL('../vectors/notary-signer/private-keys.json', import.meta.url), 'utf8')),
  );
const { environment } = vectors;

const rows = vectors.rows.map(({ private: sealed, ...row }) => ({ ...row, sealed }));
const [first] = rows;
if (first === undefined) throw new Error('no vectors');

/** The id that a root lists for the public half. */
function idOf(pkcs8: Uint8Array): string {
  const { kind, spkiDer } = readPkcs8(pkcs8);
  if (kind === 'ed25519') return keyIdOf(ed25519KeyObject(spkiDer.subarray(-32)));
  return keyIdOf(kind === 'rsa' ? rsaKeyObject(spkiDer) : ecdsaKeyObject(spkiDer));
}

async function opened(row: SealedKeyRow, given: Readonly<Record<string, string>> = environment) {
  const key = await openSignerKey(row, given);
  if ('code' in key) throw new Error(`refused: ${key.code}`);
  return key;
}

async function refusal(row: SealedKeyRow, given: Readonly<Record<string, string>> = environment) {
  const key = await openSignerKey(row, given);
  return 'code' in key ? key : undefined;
}

describe('a row that notary-signer wrote', () => {
  it.each(rows.map((row) => [row.algorithm, row.keyId.slice(0, 12), row] as const))(
    'of algorithm %s (%s) opens, and its public half has its id',
    async (algorithm, _, row) => {
      expect(row.algorithm).toBe(algorithm);
      expect(idOf(await opened(row))).toBe(row.keyId);
    },
  );

  it('is looked up under the alias as notary-signer does, in upper case and without dots', () => {
    expect(passphraseVariable('alias.one')).toBe('NOTARY_SIGNER_ALIAS_ONE');
    expect(passphraseVariable('prod_2')).toBe('NOTARY_SIGNER_PROD_2');
  });

  it('needs the passphrase of its alias, and says which variable it looked for', async () => {
    expect(await refusal(first, {})).toEqual({
      code: 'PASSPHRASE_MISSING',
      variable: 'NOTARY_SIGNER_ALIAS_ONE',
    });
    expect(await refusal(first, { NOTARY_SIGNER_ALIAS_ONE: '' })).toMatchObject({
      code: 'PASSPHRASE_MISSING',
    });
    expect(await refusal(first, { NOTARY_SIGNER_ALIAS_ONE: 'wrong' })).toEqual({
      code: 'PASSPHRASE_WRONG',
      variable: 'NOTARY_SIGNER_ALIAS_ONE',
    });
  });
});

describe('a row that says something else', () => {
  const spoiled: readonly (readonly [string, (row: SealedKeyRow) => SealedKeyRow])[] = [
    ['names another content encryption', (row) => ({ ...row, encryption: 'A128GCM' })],
    ['names another key wrapping', (row) => ({ ...row, keywrap: 'dir' })],
    ['has a key longer than any', (row) => ({ ...row, sealed: null })],
    ['has no JWE', (row) => ({ ...row, sealed: 'x.y.z' })],
    ['is of an algorithm no server key has', (row) => ({ ...row, algorithm: 'ecdsa-x509' })],
    ['is of another algorithm than its key', (row) => ({ ...row, algorithm: 'rsa' })],
    ['takes an ecdsa key for ed25519', (row) => ({ ...row, algorithm: 'ed25519' })],
  ];
  it.each(spoiled)('is no key when it %s', async (_, spoil) => {
    expect(await refusal(spoil(first))).toEqual({ code: 'KEY_UNREADABLE' });
  });

  it('does not open after one changed byte', async () => {
    const parts = first.sealed.split('.');
    const text = Buffer.from(parts[3] ?? '', 'base64url');
    text[0] = (text[0] ?? 0) ^ 1;
    parts[3] = text.toString('base64url');
    expect(await refusal({ ...first, sealed: parts.join('.') })).toMatchObject({ code: 'PASSPHRASE_WRONG' });
  });

  it('does not choose its algorithm in the header', async () => {
    const secret = new Uint8Array(32).fill(7);
    const header = { alg: 'dir', enc: 'A256GCM' } as const;
    const sealed = await new CompactEncrypt(randomBytes(32)).setProtectedHeader(header).encrypt(secret);
    const given = { NOTARY_SIGNER_ALIAS_ONE: Buffer.from(secret).toString('latin1') };
    expect(await refusal({ ...first, sealed }, given)).toEqual({ code: 'KEY_UNREADABLE' });
  });

  it('does not keep the processor busy: iterations are capped before any is done', async () => {
    const header = Buffer.from(
      JSON.stringify({ alg: 'PBES2-HS256+A128KW', enc: 'A256GCM', p2c: 2 ** 40, p2s: 'AAAAAAAAAAAAAAAA' }),
    );
    const sealed = [header.toString('base64url'), ...first.sealed.split('.').slice(1)].join('.');
    expect(await refusal({ ...first, sealed })).toEqual({ code: 'KEY_UNREADABLE' });
  });
});

describe('the writer of the tests', () => {
  it.each(['ecdsa', 'ed25519', 'rsa'] as const)('seals %s as notary-signer does', async (algorithm) => {
    const { privateKey } =
      algorithm === 'ecdsa'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : algorithm === 'rsa'
          ? generateKeyPairSync('rsa', { modulusLength: 2048 })
          : generateKeyPairSync('ed25519');
    const sealed = await sealSignerKey(notaryPrivateBytes(privateKey), 'signer secret');
    const pkcs8 = await opened({ ...first, algorithm, sealed });
    expect(Buffer.from(pkcs8)).toEqual(privateKey.export({ format: 'der', type: 'pkcs8' }));
  });
});
