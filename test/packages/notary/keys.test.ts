/** Keys of the dialect: their ids, and whose signatures count. */
import { constants, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { toPublicKey } from '@vidimus/crypto';
import { canonicalKeyId, keyIdOf, notaryDialect, x509KeyObject } from '@vidimus/notary';
import { type Key, verifyThreshold } from '@vidimus/tuf';
import { describe, expect, it } from 'vitest';
import { makeCertificate, p256PrivateKey } from '../../support/notary-certificates.ts';
import {
  certificateKey,
  ecdsaNotaryKey,
  ed25519NotaryKey,
  type NotaryKey,
  rsaNotaryKey,
  rsaPrivateKey,
} from '../../support/notary-keys.ts';
import { codeOf } from '../../support/tuf-client.ts';
import { START } from '../../support/tuf-simulator.ts';
import { capturedFile } from './captured-documents.ts';

const message = new TextEncoder().encode('{}');
const leaf = { key: 'a', commonName: 'a', notBefore: START } as const;

describe('a key of every kind', () => {
  it.each<[string, NotaryKey]>([
    ['ed25519', ed25519NotaryKey('a')],
    ['ecdsa', ecdsaNotaryKey('a')],
    ['ecdsa-x509', certificateKey(leaf)],
    ['rsa by PSS', rsaNotaryKey('rsapss')],
    ['rsa by PKCS#1 v1.5', rsaNotaryKey('rsapkcs1v15')],
  ])('%s counts by its own method, and by no other', (_, key) => {
    const value = key.sign(message);
    expect(counts(key, key.method, value)).toBe('accepted');
    for (const method of ['eddsa', 'ecdsa', 'rsapss', 'rsapkcs1v15', 'pycrypto-pkcs#1 pss', '']) {
      const expected = method === key.method ? 'accepted' : 'THRESHOLD';
      expect([method, counts(key, method, value)]).toEqual([method, expected]);
    }
    expect(counts(key, key.method, value.subarray(1))).toBe('THRESHOLD');
  });

  // What Go's verifier does not take, nobody can read afterwards: `captures/odd-spelling.test.ts`.
  it.each([0, 64, constants.RSA_PSS_SALTLEN_MAX_SIGN])(
    'refuses a PSS signature with salt %i',
    (saltLength) => {
      const key = { key: rsaPrivateKey(), padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
      expect(counts(rsaNotaryKey(), 'rsapss', new Uint8Array(sign('sha256', message, key)))).toBe(
        'THRESHOLD',
      );
    },
  );

  it('refuses an ECDSA signature in DER', () => {
    const value = new Uint8Array(sign('sha256', message, p256PrivateKey('a')));
    expect(counts(ecdsaNotaryKey('a'), 'ecdsa', value)).toBe('THRESHOLD');
  });

  it('T4 counts once, bare and with a certificate', () => {
    const bare = ecdsaNotaryKey('a');
    const certified = certificateKey(leaf);
    const keys = mapOf(bare, certified);
    const envelope = envelopeOf([
      [bare, bare.sign(message)],
      [certified, certified.sign(message)],
    ]);
    const roleKeys = { keyIds: [...keys.keys()], threshold: 2 };
    expect(codeOf(() => verifyThreshold(envelope, keys, roleKeys))).toBe('THRESHOLD');
  });
});

describe('the id of a key', () => {
  it('does not depend on how the object is written, nor on members that nobody knows', () => {
    const { declared, keyId } = ecdsaNotaryKey('a');
    const keyval = { public: publicOf(declared) };
    expect(keyIdOf({ odd: 1, keyval: { ...keyval, odd: 2 }, keytype: 'ecdsa' })).toBe(keyId);
    expect(keyIdOf({ keytype: 'ecdsa-x509', keyval })).not.toBe(keyId);
  });

  it('of a certificate is by its bytes; the bare one is what docker and notary print', () => {
    const bare = ecdsaNotaryKey('a');
    const certified = notaryDialect.toKey(certificateKey(leaf).declared);
    expect(certified.keyId).not.toBe(bare.keyId);
    expect(canonicalKeyId(certified)).toBe(bare.keyId);
    expect(canonicalKeyId(notaryDialect.toKey(bare.declared))).toBe(bare.keyId);
    const ed25519 = ed25519NotaryKey('a');
    expect(canonicalKeyId(notaryDialect.toKey(ed25519.declared))).toBe(ed25519.keyId);
  });

  it('bare, of the recorded RSA certificate, begins as recorded', () => {
    const { bytes } = capturedFile('targets-with-delegations.json');
    const document = notaryDialect.decode('targets', notaryDialect.open(bytes, bytes.length));
    const key = [...(document.delegations?.keys.values() ?? [])].find(({ keyId }) =>
      keyId.startsWith('af09'),
    );
    expect(key && canonicalKeyId(key)?.slice(0, 4)).toBe('e882');
  });
});

describe('a key object', () => {
  it('of a certificate is spelled as Go spells it, whatever came in', () => {
    const { pem } = makeCertificate(leaf);
    const odd = `\n${pem.replace(/\n/g, '\r\n')}`;
    expect(x509KeyObject(odd)).toEqual(x509KeyObject(pem));
    const rsa = makeCertificate({ ...leaf, privateKey: rsaPrivateKey() });
    expect(x509KeyObject(rsa.pem)['keytype']).toBe('rsa-x509');
  });

  it.each([
    ['of another kind', { keytype: 'dsa', keyval: { public: 'AQ==', private: null } }],
    ['that says ed25519 and is not', { keytype: 'ed25519', keyval: { public: 'AQ==' } }],
    [
      'that says rsa and is ecdsa',
      { keytype: 'rsa', keyval: { public: publicOf(ecdsaNotaryKey('a').declared) } },
    ],
    ['of a small-order point', { keytype: 'ed25519', keyval: { public: `${'A'.repeat(43)}=` } }],
    ['on a curve of nobody', { keytype: 'ecdsa', keyval: { public: bodyOf('secp224r1.pem') } }],
    [
      'by a compressed point, which the clients cannot read',
      { keytype: 'ecdsa', keyval: { public: compressed(publicOf(ecdsaNotaryKey('a').declared)) } },
    ],
  ])('%s has an id, and never counts', (_, declared) => {
    const key = notaryDialect.toKey(declared);
    expect(key.keyId).toMatch(/^[0-9a-f]{64}$/);
    expect(key.usable).toBeUndefined();
    expect(canonicalKeyId(key)).toBeUndefined();
  });

  it('by a compressed point is one that others could use', () => {
    const bytes = Buffer.from(compressed(publicOf(ecdsaNotaryKey('a').declared)), 'base64');
    const { spkiDer } = toPublicKey({ format: 'spki-der', bytes }, 'ecdsa-sha256-p1363');
    expect(Buffer.from(spkiDer).toString('base64')).toBe(publicOf(ecdsaNotaryKey('a').declared));
  });

  it.each([
    ['with a private half', { keytype: 'ed25519', keyval: { public: 'AQ==', private: 'AQ==' } }],
    ['with an empty private half', { keytype: 'ed25519', keyval: { public: 'AQ==', private: '' } }],
    ['without a public half', { keytype: 'ed25519', keyval: {} }],
    ['that is no base64', { keytype: 'ed25519', keyval: { public: '!' } }],
    ['without a type', { keyval: { public: 'AQ==' } }],
  ])('%s is refused', (_, declared) => {
    expect(codeOf(() => notaryDialect.toKey(declared))).toBe('MALFORMED');
  });
});

function counts(key: NotaryKey, method: string, value: Uint8Array): string {
  const envelope = { ...envelopeOf([]), signatures: [{ keyId: key.keyId, value, method }] };
  return codeOf(() => verifyThreshold(envelope, mapOf(key), { keyIds: [key.keyId], threshold: 1 }));
}

function mapOf(...keys: readonly NotaryKey[]): ReadonlyMap<string, Key> {
  return new Map(keys.map(({ keyId, declared }) => [keyId, notaryDialect.toKey(declared)]));
}

function envelopeOf(signatures: readonly (readonly [NotaryKey, Uint8Array])[]) {
  return {
    bytes: message,
    message,
    signed: {},
    signatures: signatures.map(([{ keyId, method }, value]) => ({ keyId, value, method })),
    allowsRepeatedSigners: true,
  };
}

function publicOf(declared: NotaryKey['declared']): string {
  const { keyval } = JSON.parse(JSON.stringify(declared));
  return String(keyval.public);
}

/** The same P-256 key with its point in the form of SEC 1 2.3.3 without y. */
function compressed(spki: string): string {
  const der = Buffer.from(spki, 'base64');
  const algorithm = der.subarray(2, 23);
  const [point, y] = [der.subarray(26), der.at(-1) ?? 0];
  const bits = Buffer.concat([Buffer.from([0x03, 0x22, 0x00, 2 + (y & 1)]), point.subarray(1, 33)]);
  return Buffer.concat([Buffer.from([0x30, algorithm.length + bits.length]), algorithm, bits]).toString(
    'base64',
  );
}

function bodyOf(name: string): string {
  const pem = readFileSync(new URL(`../../vectors/public-keys/${name}`, import.meta.url), 'utf8');
  return pem.replace(/-----[A-Z ]+-----|\s/g, '');
}
