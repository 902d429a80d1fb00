/**
 * Private keys as rows of somebody else's database. Each is sealed by a data key of its own, and that one by a
 * master key; both layers carry key id, repository, role and dialect as associated data, so a row copied to
 * another place does not open. The caller stores the rows, in its own transaction.
 */
import { ed25519FromSeed, type Signer, sha256Hex, toHex } from '@vidimus/crypto';
import { LRUCache } from 'lru-cache';
import { KeyStoreError } from './errors.ts';
import { assertKeyId, draw, type HeldKey, type KeyStore, type Random } from './key-store.ts';
import { assertMasterKey, type MasterKey } from './master-key.ts';
import { associatedData, SEAL_OVERHEAD, seal, unseal } from './seal.ts';

const SEED_BYTES = 32;
const DATA_KEY_BYTES = 32;
/** Of `WrappedKey.wrapped`: version || sealed data key || sealed seed. */
const FORMAT_VERSION = 1;
const DATA_KEY_END = 1 + DATA_KEY_BYTES + SEAL_OVERHEAD;
const WRAPPED_BYTES = DATA_KEY_END + SEED_BYTES + SEAL_OVERHEAD;
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
  /** The encrypted private key, 121 bytes of format version 1. */
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
  /** How many opened keys stay in memory. */
  readonly maxOpenKeys?: number;
}

/** Managed keys, unwrapped on use; the most recently used stay open. */
export interface WrappedKeyStore extends KeyStore<KeyScope, WrappedKey> {
  /** Whether keys of this role can be made and opened here: false for `root` without its master key. */
  isAvailable(role: string): boolean;
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
    generate: async (scope, keyIdOf) => wrapNewKey(parts, scope, keyIdOf),
    open: async (record) => {
      const name = cacheName(record);
      const known = opened.get(name);
      if (known !== undefined) return known.signer;
      const signer = unwrapKey(masterFor(parts, record.role), record);
      opened.set(name, { keyId: record.keyId, signer });
      return signer;
    },
    isAvailable: (role) => role !== 'root' || parts.rootMaster !== undefined,
    forget: (keyId) => {
      for (const [name, entry] of [...opened.entries()]) if (entry.keyId === keyId) opened.delete(name);
    },
    forgetAll: () => opened.clear(),
  };
}

function wrapNewKey(
  parts: WrappedKeyStoreParts,
  scope: KeyScope,
  keyIdOf: (publicRaw: Uint8Array) => string,
): WrappedKey {
  const { random } = parts;
  const master = masterFor(parts, scope.role);
  const seed = draw(random, SEED_BYTES);
  const dataKey = draw(random, DATA_KEY_BYTES);
  try {
    const { publicRaw } = ed25519FromSeed(seed);
    const keyId = keyIdOf(publicRaw);
    assertKeyId(keyId);
    const place = { keyId, repository: scope.repository, role: scope.role, dialect: scope.dialect };
    const sealedKey = seal(master.key, dataKey, layer('data key', place), random);
    const sealedSeed = seal(dataKey, seed, layer('seed', place), random);
    return {
      ...place,
      algorithm: 'ed25519',
      publicHex: toHex(publicRaw),
      wrapped: Uint8Array.of(FORMAT_VERSION, ...sealedKey, ...sealedSeed),
      masterFingerprint: master.fingerprint,
      createdAt: parts.now(),
    };
  } finally {
    seed.fill(0);
    dataKey.fill(0);
  }
}

function unwrapKey(master: MasterKey, record: WrappedKey): Signer {
  assertMasterKey(master, record.masterFingerprint);
  const { wrapped } = record;
  if (wrapped.length !== WRAPPED_BYTES || wrapped[0] !== FORMAT_VERSION) {
    throw corrupt(record, 'is of an unknown format');
  }
  const dataKey = unseal(master.key, wrapped.subarray(1, DATA_KEY_END), layer('data key', record));
  if (dataKey === undefined) throw corrupt(record, 'was altered, or belongs to another place');
  const seed = unseal(dataKey, wrapped.subarray(DATA_KEY_END), layer('seed', record));
  dataKey.fill(0);
  if (seed === undefined) throw corrupt(record, 'was altered');
  const { publicRaw, signer } = ed25519FromSeed(seed);
  seed.fill(0);
  // Somebody who can write rows could otherwise pair a public key with another private one.
  if (toHex(publicRaw) !== record.publicHex) throw corrupt(record, 'does not belong to its public key');
  return signer;
}

function masterFor({ master, rootMaster }: WrappedKeyStoreParts, role: string): MasterKey {
  if (role !== 'root') return master;
  if (rootMaster !== undefined) return rootMaster;
  throw new KeyStoreError('SIGNER_UNAVAILABLE', 'the root master key was not given to this process', {
    role,
  });
}

function layer(name: string, place: KeyScope & { readonly keyId: string }): Uint8Array {
  const { keyId, repository, role, dialect } = place;
  return associatedData('vidimus wrapped key v1', name, 'ed25519', keyId, repository, role, dialect);
}

/** Everything that was checked when the key was opened: a row that differs in any of it is checked anew. */
function cacheName(record: WrappedKey): string {
  const { keyId, repository, role, dialect, algorithm, publicHex, masterFingerprint, wrapped } = record;
  const place = associatedData(keyId, repository, role, dialect, algorithm, publicHex, masterFingerprint);
  return sha256Hex(Buffer.concat([place, wrapped]));
}

function corrupt({ keyId, repository, role, dialect }: WrappedKey, what: string): KeyStoreError {
  return new KeyStoreError('KEY_CORRUPT', `the stored key ${what}`, { keyId, repository, role, dialect });
}
