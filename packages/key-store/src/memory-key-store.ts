/** Keys that live as long as the process: for tests and demonstrations. */
import { KeyStoreError } from './errors.ts';
import { importKeyPair, type KeyPair, makeKeyPair, openSecret } from './key-pair.ts';
import { assertKeyId, type HeldKey, type KeyIdOf, type KeyStore, type Random } from './key-store.ts';

/** A key store without a disk; it asks nothing about what a key is for. */
export function createMemoryKeyStore(parts: {
  readonly random: Random;
  readonly now: () => number;
}): KeyStore<unknown, HeldKey> {
  const pairs = new Map<string, KeyPair>();

  function hold(pair: KeyPair, keyIdOf: KeyIdOf): HeldKey {
    const { algorithm, publicHex } = pair.publicHalf;
    const keyId = keyIdOf(pair.publicHalf);
    assertKeyId(keyId);
    pairs.set(keyId, pair);
    return { keyId, algorithm, publicHex, createdAt: parts.now() };
  }

  return {
    generate: async (_scope, keyIdOf, algorithm = 'ed25519') =>
      hold(makeKeyPair(algorithm, parts.random), keyIdOf),
    import: async (_scope, pkcs8, keyIdOf) => hold(importKeyPair(pkcs8), keyIdOf),
    open: async ({ keyId }, scheme) => {
      const pair = pairs.get(keyId);
      if (pair === undefined) throw new KeyStoreError('KEY_UNKNOWN', 'no such key', { keyId });
      return openSecret(pair.publicHalf.algorithm, pair.secret, scheme).signer;
    },
  };
}
