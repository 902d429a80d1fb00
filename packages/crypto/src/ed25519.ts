/**
 * Ed25519 (RFC 8032). OpenSSL gives the verdict, but it accepts weak and non-canonical public keys, under which
 * one signature can be valid for every message; verifiers then disagree about the same bytes. So a key is
 * admitted once, strictly, and R is checked here: together they leave nothing that implementations answer
 * differently (test/vectors/ed25519).
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { Point } from '@noble/ed25519';
import { toHex } from './encoding.ts';
import { CryptoError } from './errors.ts';

const PUBLIC_BYTES = 32;
const SEED_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** RFC 8410 section 7: everything of a PKCS#8 private key before its 32-byte seed. */
const PKCS8_PREFIX = Uint8Array.of(
  0x30,
  0x2e,
  0x02,
  0x01,
  0x00,
  0x30,
  0x05,
  0x06,
  0x03,
  0x2b,
  0x65,
  0x70,
  0x04,
  0x22,
  0x04,
  0x20,
);

/** Every 32-byte string that decodes, canonically or not, to one of the eight points of small order. */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  '0100000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000080',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0000000000000000000000000000000000000000000000000000000000000080',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
]);

/**
 * The admission gate: canonical encoding of a point outside the small subgroup and without torsion.
 * @throws CryptoError KEY_INVALID or KEY_WEAK
 */
export function importEd25519(raw: Uint8Array): KeyObject {
  if (raw.length !== PUBLIC_BYTES) throw new CryptoError('KEY_INVALID', 'an Ed25519 key has 32 bytes');
  let point: Point;
  try {
    // `false`: RFC 8032 decoding, not the ZIP 215 one that also takes y >= p.
    point = Point.fromBytes(Uint8Array.from(raw), false);
  } catch (cause) {
    throw new CryptoError('KEY_INVALID', 'not the canonical encoding of a point', { cause });
  }
  if (point.isSmallOrder()) throw new CryptoError('KEY_WEAK', 'the key is a point of small order');
  if (!point.isTorsionFree())
    throw new CryptoError('KEY_WEAK', 'the key is outside the prime-order subgroup');
  const x = Buffer.from(raw).toString('base64url');
  return createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x } });
}

/** Verdict on a 64-byte R || S; `key` comes from `importEd25519`. */
export function verifyEd25519(key: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== SIGNATURE_BYTES) return false;
  if (SMALL_ORDER.has(toHex(signature.subarray(0, 32)))) return false;
  return verify(null, message, key, signature);
}

/** The private key behind a 32-byte seed, with its raw public half. */
export function openEd25519Seed(seed: Uint8Array): {
  readonly publicRaw: Uint8Array;
  readonly sign: (message: Uint8Array) => Uint8Array;
} {
  if (seed.length !== SEED_BYTES) throw new CryptoError('KEY_INVALID', 'an Ed25519 seed has 32 bytes');
  const pkcs8 = Buffer.concat([PKCS8_PREFIX, seed]);
  const key = createPrivateKey({ format: 'der', type: 'pkcs8', key: pkcs8 });
  pkcs8.fill(0);
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return {
    publicRaw: new Uint8Array(spki.subarray(spki.length - PUBLIC_BYTES)),
    sign: (message) => new Uint8Array(sign(null, message, key)),
  };
}
