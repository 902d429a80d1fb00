/** Private keys as PKCS#8 (RFC 5958): P-256 from random bytes, and a signer from what somebody brings. */
import { createECDH, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { admit, type KeyKind } from './admit.ts';
import { toHex } from './encoding.ts';
import { CryptoError } from './errors.ts';
import { toPublicKey } from './public-key.ts';
import { type SignatureScheme, schemeRow, usualScheme } from './scheme.ts';
import type { Signer } from './signer.ts';
import { parseSpki } from './spki.ts';

/** An RSA key of 8192 bits has less than 5,000. */
const MAX_PKCS8_BYTES = 8192;

/** FIPS 186-5 A.2.1: 64 bits more than the order has, and the remainder is as good as evenly spread. */
const P256_RANDOM_BYTES = 48;
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** Signed and verified once for each key that is read. */
const PROBE = new TextEncoder().encode('vidimus key pair check v1');

/** A private key as it was read; `pkcs8` is spelled anew. */
export interface PrivateKey {
  readonly kind: KeyKind;
  /** Unencrypted DER. */
  readonly pkcs8: Uint8Array;
  /** Canonical SubjectPublicKeyInfo; for Ed25519 its last 32 bytes are the raw key. */
  readonly spkiDer: Uint8Array;
}

/**
 * A P-256 private key in PKCS#8 from 48 random bytes; the caller wipes both.
 * @throws CryptoError KEY_INVALID for another number of bytes
 */
export function p256FromRandom(random: Uint8Array): Uint8Array {
  if (random.length !== P256_RANDOM_BYTES) {
    throw new CryptoError('KEY_INVALID', `a P-256 key is made from ${P256_RANDOM_BYTES} random bytes`);
  }
  const scalar = (BigInt(`0x${toHex(random)}`) % (P256_ORDER - 1n)) + 1n;
  const d = Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex');
  const pair = createECDH('prime256v1');
  pair.setPrivateKey(d);
  const point = pair.getPublicKey();
  const key = {
    kty: 'EC',
    crv: 'P-256',
    d: d.toString('base64url'),
    x: point.subarray(1, 33).toString('base64url'),
    y: point.subarray(33).toString('base64url'),
  };
  d.fill(0);
  return exportPkcs8(createPrivateKey({ format: 'jwk', key }));
}

/**
 * Kind and public half of an unencrypted PKCS#8 key, which may come from anybody; the public half passed the
 * admission gate, and belongs to the private one.
 * @throws CryptoError KEY_INVALID or KEY_WEAK
 */
export function readPkcs8(der: Uint8Array): PrivateKey {
  return toPrivateKey(importPkcs8(der));
}

/** What `readPkcs8` says, of a native key. @throws CryptoError KEY_INVALID or KEY_WEAK */
export function toPrivateKey(key: KeyObject): PrivateKey {
  const material = parseSpki(new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' })));
  const { kind } = material;
  const admitted = admit(material);
  // The native reader believes a public half that was written beside the private one.
  const row = schemeRow(usualScheme(kind), kind);
  if (!row.verify(admitted, PROBE, row.sign(key, PROBE), kind)) {
    throw new CryptoError('KEY_INVALID', 'the two halves of the key do not belong together');
  }
  const spkiDer = new Uint8Array(admitted.export({ format: 'der', type: 'spki' }));
  return { kind, pkcs8: exportPkcs8(key), spkiDer };
}

/**
 * A signer from an unencrypted PKCS#8 key: Ed25519, P-256, P-384, P-521 or RSA. The key is copied: the caller
 * may wipe its own.
 * @throws CryptoError KEY_INVALID, KEY_WEAK or SCHEME_MISMATCH
 */
export function signerFromPkcs8(der: Uint8Array, scheme: SignatureScheme): Signer {
  const key = importPkcs8(der);
  const { kind, spkiDer } = toPrivateKey(key);
  const row = schemeRow(scheme, kind);
  const publicKey = toPublicKey({ format: 'spki-der', bytes: spkiDer }, scheme);
  return { scheme, publicKey, sign: async (message) => new Uint8Array(row.sign(key, message)) };
}

/** A key that signs with ECDSA. @throws CryptoError KEY_INVALID, KEY_WEAK, or SCHEME_MISMATCH for a key on no elliptic curve */
export function openCurveKey(pkcs8: Uint8Array): { readonly key: KeyObject; readonly spkiDer: Uint8Array } {
  const key = importPkcs8(pkcs8);
  const { kind, spkiDer } = toPrivateKey(key);
  if (kind === 'ed25519' || kind === 'rsa') {
    throw new CryptoError('SCHEME_MISMATCH', `a key of kind ${kind} does not sign with ECDSA`);
  }
  return { key, spkiDer };
}

/** @throws CryptoError KEY_INVALID, without the cause: nothing of a private key may reach a log */
export function importPkcs8(der: Uint8Array): KeyObject {
  if (der.length > MAX_PKCS8_BYTES) throw new CryptoError('KEY_INVALID', 'the private key is too long');
  try {
    return createPrivateKey({ format: 'der', type: 'pkcs8', key: Buffer.from(der) });
  } catch {
    throw new CryptoError('KEY_INVALID', 'not a PKCS#8 private key');
  }
}

function exportPkcs8(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ format: 'der', type: 'pkcs8' }));
}
