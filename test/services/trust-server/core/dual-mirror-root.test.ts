import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { notaryDialect } from '@vidimus/notary';
import type { Root } from '@vidimus/tuf';
import { describe, expect, it } from 'vitest';
import {
  isRootCurrent,
  mirrorRootKeys,
} from '../../../../services/trust-server/src/core/dialect-changes/mirror-root.ts';
import { TrustError } from '../../../../services/trust-server/src/service.ts';
import { p256PrivateKey } from '../../../support/notary-certificates.ts';
import { certificateKey, rsaPrivateKey } from '../../../support/notary-keys.ts';
import { startMs } from './core-for-test.ts';

const repository = 'registry.example.com/mirror/root';

/** A root of the other dialect whose root role has certificates for these keys. */
function rootOf(...privateKeys: readonly KeyObject[]): Root {
  const keys = privateKeys.map((privateKey, index) =>
    notaryDialect.toKey(
      certificateKey({ key: `${index}`, commonName: repository, notBefore: startMs, privateKey }).declared,
    ),
  );
  const none = { keyIds: [], threshold: 1 };
  return {
    kind: 'root',
    version: 1,
    expires: 0,
    binding: {},
    fields: {},
    consistentSnapshot: false,
    keys: new Map(keys.map((key) => [key.keyId, key])),
    roles: {
      root: { keyIds: keys.map(({ keyId }) => keyId), threshold: keys.length },
      targets: none,
      snapshot: none,
      timestamp: none,
    },
  };
}

const curve = (namedCurve: string): KeyObject => generateKeyPairSync('ec', { namedCurve }).privateKey;
const p256 = p256PrivateKey('owner');
const p384 = curve('secp384r1');

/** The root of a mirror, as far as it matters here. */
const mirrorOf = (root: Root): Root => {
  const { keys, threshold } = mirrorRootKeys(root);
  return {
    ...root,
    keys: new Map(keys.map((key) => [key.keyId, key])),
    roles: { ...root.roles, root: { keyIds: keys.map(({ keyId }) => keyId), threshold } },
  };
};

describe('the root keys of a mirror', () => {
  it.each([
    ['P-256', p256, 'ecdsa', 'ecdsa-sha2-nistp256'],
    ['P-384', p384, 'ecdsa', 'ecdsa-sha2-nistp384'],
    ['RSA', rsaPrivateKey(), 'rsa', 'rsassa-pss-sha256'],
  ])('are the owner’s own public keys: %s', (_name, privateKey, keytype, scheme) => {
    const { keys, threshold } = mirrorRootKeys(rootOf(privateKey));
    const pem = createPublicKey(privateKey).export({ format: 'pem', type: 'spki' });
    expect(threshold).toBe(1);
    expect(keys.map(({ declared }) => declared)).toEqual([{ keytype, scheme, keyval: { public: pem } }]);
    expect(keys.every(({ usable }) => usable !== undefined)).toBe(true);
  });

  it('keep the threshold', () => {
    expect(mirrorRootKeys(rootOf(p256, p384))).toMatchObject({ threshold: 2, keys: [{}, {}] });
  });

  it('cannot be of a kind that TUF clients do not know', () => {
    let code = 'none';
    try {
      mirrorRootKeys(rootOf(p256, curve('secp521r1')));
    } catch (error) {
      if (!(error instanceof TrustError)) throw error;
      code = error.code;
    }
    expect(code).toBe('DIALECT_INEXPRESSIBLE');
  });

  it('are current while they are the same keys with the same threshold, in any order', () => {
    const source = rootOf(p256, p384);
    const mirrored = mirrorOf(source);
    const { root } = mirrored.roles;
    const reversed = { ...root, keyIds: root.keyIds.toReversed() };
    expect(isRootCurrent(mirrored, source)).toBe(true);
    expect(isRootCurrent({ ...mirrored, roles: { ...mirrored.roles, root: reversed } }, source)).toBe(true);
    expect(isRootCurrent(mirrored, rootOf(p256))).toBe(false);
    expect(isRootCurrent(mirrored, rootOf(p256, curve('prime256v1')))).toBe(false);
    const lower = { ...source.roles.root, threshold: 1 };
    expect(isRootCurrent(mirrored, { ...source, roles: { ...source.roles, root: lower } })).toBe(false);
  });
});
