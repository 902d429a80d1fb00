/** The root keys of a mirrored `tuf` dialect: the public halves of the certificates in the `notary` root. */
import type { Key, RoleKeySet, Root } from '@vidimus/tuf';
import { mismatch } from './offered-document.ts';

/** Key type by scheme, where TUF clients know the kind; a key fits one of them. */
const keyTypes: ReadonlyMap<string, string> = new Map([
  ['ecdsa-sha2-nistp256', 'ecdsa'],
  ['ecdsa-sha2-nistp384', 'ecdsa'],
  ['rsassa-pss-sha256', 'rsa'],
]);

/**
 * The root role that an offered mirror must have: for every key of the source's root role the offered one of the same
 * material, and the same threshold. How the server spelled a PEM is left to it; whose key it is, is not.
 * @param offered the root of the dialect `tuf` as the server offers it
 * @param source the root of the dialect `notary`, verified by this client
 * @throws TrustClientError CHANGE_MISMATCH
 */
export function mirrorKeys(offered: Root, source: Root): RoleKeySet {
  const { keyIds, threshold } = source.roles.root;
  const byMaterial = new Map(
    offered.roles.root.keyIds.flatMap((keyId) => {
      const key = offered.keys.get(keyId);
      return key?.usable === undefined ? [] : [[key.usable.materialId, key] as const];
    }),
  );
  const keys = keyIds.map((keyId): Key => {
    const key = byMaterial.get(source.keys.get(keyId)?.usable?.materialId ?? '');
    if (key === undefined) throw mismatch(`root leaves out the key of the certificate ${keyId.slice(0, 12)}`);
    assertPlain(key);
    return key;
  });
  if (offered.roles.root.keyIds.length !== keyIds.length) {
    throw mismatch('root has keys that no certificate of the dialect notary has');
  }
  return { keys, threshold };
}

/** A key object is signed as a whole: nothing else may hide in it. */
function assertPlain({ declared, usable }: Key): void {
  const names = Object.keys(declared).sort().join(' ');
  const isPlain =
    names === 'keytype keyval scheme' && declared['keytype'] === keyTypes.get(usable?.scheme ?? '');
  const { keyval } = declared;
  const inner = typeof keyval === 'object' && keyval !== null ? Object.keys(keyval).join(' ') : '';
  if (!isPlain || inner !== 'public') throw mismatch('root writes a key in another way than TUF does');
}
