/**
 * The root of a mirrored `tuf` dialect: its root role lists the owner's own keys, the public halves of the
 * certificates in the root of the other dialect, so that whoever trusts one trusts the other for the same reason.
 */
import { toPem } from '@vidimus/crypto';
import { type Key, type RoleKeySet, type Root, tufDialect } from '@vidimus/tuf';
import { TrustError } from '../../service.ts';

/** Key type and scheme; the one that fits the key is admitted. P-521 is none that TUF clients know. */
const forms = [
  ['ecdsa', 'ecdsa-sha2-nistp256'],
  ['ecdsa', 'ecdsa-sha2-nistp384'],
  ['rsa', 'rsassa-pss-sha256'],
] as const;

/** @throws TrustError DIALECT_INEXPRESSIBLE for a key that TUF clients cannot verify with */
export function mirrorRootKeys({ keys, roles: { root } }: Root): RoleKeySet {
  return { keys: root.keyIds.map((keyId) => toTufKey(keyId, keys.get(keyId))), threshold: root.threshold };
}

/** Whether the mirrored root still lists the keys, and the threshold, of the root that it repeats. */
export function isRootCurrent(mirrored: Root, source: Root): boolean {
  const print = (root: Root): string => {
    const { keyIds, threshold } = root.roles.root;
    const material = keyIds.map((keyId) => root.keys.get(keyId)?.usable?.materialId ?? keyId);
    return [threshold, ...material.sort()].join(' ');
  };
  return print(mirrored) === print(source);
}

function toTufKey(keyId: string, key: Key | undefined): Key {
  const pem = key?.usable === undefined ? '' : toPem('PUBLIC KEY', key.usable.spkiDer);
  for (const [keytype, scheme] of forms) {
    const made = tufDialect.toKey({ keytype, scheme, keyval: { public: pem } });
    if (made.usable !== undefined) return made;
  }
  throw new TrustError(
    'DIALECT_INEXPRESSIBLE',
    `the root key ${keyId} is of a kind that TUF clients do not know: they know P-256, P-384 and RSA`,
    { role: 'root', keyId, dialect: 'tuf' },
  );
}
