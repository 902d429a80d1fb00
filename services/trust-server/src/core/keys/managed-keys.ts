/** The service's own keys: made for one repository, role and incarnation, stored wrapped, opened to sign. */
import type { JsonObject } from '@vidimus/canonical-json';
import { fromHex, type Signer } from '@vidimus/crypto';
import { type Database, keyKeys, type Queries } from '@vidimus/database';
import type {
  Approval,
  KeyAlgorithm,
  MadeKey,
  RemoteKey,
  RemoteKeyStore,
  WrappedKey,
  WrappedKeyStore,
} from '@vidimus/key-store';
import { ecdsaKeyObject, ed25519KeyObject, rsaKeyObject } from '@vidimus/notary';
import type { DialectName, Key } from '@vidimus/tuf';
import { and, eq, inArray, isNull } from 'drizzle-orm';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { TrustError } from '../../service.ts';
import { codecOf } from '../dialects.ts';
import type { Incarnation } from '../store/metadata.ts';
import { makeNotaryRootKey } from './notary-root-key.ts';
import { destroySome, makeRemoteKey, remoteSigner } from './remote-keys.ts';

/** Incarnations whose key rows stay in memory. */
const maxIncarnations = 10_000;
/** How often the signer's keys are looked through after the use of some has ended. */
const sweepsAfterUse = 10;

/**
 * A key pair of the service: the public half as metadata lists it, the private half wrapped, or in a signer that
 * alone has it.
 */
export type ManagedKey =
  | { readonly key: Key; readonly wrapped: WrappedKey }
  | { readonly key: Key; readonly remote: MadeKey };

/** A key of the service, as far as anybody may know it. */
export interface HeldKey {
  readonly role: string;
  /** Handed out to a client whose root does not list it yet. */
  readonly pending: boolean;
  /** As its dialect writes it. */
  readonly declared: JsonObject;
}

export interface ManagedKeys {
  /** Makes a key for a role of one dialect; it exists once `store` was committed. @throws KeyStoreError */
  make(repository: string, dialect: DialectName, role: string): Promise<ManagedKey>;
  /** Stores new keys in the caller's transaction. */
  store(tx: Queries, at: Incarnation, keys: readonly ManagedKey[]): Promise<void>;
  /** Stores a key that waits for a root to list it; false when another one waits in its place. */
  offer(tx: Queries, at: Incarnation, key: ManagedKey): Promise<boolean>;
  /** A root lists these keys now: others may wait in their places. */
  settle(tx: Queries, at: Incarnation, keyIds: readonly string[]): Promise<void>;
  /** The keys of an incarnation in one dialect by key id, as the database has them. */
  held(queries: Queries, at: Incarnation, dialect: DialectName): Promise<ReadonlyMap<string, HeldKey>>;
  /**
   * The signers of an incarnation by key id, opened when asked for.
   * @param needed - key ids that must be among them if they exist at all: another replica may have made them
   * @param approvals - for those that are in a signer of its own
   */
  signers(
    queries: Queries,
    at: Incarnation,
    needed?: Iterable<string>,
    approvals?: ApprovalsOf,
  ): Promise<SignerOf>;
  /** The public halves of an incarnation's keys in one dialect, by role. */
  publicKeys(
    queries: Queries,
    at: Incarnation,
    dialect: DialectName,
  ): Promise<ReadonlyMap<string, readonly Key[]>>;
  /** Ends the use of an incarnation's keys: of those of one dialect, if one is named. */
  retire(tx: Queries, at: Incarnation, nowMs: number, dialect?: DialectName): Promise<void>;
  /** Ends the use of single keys of an incarnation: they are destroyed. */
  retireKeys(tx: Queries, at: Incarnation, nowMs: number, keyIds: readonly string[]): Promise<void>;
  isAvailable(role: string): boolean;
  /** Whether keys may be in a signer of their own, which never signs a second document of a version. */
  readonly mayBeRemote: boolean;
  /** Repositories in which a root was written down for a signer that has not been asked, or has not answered, yet. */
  readonly begun: Set<string>;
  /** Destroys keys in the signer whose use ended, some at a time; those it cannot destroy now stay. @throws KeyStoreError */
  destroyRetired(database: Database): Promise<void>;
  /** Whether one of these keys is there. */
  areRemote(queries: Queries, at: Incarnation, keyIds: Iterable<string>): Promise<boolean>;
}

/**
 * Opens the signer of a key for documents of one dialect; undefined for a key that is not the service's, or that it
 * holds for another dialect.
 * @throws KeyStoreError
 */
export type SignerOf = (
  dialect: DialectName,
  keyId: string,
  role: string,
) => Promise<ManagedSigner | undefined>;

/** What approvers signed of the document of a role that is about to be signed. */
export type ApprovalsOf = (dialect: DialectName, role: string) => readonly Approval[];

/** Signs documents of one role. */
export type ManagedSigner = Pick<Signer, 'scheme' | 'sign'>;

export interface ManagedKeysParts {
  readonly keyStore: WrappedKeyStore;
  /** Where new keys are made and used, in place of this process. */
  readonly remote?: RemoteKeyStore;
  readonly randomBytes: (length: number) => Uint8Array;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export function createManagedKeys({ keyStore, remote, randomBytes, now }: ManagedKeysParts): ManagedKeys {
  const known = new LRUCache<string, ReadonlyMap<string, StoredKey>>({ max: maxIncarnations });
  // At first for what a process before this one left; several, for a transaction that is still running ends later.
  let sweepsLeft = sweepsAfterUse;
  return {
    make: async (repository, dialect, role) => {
      if (remote !== undefined) return await makeRemoteKey(remote, { repository, dialect, role });
      if (dialect === 'notary' && role === 'root') {
        return await makeNotaryRootKey(repository, { keyStore, randomBytes, nowMs: now() });
      }
      const wrapped = await keyStore.generate(
        { repository, role, dialect },
        (half) => toKey(dialect, half).keyId,
      );
      return { key: toKey(dialect, wrapped), wrapped };
    },
    store: async (tx, at, keys) => {
      if (keys.length === 0) return;
      await tx.insert(keyKeys).values(keys.map((key) => toRow(at, key)));
    },
    offer: async (tx, at, key) => {
      const stored = await tx
        .insert(keyKeys)
        .values({ ...toRow(at, key), pending: true })
        .onConflictDoNothing()
        .returning({ keyId: keyKeys.keyId });
      return stored.length > 0;
    },
    settle: async (tx, at, keyIds) => {
      if (keyIds.length === 0) return;
      await tx
        .update(keyKeys)
        .set({ pending: false })
        .where(
          and(
            eq(keyKeys.repository, at.repository),
            eq(keyKeys.incarnation, at.incarnation),
            inArray(keyKeys.keyId, [...keyIds]),
          ),
        );
    },
    held: async (queries, at, dialect) => {
      const keys = await readKeys(queries, at);
      known.set(`${at.repository} ${at.incarnation}`, keys);
      const held = new Map<string, HeldKey>();
      for (const [keyId, key] of keys) {
        if (key.dialect !== dialect) continue;
        const { role, pending } = key;
        held.set(keyId, { role, pending, declared: toKey(dialect, key).declared });
      }
      return held;
    },
    signers: async (queries, at, needed = [], approvals = () => []) => {
      const name = `${at.repository} ${at.incarnation}`;
      const remembered = known.get(name);
      const isEnough = remembered !== undefined && [...needed].every((keyId) => remembered.has(keyId));
      const keys = isEnough ? remembered : await readKeys(queries, at);
      if (keys.size > 0) known.set(name, keys);
      return async (dialect, keyId, role) => {
        const key = keys.get(keyId);
        if (key?.dialect !== dialect) return undefined;
        if ('wrapped' in key) return await keyStore.open(key);
        const place = { repository: at.repository, dialect, role };
        return remoteSigner(remote, key, place, approvals(dialect, role));
      };
    },
    publicKeys: async (queries, at, dialect) => {
      const roles = new Map<string, Key[]>();
      for (const key of (await readKeys(queries, at)).values()) {
        if (key.dialect !== dialect) continue;
        const keys = roles.get(key.role) ?? [];
        keys.push(toKey(dialect, key));
        roles.set(key.role, keys);
      }
      return roles;
    },
    retire: async (tx, at, nowMs, dialect) => {
      sweepsLeft = sweepsAfterUse;
      known.delete(`${at.repository} ${at.incarnation}`);
      await tx
        .update(keyKeys)
        .set({ retiredAt: new Date(nowMs) })
        .where(
          and(
            eq(keyKeys.repository, at.repository),
            eq(keyKeys.incarnation, at.incarnation),
            dialect === undefined ? undefined : eq(keyKeys.dialect, dialect),
          ),
        );
    },
    retireKeys: async (tx, at, nowMs, keyIds) => {
      if (keyIds.length === 0) return;
      sweepsLeft = sweepsAfterUse;
      known.delete(`${at.repository} ${at.incarnation}`);
      await tx
        .update(keyKeys)
        // Nobody signs with it again: what is not there cannot be stolen.
        .set({ retiredAt: new Date(nowMs), wrapped: null })
        .where(
          and(
            eq(keyKeys.repository, at.repository),
            eq(keyKeys.incarnation, at.incarnation),
            inArray(keyKeys.keyId, [...keyIds]),
          ),
        );
    },
    mayBeRemote: remote !== undefined,
    begun: new Set(),
    destroyRetired: async (database) => {
      if (remote === undefined || sweepsLeft === 0) return;
      const isAll = await destroySome(database, remote);
      if (isAll) sweepsLeft -= 1;
    },
    areRemote: async (queries, at, keyIds) => {
      if (remote === undefined) return false;
      const keys = await readKeys(queries, at);
      return [...keyIds].some((keyId) => {
        const key = keys.get(keyId);
        return key !== undefined && !('wrapped' in key);
      });
    },
    // A signer answers for itself.
    isAvailable: (role) => remote !== undefined || keyStore.isAvailable(role),
  };
}

/** As the database has it: `RemoteKey` without a private half. */
type StoredKey = (WrappedKey | (RemoteKey & Pick<WrappedKey, 'role' | 'dialect'>)) & {
  readonly pending: boolean;
};

/** The key entry of a public half as a dialect writes it. @throws TrustError INTERNAL */
function toKey(
  dialect: DialectName,
  { algorithm, publicHex }: Pick<WrappedKey, 'algorithm' | 'publicHex'>,
): Key {
  return codecOf(dialect).toKey(declare(dialect, algorithm, publicHex));
}

function declare(dialect: DialectName, algorithm: KeyAlgorithm, publicHex: string): JsonObject {
  if (dialect === 'notary') {
    const bytes = fromHex(publicHex);
    if (algorithm === 'ed25519') return ed25519KeyObject(bytes);
    return algorithm === 'rsa' ? rsaKeyObject(bytes) : ecdsaKeyObject(bytes);
  }
  if (algorithm === 'ed25519') {
    return { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: publicHex } };
  }
  throw new TrustError('INTERNAL', `no managed key of this dialect is ${algorithm}`);
}

/** Algorithms as rows of keys name them. */
export const algorithmSchema = z.enum(['ed25519', 'ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521', 'rsa']);

function toRow({ repository, incarnation }: Incarnation, key: ManagedKey): typeof keyKeys.$inferInsert {
  const held = 'wrapped' in key ? key.wrapped : key.remote;
  return {
    keyId: held.keyId,
    repository,
    incarnation,
    role: held.role,
    dialect: held.dialect,
    algorithm: held.algorithm,
    publicHex: held.publicHex,
    ...('wrapped' in key
      ? { wrapped: key.wrapped.wrapped, masterFingerprint: key.wrapped.masterFingerprint }
      : { wrapped: null, masterFingerprint: '', home: 'remote' }),
    createdAt: new Date(held.createdAt),
    retiredAt: null,
  };
}

async function readKeys(
  queries: Queries,
  { repository, incarnation }: Incarnation,
): Promise<ReadonlyMap<string, StoredKey>> {
  const rows = await queries
    .select({
      keyId: keyKeys.keyId,
      role: keyKeys.role,
      dialect: keyKeys.dialect,
      algorithm: keyKeys.algorithm,
      publicHex: keyKeys.publicHex,
      wrapped: keyKeys.wrapped,
      masterFingerprint: keyKeys.masterFingerprint,
      createdAt: keyKeys.createdAt,
      pending: keyKeys.pending,
      home: keyKeys.home,
    })
    .from(keyKeys)
    .where(
      and(
        eq(keyKeys.repository, repository),
        eq(keyKeys.incarnation, incarnation),
        isNull(keyKeys.retiredAt),
      ),
    );
  const keys = new Map<string, StoredKey>();
  for (const { wrapped, masterFingerprint, home, createdAt, algorithm: name, ...row } of rows) {
    const algorithm = algorithmSchema.parse(name);
    if (home === 'remote') keys.set(row.keyId, { ...row, algorithm });
    if (wrapped === null) continue;
    const sealed = { repository, wrapped, masterFingerprint, createdAt: createdAt.getTime() };
    keys.set(row.keyId, { ...row, ...sealed, algorithm });
  }
  return keys;
}
