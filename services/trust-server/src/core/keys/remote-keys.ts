/** Managed keys in a signer of its own: this process asks for signatures over whole documents and checks them. */
import type { JsonObject } from '@vidimus/canonical-json';
import { fromHex, sha256Hex, toPublicKey } from '@vidimus/crypto';
import { type Database, keyKeys } from '@vidimus/database';
import {
  type Approval,
  KeyStoreError,
  type MadeKey,
  type RemoteKey,
  type RemoteKeyStore,
  type RemotePlace,
} from '@vidimus/key-store';
import type { Key } from '@vidimus/tuf';
import { and, eq, isNotNull } from 'drizzle-orm';
import { codecOf } from '../dialects.ts';
import type { ManagedKey, ManagedSigner } from './managed-keys.ts';

/** Makes a key in the signer. @throws KeyStoreError SIGNER_UNAVAILABLE, SIGNER_REFUSED */
export async function makeRemoteKey(remote: RemoteKeyStore, place: RemotePlace): Promise<ManagedKey> {
  const made = await remote.make(place);
  return { key: toListedKey(place, made), remote: made };
}

/**
 * A signer of documents of one role.
 * @throws KeyStoreError SIGNER_UNAVAILABLE when this process was started without a signer
 */
export function remoteSigner(
  remote: RemoteKeyStore | undefined,
  key: RemoteKey,
  place: RemotePlace,
  approvals: readonly Approval[],
): ManagedSigner {
  if (remote === undefined) {
    throw new KeyStoreError('SIGNER_UNAVAILABLE', 'the key is in a signer, and VIDIMUS_SIGNER is not set', {
      keyId: key.keyId,
    });
  }
  return {
    scheme: key.algorithm === 'ed25519' ? 'ed25519' : 'ecdsa-sha256-p1363',
    sign: async (message) => (await remote.sign(key, place, message, approvals)).signature,
  };
}

/** Keys destroyed in one round. */
const keysAtOnce = 100;

/**
 * Destroys keys whose use ended, after the commit that ended it. Their rows stay, as those of wrapped keys do that
 * were destroyed.
 * @returns whether none is left
 */
export async function destroySome(database: Database, remote: RemoteKeyStore): Promise<boolean> {
  const isRetired = and(eq(keyKeys.home, 'remote'), isNotNull(keyKeys.retiredAt));
  const rows = await database.db
    .select({ keyId: keyKeys.keyId, repository: keyKeys.repository })
    .from(keyKeys)
    .where(isRetired)
    .limit(keysAtOnce);
  for (const { keyId, repository } of rows) {
    await remote.destroy(keyId, repository);
    await database.db
      .update(keyKeys)
      .set({ home: 'wrapped' })
      .where(and(isRetired, eq(keyKeys.keyId, keyId), eq(keyKeys.repository, repository)));
  }
  return rows.length < keysAtOnce;
}

/** What metadata will list must be the very key that the signer says it made. */
function toListedKey({ dialect }: RemotePlace, made: MadeKey): Key {
  const declared: JsonObject = made.declared;
  const key = codecOf(dialect).toKey(declared);
  if (key.keyId === made.keyId && key.usable?.materialId === materialOf(made)) return key;
  throw new KeyStoreError('SIGNER_UNAVAILABLE', 'the signer describes another key than it made', {
    keyId: made.keyId,
  });
}

function materialOf({ algorithm, publicHex }: MadeKey): string {
  const bytes = fromHex(publicHex);
  return algorithm === 'ed25519'
    ? toPublicKey({ format: 'ed25519-raw', bytes }, 'ed25519').materialId
    : sha256Hex(bytes);
}
