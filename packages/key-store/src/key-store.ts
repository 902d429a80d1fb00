/** What every home of private keys offers, and what each needs from outside. */
import { isSha256Hex, type SignatureScheme, type Signer } from '@vidimus/crypto';
import { KeyStoreError } from './errors.ts';

export type KeyAlgorithm = 'ed25519' | 'ecdsa-p256' | 'ecdsa-p384' | 'ecdsa-p521' | 'rsa';

/** What a home makes; keys of the other algorithms are only imported. */
export type MadeAlgorithm = 'ed25519' | 'ecdsa-p256';

/** What is known of a key without opening it. */
export interface HeldKey {
  /** Lower-case hex SHA-256, as the key's dialect derives it. */
  readonly keyId: string;
  readonly algorithm: KeyAlgorithm;
  /** Lower-case hex: of the raw 32 bytes for Ed25519, of the SubjectPublicKeyInfo for the others. */
  readonly publicHex: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

/** The public half of a new key; `publicHex` as in `HeldKey`, `spkiDer` canonical. */
export type PublicHalf =
  | {
      readonly algorithm: 'ed25519';
      readonly publicHex: string;
      readonly spkiDer: Uint8Array;
      /** 32 bytes. */
      readonly publicRaw: Uint8Array;
    }
  | {
      readonly algorithm: Exclude<KeyAlgorithm, 'ed25519'>;
      readonly publicHex: string;
      readonly spkiDer: Uint8Array;
    };

/** Derives a key id from the public half: the dialect's business, not this room's. */
export type KeyIdOf = (key: PublicHalf) => string;

/** A source of random bytes fit for keys: `n` fresh bytes on each call. */
export type Random = (n: number) => Uint8Array;

/**
 * A home of private keys. `Scope` says what a new key is for; `Held` is what the home gives back for it, and
 * what it takes to open it again.
 */
export interface KeyStore<Scope, Held extends HeldKey> {
  /**
   * Makes a new key, Ed25519 unless told otherwise.
   * @throws KeyStoreError SIGNER_UNAVAILABLE, KEY_ID_INVALID, RANDOM_INVALID and what the home adds
   */
  generate(scope: Scope, keyIdOf: KeyIdOf, algorithm?: MadeAlgorithm): Promise<Held>;
  /**
   * Takes in the key of an unencrypted PKCS#8, which the caller wipes: Ed25519, P-256, P-384, P-521 or RSA.
   * @throws KeyStoreError KEY_INVALID, SIGNER_UNAVAILABLE, KEY_ID_INVALID and what the home adds
   */
  import(scope: Scope, pkcs8: Uint8Array, keyIdOf: KeyIdOf): Promise<Held>;
  /**
   * The signer of a key made or imported here before. Without a scheme ECDSA keys sign r || s over SHA-256 and RSA
   * keys PSS, as Notary v1 does.
   * @throws KeyStoreError SIGNER_UNAVAILABLE, KEY_UNKNOWN, KEY_CORRUPT, SCHEME_MISMATCH and what the home adds
   */
  open(key: Held, scheme?: SignatureScheme): Promise<Signer>;
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
