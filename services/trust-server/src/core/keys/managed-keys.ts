/** The service's own keys: made for one repository, role and incarnation, stored wrapped, opened to sign. */
import type { JsonObject } from '@vidimus/canonical-json';
import type { Signer } from '@vidimus/crypto';
import { type Database, keyKeys, keyMasters, type Queries } from '@vidimus/database';
import { assertMasterKey, type MasterKey, type WrappedKey, type WrappedKeyStore } from '@vidimus/key-store';
import type { DialectName, Key } from '@vidimus/tuf';
import { and, eq, isNull } from 'drizzle-orm';
import { LRUCache } from 'lru-cache';
import { codecOf } from '../dialects.ts';
import type { Incarnation } from '../store/metadata.ts';

/** Incarnations whose key rows stay in memory. */
const maxIncarnations = 10_000;

/** A key pair of the service: the public half as metadata lists it, the private half wrapped. */
export interface ManagedKey {
  readonly key: Key;
  readonly wrapped: WrappedKey;
}

export interface ManagedKeys {
  /** Makes a key for a role of one dialect; it exists once `store` was committed. @throws KeyStoreError */
  make(repository: string, dialect: DialectName, role: string): Promise<ManagedKey>;
  /** Stores new keys in the caller's transaction. */
  store(tx: Queries, at: Incarnation, keys: readonly ManagedKey[]): Promise<void>;
  /** The signers of an incarnation by key id, opened when asked for. */
  signers(queries: Queries, at: Incarnation): Promise<SignerOf>;
  /** The public halves of an incarnation's keys in one dialect, by role. */
  publicKeys(
    queries: Queries,
    at: Incarnation,
    dialect: DialectName,
  ): Promise<ReadonlyMap<string, readonly Key[]>>;
  /** Ends the use of an incarnation's keys. */
  retire(tx: Queries, at: Incarnation, nowMs: number): Promise<void>;
  isAvailable(role: string): boolean;
}

/**
 * Opens the signer of a key for documents of one dialect; undefined for a key that is not the service's, or that it
 * holds for another dialect.
 * @throws KeyStoreError
 */
export type SignerOf = (dialect: DialectName, keyId: string) => Promise<Signer | undefined>;

export function createManagedKeys(keyStore: WrappedKeyStore): ManagedKeys {
  const known = new LRUCache<string, ReadonlyMap<string, WrappedKey>>({ max: maxIncarnations });
  return {
    make: async (repository, dialect, role) => {
      const wrapped = await keyStore.generate(
        { repository, role, dialect },
        ({ publicHex }) => toKey(dialect, publicHex).keyId,
      );
      return { key: toKey(dialect, wrapped.publicHex), wrapped };
    },
    store: async (tx, { repository, incarnation }, keys) => {
      if (keys.length === 0) return;
      await tx.insert(keyKeys).values(
        keys.map(({ wrapped }) => ({
          keyId: wrapped.keyId,
          repository,
          incarnation,
          role: wrapped.role,
          dialect: wrapped.dialect,
          algorithm: wrapped.algorithm,
          publicHex: wrapped.publicHex,
          wrapped: wrapped.wrapped,
          masterFingerprint: wrapped.masterFingerprint,
          createdAt: new Date(wrapped.createdAt),
          retiredAt: null,
        })),
      );
    },
    signers: async (queries, at) => {
      const name = `${at.repository} ${at.incarnation}`;
      const keys = known.get(name) ?? (await readKeys(queries, at));
      if (keys.size > 0) known.set(name, keys);
      return async (dialect, keyId) => {
        const key = keys.get(keyId);
        return key?.dialect === dialect ? await keyStore.open(key) : undefined;
      };
    },
    publicKeys: async (queries, at, dialect) => {
      const roles = new Map<string, Key[]>();
      for (const { role, publicHex, ...key } of (await readKeys(queries, at)).values()) {
        if (key.dialect !== dialect) continue;
        const keys = roles.get(role) ?? [];
        keys.push(toKey(dialect, publicHex));
        roles.set(role, keys);
      }
      return roles;
    },
    retire: async (tx, at, nowMs) => {
      known.delete(`${at.repository} ${at.incarnation}`);
      await tx
        .update(keyKeys)
        .set({ retiredAt: new Date(nowMs) })
        .where(and(eq(keyKeys.repository, at.repository), eq(keyKeys.incarnation, at.incarnation)));
    },
    isAvailable: (role) => keyStore.isAvailable(role),
  };
}

/**
 * Refuses to go on with another master key than the database was first used with.
 * @throws KeyStoreError MASTER_KEY_WRONG
 */
export async function pinMasterKeys(
  database: Database,
  masters: { readonly service: MasterKey; readonly root?: MasterKey },
): Promise<void> {
  await database.transaction(async (tx) => {
    for (const [purpose, master] of Object.entries(masters)) {
      await tx.insert(keyMasters).values({ purpose, fingerprint: master.fingerprint }).onConflictDoNothing();
      const [row] = await tx
        .select({ fingerprint: keyMasters.fingerprint })
        .from(keyMasters)
        .where(eq(keyMasters.purpose, purpose));
      if (row !== undefined) assertMasterKey(master, row.fingerprint);
    }
  });
}

/** The key entry of an Ed25519 key as a dialect writes it. */
function toKey(dialect: DialectName, publicHex: string): Key {
  const declared: JsonObject = { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: publicHex } };
  return codecOf(dialect).toKey(declared);
}

async function readKeys(
  queries: Queries,
  { repository, incarnation }: Incarnation,
): Promise<ReadonlyMap<string, WrappedKey>> {
  const rows = await queries
    .select({
      keyId: keyKeys.keyId,
      role: keyKeys.role,
      dialect: keyKeys.dialect,
      publicHex: keyKeys.publicHex,
      wrapped: keyKeys.wrapped,
      masterFingerprint: keyKeys.masterFingerprint,
      createdAt: keyKeys.createdAt,
    })
    .from(keyKeys)
    .where(
      and(
        eq(keyKeys.repository, repository),
        eq(keyKeys.incarnation, incarnation),
        isNull(keyKeys.retiredAt),
      ),
    );
  const keys = new Map<string, WrappedKey>();
  for (const { wrapped, createdAt, ...row } of rows) {
    if (wrapped === null) continue;
    keys.set(row.keyId, {
      ...row,
      repository,
      wrapped,
      algorithm: 'ed25519',
      createdAt: createdAt.getTime(),
    });
  }
  return keys;
}
