/** Keys and terms for edit tests: everything from a seed, nothing from chance. */
import { encodeCanonical, type JsonObject } from '@vidimus/canonical-json';
import { ed25519FromSeed, type Signer, sha256, sha256Hex, toHex } from '@vidimus/crypto';
import type { EditTerms, RepositoryKeys, RoleKeySet } from '../../../../packages/tuf/src/edit/index.ts';
import type { Key } from '../../../../packages/tuf/src/model.ts';

export const repository = 'registry.example.com/team/app';
export const day = 86_400_000;
export const start = Date.UTC(2026, 10, 21, 9, 0, 0);

export interface SeededKey {
  readonly key: Key;
  readonly signer: Signer;
}

export function seededKey(name: string): SeededKey {
  const { publicRaw, signer } = ed25519FromSeed(sha256(new TextEncoder().encode(name)));
  const declared: JsonObject = {
    keytype: 'ed25519',
    scheme: 'ed25519',
    keyval: { public: toHex(publicRaw) },
  };
  return { key: { keyId: sha256Hex(encodeCanonical(declared)), declared, usable: signer.publicKey }, signer };
}

export const roles = ['root', 'targets', 'snapshot', 'timestamp', 'revocations'] as const;

export const one = (name: string): RoleKeySet => ({ keys: [seededKey(name).key], threshold: 1 });

export const repositoryKeys: RepositoryKeys = {
  root: one('root'),
  targets: one('targets'),
  snapshot: one('snapshot'),
  timestamp: one('timestamp'),
  revocations: one('revocations'),
};

export function terms(highest: Readonly<Record<string, number>> = {}, nowMs: number = start): EditTerms {
  return {
    repository,
    nowMs,
    lifetimesMs: new Map([
      ['root', 365 * day],
      ['targets', 90 * day],
      ['snapshot', 7 * day],
      ['timestamp', day],
      ['revocations', 30 * day],
    ]),
    highest: new Map(Object.entries(highest)),
  };
}

export const digestHex = (text: string): string => sha256Hex(new TextEncoder().encode(text));
