/** Private keys of the source that the verified root names: they go on signing, under our master key. */
import type { JsonObject } from '@vidimus/canonical-json';
import { keyKeys, type Queries } from '@vidimus/database';
import { KeyStoreError, type PublicHalf, type WrappedKey, type WrappedKeyStore } from '@vidimus/key-store';
import { ecdsaKeyObject, ed25519KeyObject, keyIdOf, rsaKeyObject } from '@vidimus/notary';
import type { Root } from '@vidimus/tuf';
import { and, eq, inArray, ne } from 'drizzle-orm';
import type { Incarnation } from '../store/metadata.ts';
import type { HistoryKey } from './history.ts';

const dialect = 'notary';

/** Roles whose keys a Notary server may hold. */
export const servedRoles = ['timestamp', 'snapshot'] as const;
export type ServedRole = (typeof servedRoles)[number];

/** Ids of the keys that a root names for timestamp and snapshot. */
export function servedKeyIds({ roles }: Root): readonly string[] {
  return [...new Set(servedRoles.flatMap((role) => roles[role].keyIds))];
}

/**
 * The keys among `found` that the root lists, ready to be stored. Which key it is, its private half says; one that
 * the root lists for no role it was made for, or that is too weak to be admitted, is not taken.
 * @param held - ids that the repository has already
 */
export async function takeKeys(
  keyStore: WrappedKeyStore,
  repository: string,
  root: Root,
  found: readonly HistoryKey[],
  held: ReadonlySet<string>,
): Promise<readonly WrappedKey[]> {
  const taken = new Map<string, WrappedKey>();
  for (const { pkcs8, role: madeFor } of found) {
    for (const role of servedRoles) {
      if (madeFor !== undefined && madeFor !== role) continue;
      const key = await wrapKey(keyStore, repository, role, pkcs8);
      if (key === undefined || held.has(key.keyId) || !root.roles[role].keyIds.includes(key.keyId)) continue;
      taken.set(key.keyId, key);
    }
  }
  return [...taken.values()];
}

/**
 * Ids among these that another repository holds. Documents of this dialect do not say whose they are: what one key
 * signed for two repositories, somebody on the way could show to the clients of the other.
 */
export async function heldElsewhere(
  queries: Queries,
  repository: string,
  keyIds: readonly string[],
): Promise<ReadonlySet<string>> {
  if (keyIds.length === 0) return new Set();
  const rows = await queries
    .select({ keyId: keyKeys.keyId })
    .from(keyKeys)
    .where(
      and(
        inArray(keyKeys.keyId, [...keyIds]),
        ne(keyKeys.repository, repository),
        eq(keyKeys.dialect, dialect),
      ),
    );
  return new Set(rows.map(({ keyId }) => keyId));
}

/** Stores imported keys. One that an earlier incarnation had, whose use ended, is in use again. */
export async function storeKeys(tx: Queries, at: Incarnation, keys: readonly WrappedKey[]): Promise<void> {
  for (const key of keys) {
    const row = {
      incarnation: at.incarnation,
      algorithm: key.algorithm,
      publicHex: key.publicHex,
      wrapped: key.wrapped,
      masterFingerprint: key.masterFingerprint,
      createdAt: new Date(key.createdAt),
      retiredAt: null,
      pending: false,
    };
    await tx
      .insert(keyKeys)
      .values({ ...row, keyId: key.keyId, repository: at.repository, role: key.role, dialect })
      .onConflictDoUpdate({
        target: [keyKeys.keyId, keyKeys.repository, keyKeys.role, keyKeys.dialect],
        set: row,
      });
  }
}

async function wrapKey(
  keyStore: WrappedKeyStore,
  repository: string,
  role: ServedRole,
  pkcs8: Uint8Array,
): Promise<WrappedKey | undefined> {
  try {
    return await keyStore.import({ repository, role, dialect }, pkcs8, (half) => keyIdOf(toKeyObject(half)));
  } catch (error) {
    if (error instanceof KeyStoreError && error.code === 'KEY_INVALID') return undefined;
    throw error;
  }
}

function toKeyObject(half: PublicHalf): JsonObject {
  if (half.algorithm === 'ed25519') return ed25519KeyObject(half.publicRaw);
  return half.algorithm === 'rsa' ? rsaKeyObject(half.spkiDer) : ecdsaKeyObject(half.spkiDer);
}
