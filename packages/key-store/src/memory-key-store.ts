/** Keys that live as long as the process: for tests and demonstrations. */
import { ed25519FromSeed, type Signer, toHex } from '@vidimus/crypto';
import { KeyStoreError } from './errors.ts';
import { assertKeyId, draw, type HeldKey, type KeyStore, type Random } from './key-store.ts';

/** A key store without a disk; it asks nothing about what a key is for. */
export function createMemoryKeyStore(parts: {
  readonly random: Random;
  readonly now: () => number;
}): KeyStore<unknown, HeldKey> {
  const signers = new Map<string, Signer>();
  return {
    generate: async (_scope, keyIdOf) => {
      const { publicRaw, signer } = ed25519FromSeed(draw(parts.random, 32));
      const keyId = keyIdOf(publicRaw);
      assertKeyId(keyId);
      signers.set(keyId, signer);
      return { keyId, algorithm: 'ed25519', publicHex: toHex(publicRaw), createdAt: parts.now() };
    },
    open: async ({ keyId }) => {
      const signer = signers.get(keyId);
      if (signer === undefined) throw new KeyStoreError('KEY_UNKNOWN', 'no such key', { keyId });
      return signer;
    },
  };
}
