/** What every home of private keys offers, and what each needs from outside. */
import { isSha256Hex, type Signer } from '@vidimus/crypto';
import { KeyStoreError } from './errors.ts';

/** What is known of a key without opening it. */
export interface HeldKey {
  /** Lower-case hex SHA-256, as the key's dialect derives it. */
  readonly keyId: string;
  readonly algorithm: 'ed25519';
  /** The raw public key, 32 bytes in lower-case hex. */
  readonly publicHex: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

/** Derives a key id from a raw public key: the dialect's business, not this room's. */
export type KeyIdOf = (publicRaw: Uint8Array) => string;

/** A source of random bytes fit for keys: `n` fresh bytes on each call. */
export type Random = (n: number) => Uint8Array;

/**
 * A home of private keys. `Scope` says what a new key is for; `Held` is what the home gives back for it, and
 * what it takes to open it again.
 */
export interface KeyStore<Scope, Held extends HeldKey> {
  /**
   * Makes a new Ed25519 key.
   * @throws KeyStoreError SIGNER_UNAVAILABLE, KEY_ID_INVALID, RANDOM_INVALID and what the home adds
   */
  generate(scope: Scope, keyIdOf: KeyIdOf): Promise<Held>;
  /**
   * The signer of a key made here before.
   * @throws KeyStoreError SIGNER_UNAVAILABLE, KEY_UNKNOWN, KEY_CORRUPT and what the home adds
   */
  open(key: Held): Promise<Signer>;
}

/**
 * Random bytes, looked at once: a source that returns too few, or a constant, must not become a key.
 * @throws KeyStoreError RANDOM_INVALID
 */
export function draw(random: Random, n: number): Uint8Array {
  const bytes = random(n);
  if (bytes.length !== n || bytes.every((byte) => byte === bytes[0])) {
    throw new KeyStoreError('RANDOM_INVALID', 'the source of random bytes is broken');
  }
  return bytes;
}

/**
 * Key ids become file names and associated data: only one alphabet and length is let in.
 * @throws KeyStoreError KEY_ID_INVALID
 */
export function assertKeyId(keyId: string): void {
  if (!isSha256Hex(keyId))
    throw new KeyStoreError('KEY_ID_INVALID', 'a key id is 64 lower-case hex characters');
}
