/** The record that lies beside each key, as the signing of changes asks for it. */
import type { FileKeyStore } from '@vidimus/key-store';
import type { Change, PublishClient, SignedRecords, SignedVersion } from '@vidimus/trust-client';

/**
 * The key store remembers hashes, not changes. Which dead change a hash belongs to is looked up among those
 * that the new change names; the hash decides, not the server's word.
 */
export function createSignedRecords(
  store: FileKeyStore,
  publisher: PublishClient,
  change: Change,
): SignedRecords {
  const signedBefore = async (version: SignedVersion): Promise<string | undefined> => {
    const { keyId, repository, dialect, role } = version;
    return (await store.signed(keyId)).findLast(
      (entry) =>
        entry.repository === repository &&
        entry.dialect === dialect &&
        entry.role === role &&
        entry.version === version.version,
    )?.sha256;
  };
  return {
    async find(version) {
      const sha256 = await signedBefore(version);
      if (sha256 === undefined) return undefined;
      return { sha256, change: (await changeOf(publisher, change, sha256)) ?? 'an unknown change' };
    },
    async remember({ keyId, repository, dialect, role, version }, { sha256 }) {
      const before = await signedBefore({ keyId, repository, dialect, role, version });
      const insteadOf = before === undefined || before === sha256 ? {} : { insteadOf: before };
      await store.claim(keyId, { repository, dialect, role, version, sha256, ...insteadOf });
    },
  };
}

async function changeOf(
  publisher: PublishClient,
  change: Change,
  sha256: string,
): Promise<string | undefined> {
  const proposes = (one: Change): boolean => one.documents.some((document) => document.sha256 === sha256);
  if (proposes(change)) return change.id;
  for (const id of change.insteadOf ?? []) {
    if (proposes(await publisher.change(change.repository, id))) return id;
  }
  return undefined;
}
