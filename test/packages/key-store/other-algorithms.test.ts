/** Keys that are not Ed25519, in every home. */
import { createPrivateKey } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  createRootCertificate,
  ed25519FromSeed,
  fromHex,
  p256FromRandom,
  readPkcs8,
  type SignatureScheme,
  sha256Hex,
  toBase64,
  toHex,
} from '@vidimus/crypto';
import {
  type ClientKey,
  createFileKeyStore,
  createMemoryKeyStore,
  createWrappedKeyStore,
  type FileKeyStore,
  type KeyAlgorithm,
  type KeyScope,
  parseMasterKey,
  type WrappedKey,
} from '@vidimus/key-store';
import { beforeAll, describe, expect, it } from 'vitest';
import { keyIdOf, NOW, refusal, seededRandom, temporaryDirectory } from './seeded-parts.ts';

const message = new TextEncoder().encode('vidimus');
const scope: KeyScope = { repository: 'registry.example.com/shop/web', role: 'timestamp', dialect: 'notary' };
const master = parseMasterKey(toBase64(seededRandom('master')(32)));

function wrapped(seed = 'store') {
  return createWrappedKeyStore({ random: seededRandom(seed), now: () => NOW, master });
}

function pem(name: string): string {
  return readFileSync(new URL(`../../vectors/public-keys/${name}`, import.meta.url), 'utf8');
}

function pkcs8Of(name: string): Uint8Array {
  return new Uint8Array(createPrivateKey(pem(name)).export({ format: 'der', type: 'pkcs8' }));
}

const seed = seededRandom('ed25519')(32);
const ed25519Pkcs8 = Buffer.concat([fromHex('302e020100300506032b657004220420'), seed]);
const p256Pkcs8 = p256FromRandom(Buffer.concat([seededRandom('a')(32), seededRandom('b')(16)]));

const imports: readonly (readonly [KeyAlgorithm, Uint8Array])[] = [
  ['ed25519', ed25519Pkcs8],
  ['ecdsa-p256', p256Pkcs8],
  ['ecdsa-p384', pkcs8Of('p384-private.pem')],
  ['rsa', pkcs8Of('rsa-2048-private.pem')],
];

describe('rows', () => {
  // Made by the first release of the room: rows in databases must go on opening.
  it('of version 1 still open', async () => {
    const text = readFileSync(new URL('../../vectors/wrapped-keys/version-1.json', import.meta.url), 'utf8');
    const stored: Omit<WrappedKey, 'wrapped'> & { wrapped: string } = JSON.parse(text);
    const signer = await wrapped().open({ ...stored, wrapped: fromHex(stored.wrapped) });
    expect(toHex(signer.publicKey.spkiDer)).toContain(stored.publicHex);
    expect(signer.publicKey.verify(message, await signer.sign(message))).toBe(true);
  });

  it('hold new P-256 keys, which sign r || s unless another scheme is asked for', async () => {
    const keys = wrapped();
    const row = await keys.generate(scope, keyIdOf, 'ecdsa-p256');
    expect(row).toMatchObject({
      ...scope,
      algorithm: 'ecdsa-p256',
      keyId: sha256Hex(fromHex(row.publicHex)),
    });
    expect(row.wrapped[0]).toBe(2);
    const signer = await wrapped().open(row);
    expect(signer.scheme).toBe('ecdsa-sha256-p1363');
    expect(toHex(signer.publicKey.spkiDer)).toBe(row.publicHex);
    expect(signer.publicKey.verify(message, await signer.sign(message))).toBe(true);
    const other = await keys.open(row, 'ecdsa-sha2-nistp256');
    expect(other.scheme).toBe('ecdsa-sha2-nistp256');
    expect((await keys.open(row)).scheme).toBe('ecdsa-sha256-p1363');
    expect((await refusal(() => keys.open(row, 'ed25519'))).code).toBe('SCHEME_MISMATCH');
  });

  it('give the public half to the dialect', async () => {
    const ids = new Set<string>();
    const note = (half: Parameters<typeof keyIdOf>[0] & { spkiDer: Uint8Array }): string => {
      ids.add(toHex(half.spkiDer));
      return keyIdOf(half);
    };
    const row = await wrapped().generate(scope, note, 'ecdsa-p256');
    const other = await wrapped().generate(scope, note);
    expect([...ids]).toEqual([row.publicHex, `302a300506032b6570032100${other.publicHex}`]);
  });

  it.each(imports)('take in a key of somebody else: %s', async (algorithm, pkcs8) => {
    const before = Uint8Array.from(pkcs8);
    const row = await wrapped().import(scope, pkcs8, keyIdOf);
    expect(row.algorithm).toBe(algorithm);
    expect(Uint8Array.from(pkcs8)).toEqual(before);
    const signer = await wrapped().open(row);
    expect(toHex(signer.publicKey.spkiDer)).toBe(toHex(readPkcs8(pkcs8).spkiDer));
    expect(signer.publicKey.verify(message, await signer.sign(message))).toBe(true);
    expect(toHex(row.wrapped)).not.toContain(toHex(pkcs8.slice(-32)));
  });

  it('keep an imported Ed25519 key as if it had been made here', async () => {
    const row = await wrapped().import(scope, ed25519Pkcs8, keyIdOf);
    expect([row.wrapped.length, row.wrapped[0]]).toEqual([121, 1]);
    expect(row.publicHex).toBe(toHex(ed25519FromSeed(seed).publicRaw));
    expect((await refusal(() => wrapped().open(row, 'ecdsa-sha256-p1363'))).code).toBe('SCHEME_MISMATCH');
  });

  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array()],
    ['a public key', readPkcs8(p256Pkcs8).spkiDer],
    ['a key cut short', p256Pkcs8.slice(0, 60)],
    ['a megabyte', new Uint8Array(1_000_000)],
  ])('do not take in %s', async (_name, bytes) => {
    expect((await refusal(() => wrapped().import(scope, bytes, keyIdOf))).code).toBe('KEY_INVALID');
  });

  it('need the root master key for a root key, imported or made', async () => {
    const root = { ...scope, role: 'root' };
    expect((await refusal(() => wrapped().import(root, p256Pkcs8, keyIdOf))).code).toBe('SIGNER_UNAVAILABLE');
    expect((await refusal(() => wrapped().generate(root, keyIdOf, 'ecdsa-p256'))).code).toBe(
      'SIGNER_UNAVAILABLE',
    );
  });

  it('are not made from a broken source of random bytes', async () => {
    const keys = createWrappedKeyStore({ random: (n) => new Uint8Array(n), now: () => NOW, master });
    expect((await refusal(() => keys.generate(scope, keyIdOf, 'ecdsa-p256'))).code).toBe('RANDOM_INVALID');
  });

  describe('that were tampered with', () => {
    const spoilt: readonly (readonly [string, (row: WrappedKey, other: WrappedKey) => WrappedKey])[] = [
      ['in another repository', (row) => ({ ...row, repository: 'registry.example.com/shop/api' })],
      ['under another role', (row) => ({ ...row, role: 'snapshot' })],
      ['in another dialect', (row) => ({ ...row, dialect: 'tuf' })],
      ['under another key id', (row, other) => ({ ...row, keyId: other.keyId })],
      ['of another algorithm', (row) => ({ ...row, algorithm: 'ecdsa-p384' })],
      ['said to be Ed25519', (row) => ({ ...row, algorithm: 'ed25519' })],
      ['with the private key of another row', (row, other) => ({ ...row, wrapped: other.wrapped })],
      ['with the public key of another row', (row, other) => ({ ...row, publicHex: other.publicHex })],
      ['of version 1', (row) => ({ ...row, wrapped: Uint8Array.of(1, ...row.wrapped.slice(1)) })],
      ['cut short', (row) => ({ ...row, wrapped: row.wrapped.slice(0, -1) })],
      ['cut to nothing', (row) => ({ ...row, wrapped: row.wrapped.slice(0, 61) })],
      ['with a byte more', (row) => ({ ...row, wrapped: Uint8Array.of(...row.wrapped, 0) })],
      ['of a megabyte', (row) => ({ ...row, wrapped: new Uint8Array(1_000_000).fill(2) })],
    ];

    it.each(spoilt)('are refused: %s', async (_name, spoil) => {
      const keys = wrapped();
      const row = await keys.generate(scope, keyIdOf, 'ecdsa-p256');
      const other = await keys.generate(scope, keyIdOf, 'ecdsa-p256');
      expect((await refusal(() => keys.open(spoil(row, other)))).code).toBe('KEY_CORRUPT');
      await keys.open(row);
      await keys.open(other);
      expect((await refusal(() => keys.open(spoil(row, other)))).code).toBe('KEY_CORRUPT');
    });

    it('are refused with any byte changed', async () => {
      const keys = wrapped();
      const row = await keys.generate(scope, keyIdOf, 'ecdsa-p256');
      for (let at = 0; at < row.wrapped.length; at += 1) {
        const bytes = Uint8Array.from(row.wrapped);
        bytes[at] = (bytes[at] ?? 0) ^ 1;
        expect((await refusal(() => keys.open({ ...row, wrapped: bytes }))).code).toBe('KEY_CORRUPT');
      }
    });
  });
});

describe('the memory store', () => {
  it('makes and imports', async () => {
    const keys = createMemoryKeyStore({ random: seededRandom('memory'), now: () => NOW });
    const made = await keys.generate({}, keyIdOf, 'ecdsa-p256');
    const imported = await keys.import({}, p256Pkcs8, keyIdOf);
    for (const key of [made, imported]) {
      const signer = await keys.open(key);
      expect([key.algorithm, toHex(signer.publicKey.spkiDer)]).toEqual(['ecdsa-p256', key.publicHex]);
      expect(signer.publicKey.verify(message, await signer.sign(message))).toBe(true);
    }
    expect((await refusal(() => keys.import({}, new Uint8Array(3), keyIdOf))).code).toBe('KEY_INVALID');
  });
});

describe('files', () => {
  const base = temporaryDirectory();
  const shared = join(base, 'shared');
  const name = 'registry.example.com/shop/web';
  let certificate: string;
  let key: ClientKey;

  function storeIn(directory: string, passphrase = 'correct horse'): FileKeyStore {
    const random = seededRandom(directory);
    return createFileKeyStore({ directory, passphrase: async () => passphrase, random, now: () => NOW });
  }

  /** As Notary derives a root key's id: from the certificate. */
  const rootKeyId = (): string => sha256Hex(Buffer.from(certificate));

  beforeAll(async () => {
    const serial = seededRandom('serial')(16);
    const terms = { commonName: name, notBefore: NOW, notAfter: NOW + 3.15e11, serial };
    certificate = await createRootCertificate({ ...terms, pkcs8: p256Pkcs8 });
    key = await storeIn(shared).import({ label: `root of ${name}`, certificate }, p256Pkcs8, rootKeyId);
  });

  function spoiltCopy(to: string, members: Record<string, unknown>): FileKeyStore {
    const directory = join(base, to);
    mkdirSync(directory, { mode: 0o700 });
    for (const file of readdirSync(shared)) {
      copyFileSync(join(shared, file), join(directory, file));
      chmodSync(join(directory, file), 0o600);
    }
    const path = join(directory, `${key.keyId}.key`);
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...members }));
    return storeIn(directory);
  }

  it('keep a P-256 key with its certificate beside it', async () => {
    expect(key).toEqual({
      keyId: rootKeyId(),
      algorithm: 'ecdsa-p256',
      publicHex: toHex(readPkcs8(p256Pkcs8).spkiDer),
      label: `root of ${name}`,
      certificate,
      createdAt: NOW,
    });
    expect(readdirSync(shared).sort()).toEqual([`${key.keyId}.key`, `${key.keyId}.signed`]);
    expect(statSync(join(shared, `${key.keyId}.key`)).mode & 0o777).toBe(0o600);
    expect(await storeIn(shared).list()).toEqual([key]);
  });

  it('open as a signer, and only with the passphrase', async () => {
    const signer = await storeIn(shared).open(key);
    expect(signer.publicKey.verify(message, await signer.sign(message))).toBe(true);
    expect((await refusal(() => storeIn(shared, 'wrong').open(key))).code).toBe('PASSPHRASE_WRONG');
  });

  it('record what the key signed, per repository, dialect and role', async () => {
    const store = storeIn(shared);
    const document = {
      repository: name,
      dialect: 'notary',
      role: 'root',
      version: 1,
      sha256: 'a'.repeat(64),
    };
    await store.claim(key.keyId, document);
    await store.claim(key.keyId, { ...document, dialect: 'tuf', sha256: 'b'.repeat(64) });
    await store.claim(key.keyId, { ...document, role: 'targets', sha256: 'c'.repeat(64) });
    const second = { ...document, sha256: 'd'.repeat(64) };
    expect((await refusal(() => store.claim(key.keyId, second))).code).toBe('ALREADY_SIGNED');
    expect(await store.signed(key.keyId)).toHaveLength(3);
  });

  it('do not take in a certificate of another key, or none at all', async () => {
    const other = p256FromRandom(Buffer.concat([seededRandom('c')(32), seededRandom('d')(16)]));
    const store = storeIn(join(base, 'other'));
    for (const [pkcs8, wrong] of [
      [other, certificate],
      [p256Pkcs8, 'x'],
    ] as const) {
      const work = () => store.import({ label: '', certificate: wrong }, pkcs8, keyIdOf);
      expect((await refusal(work)).code).toBe('CERTIFICATE_WRONG');
    }
    expect(await store.list()).toEqual([]);
  });

  it('keep new P-256 keys and RSA keys without a certificate', async () => {
    const store = storeIn(join(base, 'plain'));
    const made = await store.generate({ label: 'new' }, keyIdOf, 'ecdsa-p256');
    const rsa = await store.import({ label: 'rsa' }, pkcs8Of('rsa-2048-private.pem'), keyIdOf);
    const schemes: readonly (readonly [ClientKey, SignatureScheme])[] = [
      [made, 'ecdsa-sha256-p1363'],
      [rsa, 'rsa-sha256'],
    ];
    for (const [held, scheme] of schemes) {
      expect(held).not.toHaveProperty('certificate');
      expect((await store.open(held)).scheme).toBe(scheme);
    }
  });

  it.each<[string, Record<string, unknown>]>([
    ['version 1', { version: 1 }],
    ['an algorithm of version 1', { algorithm: 'ed25519' }],
    ['an unknown algorithm', { algorithm: 'dsa' }],
    ['a certificate that is too long', { certificate: 'x'.repeat(9000) }],
    ['a secret that is too long', { sealed: '00'.repeat(6000) }],
    ['an odd number of digits', { publicHex: '123' }],
    ['an unknown member', { n: 1 }],
  ])('are refused with %s', async (to, members) => {
    const store = spoiltCopy(to.replaceAll(' ', '-'), members);
    expect((await refusal(() => store.open(key))).code).toBe('KEY_CORRUPT');
  });

  it.each<[string, Record<string, unknown>]>([
    ['no certificate', { certificate: undefined }],
    ['another algorithm', { algorithm: 'ecdsa-p384' }],
    ['another label', { label: 'mallory' }],
  ])('do not open with %s', async (to, members) => {
    const store = spoiltCopy(`bound-${to.replaceAll(' ', '-')}`, members);
    expect((await refusal(() => store.open(key))).code).toBe('PASSPHRASE_WRONG');
  });

  it('are refused with the certificate of another key', async () => {
    const other = p256FromRandom(Buffer.concat([seededRandom('e')(32), seededRandom('f')(16)]));
    const terms = { commonName: name, notBefore: NOW, notAfter: NOW + 1e9, serial: seededRandom('g')(16) };
    const store = spoiltCopy('wrong-certificate', {
      certificate: await createRootCertificate({ ...terms, pkcs8: other }),
    });
    expect((await refusal(() => store.open(key))).code).toBe('CERTIFICATE_WRONG');
  });
});
