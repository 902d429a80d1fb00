/** ECDSA over the NIST curves (FIPS 186-5, SEC 1); the curve belongs to the key, never to the signature. */
import { createPublicKey, ECDH, type KeyObject, verify } from 'node:crypto';
import { DER_INTEGER, DER_SEQUENCE, DerError, readDer, readDerElement, readPositive } from './der.ts';
import { CryptoError } from './errors.ts';

type EcdsaHash = 'sha256' | 'sha384' | 'sha512';

export interface Curve {
  /** Its names in JWK and in OpenSSL. */
  readonly jwk: 'P-256' | 'P-384' | 'P-521';
  readonly native: 'prime256v1' | 'secp384r1' | 'secp521r1';
  /** What the schemes named after the curve digest with. */
  readonly hash: EcdsaHash;
  /** Bytes of one coordinate, and of r and s. */
  readonly size: number;
}

export const P256: Curve = { jwk: 'P-256', native: 'prime256v1', hash: 'sha256', size: 32 };
export const P384: Curve = { jwk: 'P-384', native: 'secp384r1', hash: 'sha384', size: 48 };
export const P521: Curve = { jwk: 'P-521', native: 'secp521r1', hash: 'sha512', size: 66 };

/**
 * A public key from a point of SEC 1 section 2.3.3, uncompressed (04) or compressed (02, 03).
 * @throws CryptoError KEY_INVALID when the encoding is another one, or the point is not on the curve
 */
export function importEcPoint(point: Uint8Array, curve: Curve): KeyObject {
  const { size } = curve;
  const [form = 0] = point;
  const isUncompressed = form === 4 && point.length === 1 + 2 * size;
  const isCompressed = (form === 2 || form === 3) && point.length === 1 + size;
  // Leaves out the point at infinity (one byte 00) and the hybrid forms 06 and 07.
  if (!isUncompressed && !isCompressed) {
    throw new CryptoError('KEY_INVALID', `not a point of ${curve.jwk}, compressed or not`);
  }
  try {
    const whole = isCompressed ? decompress(point, curve) : point;
    const x = Buffer.from(whole.subarray(1, 1 + size)).toString('base64url');
    const y = Buffer.from(whole.subarray(1 + size)).toString('base64url');
    return createPublicKey({ format: 'jwk', key: { kty: 'EC', crv: curve.jwk, x, y } });
  } catch (cause) {
    throw new CryptoError('KEY_INVALID', `the point is not on ${curve.jwk}`, { cause });
  }
}

function decompress(point: Uint8Array, curve: Curve): Uint8Array {
  const whole = ECDH.convertKey(point, curve.native, undefined, undefined, 'uncompressed');
  if (typeof whole === 'string') throw new TypeError('expected bytes');
  return whole;
}

/** Verdict on r || s, each of the curve's size; a range of 1 to n - 1 is the native verifier's check. */
export function verifyEcdsa(
  curve: Curve,
  hash: EcdsaHash,
  key: KeyObject,
  message: Uint8Array,
  rs: Uint8Array,
): boolean {
  if (rs.length !== 2 * curve.size) return false;
  return verify(hash, message, { key, dsaEncoding: 'ieee-p1363' }, rs);
}

/**
 * r || s of a DER signature (RFC 3279 section 2.2.3); undefined when it is not the one DER spelling of two
 * positive integers that fit the curve.
 */
export function decodeDerSignature(signature: Uint8Array, curve: Curve): Uint8Array | undefined {
  try {
    const numbers = readDer(readDerElement(signature, DER_SEQUENCE), [DER_INTEGER, DER_INTEGER]);
    const rs = new Uint8Array(2 * curve.size);
    for (const [index, content] of numbers.entries()) {
      const magnitude = readPositive(content);
      if (magnitude.length > curve.size) return undefined;
      rs.set(magnitude, (index + 1) * curve.size - magnitude.length);
    }
    return rs;
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}
