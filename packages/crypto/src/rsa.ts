/** RSA public keys within limits; RSASSA-PSS and RSASSA-PKCS1-v1_5 (RFC 8017 sections 8.1 and 8.2). */
import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { CryptoError } from './errors.ts';

const MIN_MODULUS_BITS = 2048;
/** Verifying costs the square of it: more is a way to keep a server busy. */
const MAX_MODULUS_BITS = 8192;
const MIN_EXPONENT = 65537n;
/** What Go's verifiers take; a longer exponent only makes verifying slow. */
const MAX_EXPONENT = 2n ** 31n - 1n;

/**
 * A public key from modulus and exponent, both big-endian without leading zeros.
 * @throws CryptoError KEY_WEAK when a number is outside the limits or even
 */
export function importRsa(modulus: Uint8Array, exponent: Uint8Array): KeyObject {
  const bits = modulus.length * 8 - Math.clz32(modulus[0] ?? 0) + 24;
  if (bits < MIN_MODULUS_BITS || bits > MAX_MODULUS_BITS) {
    throw new CryptoError(
      'KEY_WEAK',
      `an RSA modulus of ${bits} bits, not ${MIN_MODULUS_BITS} to ${MAX_MODULUS_BITS}`,
    );
  }
  if (!isOdd(modulus)) throw new CryptoError('KEY_WEAK', 'the RSA modulus is even');
  const e = exponent.length > 8 ? undefined : toBigInt(exponent);
  if (e === undefined || e < MIN_EXPONENT || e > MAX_EXPONENT || !isOdd(exponent)) {
    throw new CryptoError('KEY_WEAK', 'the RSA exponent is even, below 65537 or above 2^31 - 1');
  }
  const key = {
    kty: 'RSA',
    n: Buffer.from(modulus).toString('base64url'),
    e: Buffer.from(exponent).toString('base64url'),
  };
  return createPublicKey({ format: 'jwk', key });
}

/** `any` because signers differ in it; `digest`, the digest's own length, because strict verifiers take no other. */
export type PssSalt = 'any' | 'digest';

/** Verdict on a PSS signature with SHA-256 and MGF1-SHA256. */
export function verifyRsaPssSha256(
  salt: PssSalt,
  key: KeyObject,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  const saltLength = salt === 'any' ? constants.RSA_PSS_SALTLEN_AUTO : constants.RSA_PSS_SALTLEN_DIGEST;
  // RFC 8017 8.1.2 step 1, the length of the signature is the modulus's, is the native verifier's check.
  return verify('sha256', message, { key, padding, saltLength }, signature);
}

/** Verdict on a PKCS#1 v1.5 signature with SHA-256. */
export function verifyRsaPkcs1Sha256(key: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
  // RFC 8017 8.2.2: the native verifier encodes anew and compares, so nothing loose is parsed (CVE-2006-4339).
  return verify('sha256', message, { key, padding: constants.RSA_PKCS1_PADDING }, signature);
}

function isOdd(number: Uint8Array): boolean {
  return (number[number.length - 1] ?? 0) % 2 === 1;
}

function toBigInt(number: Uint8Array): bigint {
  return number.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
}
