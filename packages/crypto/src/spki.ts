/**
 * SubjectPublicKeyInfo (RFC 5280 4.1.2.7), read strictly. The algorithms and parameters listed here are the
 * only ones: no curve by explicit parameters (CVE-2020-0601), no RSA key bound to PSS parameters.
 */
import {
  DER_BIT_STRING,
  DER_INTEGER,
  DER_NULL,
  DER_OBJECT_ID,
  DER_SEQUENCE,
  DerError,
  readDer,
  readDerElement,
  readPositive,
} from './der.ts';
import { toHex } from './encoding.ts';
import { CryptoError } from './errors.ts';

/** Far above an 8192-bit RSA key. */
const MAX_SPKI_BYTES = 4096;

/** Key material by kind, as written: not yet admitted. */
export type KeyMaterial =
  | { readonly kind: 'ed25519'; readonly raw: Uint8Array }
  | { readonly kind: 'p256' | 'p384' | 'p521'; readonly point: Uint8Array }
  | { readonly kind: 'rsa'; readonly modulus: Uint8Array; readonly exponent: Uint8Array };

const ED25519 = '2b6570'; // 1.3.101.112
const EC = '2a8648ce3d0201'; // 1.2.840.10045.2.1
const RSA = '2a864886f70d010101'; // 1.2.840.113549.1.1.1
const CURVES: ReadonlyMap<string, 'p256' | 'p384' | 'p521'> = new Map([
  ['2a8648ce3d030107', 'p256'], // 1.2.840.10045.3.1.7
  ['2b81040022', 'p384'], // 1.3.132.0.34
  ['2b81040023', 'p521'], // 1.3.132.0.35
]);

/**
 * Key material of a DER SubjectPublicKeyInfo.
 * @throws CryptoError KEY_INVALID
 */
export function parseSpki(der: Uint8Array): KeyMaterial {
  if (der.length > MAX_SPKI_BYTES) throw new CryptoError('KEY_INVALID', 'the key is too long');
  try {
    return readSpki(der);
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause;
    throw new CryptoError('KEY_INVALID', `not a DER public key: ${cause.message}`, { cause });
  }
}

function readSpki(der: Uint8Array): KeyMaterial {
  const [algorithm, bits] = pair(readDer(readDerElement(der, DER_SEQUENCE), [DER_SEQUENCE, DER_BIT_STRING]));
  if (bits[0] !== 0) throw new DerError('key bits that fill no whole bytes');
  const key = bits.subarray(1);
  const parameterTag = parameterTagOf(algorithm);
  const tags = parameterTag === undefined ? [DER_OBJECT_ID] : [DER_OBJECT_ID, parameterTag];
  const [id = new Uint8Array(), parameter = new Uint8Array()] = readDer(algorithm, tags);
  const name = toHex(id);
  if (name === ED25519 && parameterTag === undefined) return { kind: 'ed25519', raw: key };
  if (name === RSA && parameterTag === DER_NULL && parameter.length === 0) return readRsa(key);
  const curve = CURVES.get(toHex(parameter));
  if (name === EC && parameterTag === DER_OBJECT_ID && curve !== undefined)
    return { kind: curve, point: key };
  throw new DerError('algorithm or parameters are none of those in use');
}

/** The tag after the algorithm's identifier, whose own length is one byte in all of ours. */
function parameterTagOf(algorithm: Uint8Array): number | undefined {
  return algorithm[2 + (algorithm[1] ?? 0)];
}

function readRsa(key: Uint8Array): KeyMaterial {
  const [modulus, exponent] = pair(readDer(readDerElement(key, DER_SEQUENCE), [DER_INTEGER, DER_INTEGER]));
  return { kind: 'rsa', modulus: readPositive(modulus), exponent: readPositive(exponent) };
}

function pair(elements: readonly Uint8Array[]): readonly [Uint8Array, Uint8Array] {
  const [first, second] = elements;
  if (first === undefined || second === undefined) throw new DerError('too few elements');
  return [first, second];
}
