/** AES-256-GCM with its parts at fixed places, and associated data that reads one way only. */
import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto';
import { draw, type Random } from './key-store.ts';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What `seal` adds to the length of its text. */
export const SEAL_OVERHEAD = NONCE_BYTES + TAG_BYTES;

/** nonce || ciphertext || tag; the nonce is drawn for each call. */
export function seal(
  key: KeyObject | Uint8Array,
  text: Uint8Array,
  associated: Uint8Array,
  random: Random,
): Uint8Array {
  const nonce = draw(random, NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(associated);
  return new Uint8Array(Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()]));
}

/** The text again; undefined when key, associated data or any byte is another one. */
export function unseal(
  key: KeyObject | Uint8Array,
  sealed: Uint8Array,
  associated: Uint8Array,
): Uint8Array | undefined {
  if (sealed.length < SEAL_OVERHEAD) return undefined;
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(associated);
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  try {
    const text = decipher.update(sealed.subarray(NONCE_BYTES, sealed.length - TAG_BYTES));
    return new Uint8Array(Buffer.concat([text, decipher.final()]));
  } catch {
    // GCM says only that something differs.
    return undefined;
  }
}

/** Each field with its length before it, so that no two lists of fields give the same bytes. */
export function associatedData(...fields: readonly string[]): Uint8Array {
  const parts = fields.map((field) => Buffer.from(field, 'utf8'));
  return new Uint8Array(Buffer.concat(parts.flatMap((part) => [lengthOf(part), part])));
}

function lengthOf(part: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(part.length);
  return length;
}
