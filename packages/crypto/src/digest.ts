/** Digests, by the native implementation. */
import { createHash } from 'node:crypto';

export type HashAlgorithm = 'sha256' | 'sha512';

/** SHA-256, 32 bytes. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(bytes).digest());
}

/** SHA-256 as 64 lower-case hex characters. */
export function sha256Hex(bytes: Uint8Array): string {
  return hashHex('sha256', bytes);
}

/** SHA-512 as 128 lower-case hex characters. */
export function sha512Hex(bytes: Uint8Array): string {
  return hashHex('sha512', bytes);
}

/** The named digest as lower-case hex. */
export function hashHex(algorithm: HashAlgorithm, bytes: Uint8Array): string {
  return createHash(algorithm).update(bytes).digest('hex');
}

/** Tells whether a text is a SHA-256 digest or key id as we write them: 64 lower-case hex characters. */
export function isSha256Hex(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}
