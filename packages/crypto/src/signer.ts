/** What signs, wherever the private key lives; and the one kind of private key that is handled as bytes. */
import { openEd25519Seed } from './ed25519.ts';
import { type PublicKey, toPublicKey } from './public-key.ts';
import type { SignatureScheme } from './scheme.ts';

/** A usable private key. */
export interface Signer {
  readonly scheme: SignatureScheme;
  readonly publicKey: PublicKey;
  /** Signature over `message` in the scheme's encoding; rejects when the key's home fails. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/**
 * The Ed25519 key pair of a 32-byte seed (RFC 8032 5.1.5). The seed is copied: the caller may wipe its own.
 * @throws CryptoError KEY_INVALID when the seed has another length
 */
export function ed25519FromSeed(seed: Uint8Array): {
  readonly publicRaw: Uint8Array;
  readonly signer: Signer;
} {
  const { publicRaw, sign } = openEd25519Seed(seed);
  const publicKey = toPublicKey({ format: 'ed25519-raw', bytes: publicRaw }, 'ed25519');
  return { publicRaw, signer: { scheme: 'ed25519', publicKey, sign: async (message) => sign(message) } };
}
