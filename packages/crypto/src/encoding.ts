/**
 * Hex and base64 with exactly one spelling per byte string: two spellings of one key or signature would be two
 * names for one thing.
 */
import { CryptoError } from './errors.ts';

/** Lower-case hex. */
export function toHex(bytes: Uint8Array): string {
  return viewOf(bytes).toString('hex');
}

/**
 * Bytes of lower-case hex.
 * @throws CryptoError ENCODING_INVALID for upper case, odd length or anything else
 */
export function fromHex(text: string): Uint8Array {
  return decodeExactly(text, 'hex');
}

/** Base64 of the standard alphabet, padded. */
export function toBase64(bytes: Uint8Array): string {
  return viewOf(bytes).toString('base64');
}

/**
 * Bytes of padded standard base64 without line breaks; the bits that padding leaves over must be zero.
 * @throws CryptoError ENCODING_INVALID
 */
export function fromBase64(text: string): Uint8Array {
  return decodeExactly(text, 'base64');
}

/** Buffer skips what it does not know; only text that encodes back to itself is the one spelling. */
function decodeExactly(text: string, encoding: 'hex' | 'base64'): Uint8Array {
  const bytes = Buffer.from(text, encoding);
  if (bytes.toString(encoding) !== text) throw new CryptoError('ENCODING_INVALID', `not strict ${encoding}`);
  return new Uint8Array(bytes);
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
