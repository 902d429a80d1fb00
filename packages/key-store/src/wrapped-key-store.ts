/**
 * Private keys as rows of somebody else's database. Each is sealed by a data key of its own, and that one by a
 * master key; both layers carry key id, repository, role and dialect as associated data, so a row copied to
 * another place does not open. The caller stores the rows, in its own transaction.
 */
import { type SignatureScheme, type Signer, sha256Hex } from '@vidimus/crypto';
import { LRUCache } from 'lru-cache';
import { KeyStoreError } from './errors.ts';
import { importKeyPair, type KeyPair, makeKeyPair, openSecret } from './key-pair.ts';
import { assertKeyId, type HeldKey, type KeyIdOf, type KeyStore, type Random } from './key-store.ts';
import { assertMasterKey, type MasterKey } from './master-key.ts';
import { associatedData } from './seal.ts';
import { corrupt, unwrapSecret, wrapSecret } from './wrapping.ts';

const DEFAULT_MAX_OPEN_KEYS = 4096;

/** Where a managed key may sign: keys are never shared between repositories, roles or dialects. */
export interface KeyScope {
  /** Normalised repository name. */
  readonly repository: string;
  /** As the model spells it; `root` takes the root master key. */
  readonly role: string;
  readonly dialect: string;
}

/** A managed key as it is stored. */
export interface WrappedKey extends HeldKey, KeyScope {
  /** The encrypted private key: format version 1 for Ed25519 (121 bytes), 2 for the others. */
  readonly wrapped: Uint8Array;
  /** Fingerprint of the master key that opens it. */
  readonly masterFingerprint: string;
}

export interface WrappedKeyStoreParts {
  readonly random: Random;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Wraps every key but those of root. */
  readonly master: MasterKey;
  /** Wraps the keys of managed roots; serving does not need it. */
  readonly rootMaster?: MasterKey;
  /** Master keys that only open what they wrapped, while it is wrapped anew. */
  readonly retiring?: readonly MasterKey[];
  /** How many opened keys stay in memory. */
  readonly maxOpenKeys?: number;
}

/** Managed keys, unwrapped on use; the most recently used stay open. */
export interface WrappedKeyStore extends KeyStore<KeyScope, WrappedKey> {
  /** Whether keys of this role can be made and opened here: false for `root` without its master key. */
  isAvailable(role: string): boolean;
  /**
   * The same key under the present master key; the record itself when it is already.
   * @throws KeyStoreError MASTER_KEY_WRONG, KEY_CORRUPT, SIGNER_UNAVAILABLE
   */
  rewrap(record: WrappedKey): WrappedKey;
  /** Drops the opened keys with this id from memory, as after a revocation. */
  forget(keyId: string): void;
  /** Drops every opened key from memory. */
  forgetAll(): void;
}

/**
 * A store of managed keys. `open` checks, besides what `KeyStore` says, the master key (MASTER_KEY_WRONG), and
 * that the private key gives the public key of the row (KEY_CORRUPT).
 * @throws KeyStoreError MASTER_KEY_INVALID when both master keys are the same
 */
export function createWrappedKeyStore(parts: WrappedKeyStoreParts): WrappedKeyStore {
  if (parts.rootMaster?.fingerprint === parts.master.fingerprint) {
    throw new KeyStoreError(
      'MASTER_KEY_INVALID',
      'the root master key must be another one than the master key',
    );
  }
  // Shared by all requests; written by `open` alone, which does not wait between look-up and store.
  const opened = new LRUCache<string, { readonly keyId: string; readonly signer: Signer }>({
    max: parts.maxOpenKeys ?? DEFAULT_MAX_OPEN_KEYS,
  });

  return {
    generate: async (scope, keyIdOf, algorithm = 'ed25519') => {
      // Asked for first: without the master key no key is made.
      masterFor(parts, scope.role);
      return wrap(parts, scope, makeKeyPair(algorithm, parts.random), keyIdOf);
    },
    import: async (scope, pkcs8, keyIdOf) => {
      masterFor(parts, scope.role);
      return wrap(parts, scope, importKeyPair(pkcs8), keyIdOf);
    },
    open: async (record, scheme) => {
      const name = cacheName(record, scheme);
      const known = opened.get(name);
      if (known !== undefined) return known.signer;
      const signer = unwrapKey(openingMaster(parts, record), record, scheme);
      opened.set(name, { keyId: record.keyId, signer });
      return signer;
    },
    isAvailable: (role) => role !== 'root' || parts.rootMaster !== undefined,
    rewrap: (record) => rewrapKey(parts, record),
    forget: (keyId) => {
      for (const [name, entry] of [...opened.entries()]) if (entry.keyId === keyId) opened.delete(name);
    },
    forgetAll: () => opened.clear(),
  };
}

function wrap(parts: WrappedKeyStoreParts, scope: KeyScope, pair: KeyPair, keyIdOf: KeyIdOf): WrappedKey {
  const { publicHalf, secret } = pair;
  const { repository, role, dialect } = scope;
  const master = masterFor(parts, role);
  try {
    const keyId = keyIdOf(publicHalf);
    assertKeyId(keyId);
    const place = { keyId, algorithm: publicHalf.algorithm, repository, role, dialect };
    return {
      ...place,
      publicHex: publicHalf.publicHex,
      wrapped: wrapSecret(master.key, secret, place, parts.random),
      masterFingerprint: master.fingerprint,
      createdAt: parts.now(),
    };
  } finally {
    secret.fill(0);
  }
}

function unwrapKey(master: MasterKey, record: WrappedKey, scheme: SignatureScheme | undefined): Signer {
  assertMasterKey(master, record.masterFingerprint);
  const secret = unwrapSecret(master.key, record.wrapped, record);
  try {
    const { publicHex, signer } = openSecret(record.algorithm, secret, scheme);
    // Somebody who can write rows could otherwise pair a public key with another private one.
    if (publicHex !== record.publicHex) throw corrupt(record, 'does not belong to its public key');
    return signer;
  } finally {
    secret.fill(0);
  }
}

function rewrapKey(parts: WrappedKeyStoreParts, record: WrappedKey): WrappedKey {
  const master = masterFor(parts, record.role);
  if (record.masterFingerprint === master.fingerprint) return record;
  const old = openingMaster(parts, record);
  // Whoever moved the row elsewhere must not get it sealed for its new place.
  unwrapKey(old, record, undefined);
  const secret = unwrapSecret(old.key, record.wrapped, record);
  try {
    const wrapped = wrapSecret(master.key, secret, record, parts.random);
    return { ...record, wrapped, masterFingerprint: master.fingerprint };
  } finally {
    secret.fill(0);
  }
}

/** The present master key of the role, unless a retiring one wrapped the key. */
function openingMaster(parts: WrappedKeyStoreParts, { role, masterFingerprint }: WrappedKey): MasterKey {
  const present = masterFor(parts, role);
  if (present.fingerprint === masterFingerprint) return present;
  return parts.retiring?.find(({ fingerprint }) => fingerprint === masterFingerprint) ?? present;
}

function masterFor({ master, rootMaster }: WrappedKeyStoreParts, role: string): MasterKey {
  if (role !== 'root') return master;
  if (rootMaster !== undefined) return rootMaster;
  throw new KeyStoreError('SIGNER_UNAVAILABLE', 'the root master key was not given to this process', {
    role,
  });
}

/** Everything that was checked when the key was opened: a row that differs in any of it is checked anew. */
function cacheName(record: WrappedKey, scheme = ''): string {
  const { keyId, repository, role, dialect, algorithm, publicHex, masterFingerprint, wrapped } = record;
  const fields = [keyId, repository, role, dialect, algorithm, publicHex, masterFingerprint, scheme];
  return sha256Hex(Buffer.concat([associatedData(...fields), wrapped]));
}
