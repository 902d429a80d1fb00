/** Keys of a simulated repository: the same name always gives the same key. They sign at once, not in a promise. */
import { constants, createECDH, createHash, createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { encodeCanonical, type JsonObject } from '@vidimus/canonical-json';
import { ed25519FromSeed, sha256Hex, toHex } from '@vidimus/crypto';

export interface TestKey {
  readonly keyId: string;
  /** The key object as metadata writes it. */
  readonly declared: JsonObject;
  readonly sign: (message: Uint8Array) => Uint8Array;
}

/** RFC 8410: PKCS#8 of an Ed25519 seed, without the seed. */
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');

const made = new Map<string, TestKey>();

export function ed25519Key(name: string, extra: JsonObject = {}): TestKey {
  const id = JSON.stringify([name, extra]);
  const key = made.get(id) ?? makeEd25519(name, extra);
  made.set(id, key);
  return key;
}

function makeEd25519(name: string, extra: JsonObject): TestKey {
  const seed = seedOf(name);
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, seed]), format: 'der', type: 'pkcs8' });
  const keyval = { public: toHex(ed25519FromSeed(seed).publicRaw) };
  const declared = { keytype: 'ed25519', scheme: 'ed25519', keyval, ...extra };
  return { ...named(declared), sign: (message) => new Uint8Array(sign(null, message, key)) };
}

/** The spellings in which P-256 keys occur. */
export type P256Spelling = 'ecdsa PEM' | 'legacy PEM' | 'legacy point';

export function p256Key(name: string, spelling: P256Spelling = 'ecdsa PEM'): TestKey {
  const { privateKey, pem, point } = p256(name);
  const keytype = spelling === 'ecdsa PEM' ? 'ecdsa' : 'ecdsa-sha2-nistp256';
  const keyval = { public: spelling === 'legacy point' ? point : pem };
  const declared = { keytype, scheme: 'ecdsa-sha2-nistp256', keyval };
  return { ...named(declared), sign: (message) => new Uint8Array(sign('sha256', message, privateKey)) };
}

/** The RSA key of `test/vectors/public-keys`; salts are random, as other signers' are. */
export function rsaKey(): TestKey {
  const read = (name: string): string =>
    readFileSync(new URL(`../vectors/public-keys/${name}`, import.meta.url), 'utf8');
  const key = createPrivateKey(read('rsa-2048-private.pem'));
  const declared = {
    keytype: 'rsa',
    scheme: 'rsassa-pss-sha256',
    keyval: { public: read('rsa-2048.pem') },
  };
  const options = { key, padding: constants.RSA_PKCS1_PSS_PADDING };
  return { ...named(declared), sign: (message) => new Uint8Array(sign('sha256', message, options)) };
}

function named(declared: JsonObject): Pick<TestKey, 'keyId' | 'declared'> {
  return { keyId: sha256Hex(encodeCanonical(declared)), declared };
}

function seedOf(name: string): Buffer {
  return createHash('sha256').update(name).digest();
}

function p256(name: string): {
  readonly privateKey: KeyObject;
  readonly pem: string;
  readonly point: string;
} {
  const ecdh = createECDH('prime256v1');
  const d = seedOf(name);
  ecdh.setPrivateKey(d);
  const point = ecdh.getPublicKey();
  const x = point.subarray(1, 33).toString('base64url');
  const y = point.subarray(33).toString('base64url');
  const jwk = { kty: 'EC', crv: 'P-256', d: d.toString('base64url'), x, y };
  const privateKey = createPrivateKey({ format: 'jwk', key: jwk });
  const spki = Buffer.concat([
    Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex'),
    point,
  ]);
  const lines = spki.toString('base64').match(/.{1,64}/g) ?? [];
  const pem = `-----BEGIN PUBLIC KEY-----\n${lines.join('\n')}\n-----END PUBLIC KEY-----\n`;
  return { privateKey, pem, point: point.toString('hex') };
}
