/** What a trust server proposes for repositories of both dialects. Keys and certificates come from their names alone. */
import { createHash } from 'node:crypto';
import {
  createRootCertificate,
  ed25519FromSeed,
  fromHex,
  p256FromRandom,
  sha256Hex,
  toBase64,
  toHex,
} from '@vidimus/crypto';
import { ed25519KeyObject, notaryDialect, x509KeyObject } from '@vidimus/notary';
import type { Change } from '@vidimus/trust-client';
import {
  type DialectName,
  type Draft,
  formatTime,
  type Key,
  type RepositoryKeys,
  type Root,
  tufDialect,
} from '@vidimus/tuf';

export const REPOSITORY = 'registry.example.com/team/app';
export const NOW = Date.UTC(2026, 10, 21, 9, 0, 0);
export const DAY = 86_400_000;

const codecs = { tuf: tufDialect, notary: notaryDialect };
const seedOf = (name: string): Uint8Array => fromHex(sha256Hex(Buffer.from(name)));

export function tufKey(name: string): Key {
  const { publicRaw } = ed25519FromSeed(seedOf(name));
  return tufDialect.toKey({ keytype: 'ed25519', scheme: 'ed25519', keyval: { public: toHex(publicRaw) } });
}

/** The same material as `tufKey` of that name. */
export function notaryKey(name: string): Key {
  return notaryDialect.toKey(ed25519KeyObject(ed25519FromSeed(seedOf(name)).publicRaw));
}

/** A root key with a certificate of its own, as Notary clients have them. */
export async function certified(name: string, commonName = REPOSITORY, notBefore = NOW - DAY): Promise<Key> {
  const pem = await createRootCertificate({
    commonName,
    notBefore,
    notAfter: notBefore + 3_650 * DAY,
    serial: seedOf(name).slice(0, 16),
    pkcs8: p256FromRandom(createHash('sha384').update(name).digest()),
  });
  return notaryDialect.toKey(x509KeyObject(pem));
}

/** The key of a certificate as TUF writes it. */
export function asTufKey(key: Key): Key {
  const lines = toBase64(key.usable?.spkiDer ?? new Uint8Array()).match(/.{1,64}/g) ?? [];
  const pem = ['-----BEGIN PUBLIC KEY-----', ...lines, '-----END PUBLIC KEY-----', ''].join('\n');
  return tufDialect.toKey({ keytype: 'ecdsa', scheme: 'ecdsa-sha2-nistp256', keyval: { public: pem } });
}

/** Keys of the service's own below root, of one dialect. */
export function managedBelow(dialect: DialectName): Omit<RepositoryKeys, 'root'> {
  const key = dialect === 'tuf' ? tufKey : notaryKey;
  const one = (role: string) => ({ keys: [key(`${dialect} ${role} of the service`)], threshold: 1 });
  return {
    targets: one('targets'),
    snapshot: one('snapshot'),
    timestamp: one('timestamp'),
    revocations: one('revocations'),
  };
}

/** A draft as a document that was read back. */
export function asRoot(draft: Draft<Root>): Root {
  return { ...draft, fields: {} };
}

export interface Proposed {
  readonly dialect: DialectName;
  readonly root: Draft<Root>;
}

/** A change as the server prints it. */
export function toChange(kind: 'create' | 'dialects', documents: readonly Proposed[], issued = NOW): Change {
  return {
    id: '01A',
    repository: REPOSITORY,
    state: 'open',
    kind,
    edit: { method: kind === 'create' ? 'PUT' : 'PATCH', path: `/v2/${REPOSITORY}/_trust`, body: {} },
    times: { issued: formatTime(issued), expires: { root: formatTime(documents[0]?.root.expires ?? 0) } },
    summary: '',
    diff: [],
    createdBy: '',
    createdAt: formatTime(issued),
    expiresAt: formatTime(issued + 7 * DAY),
    base: {},
    documents: documents.map(({ dialect, root }) => {
      const message = codecs[dialect].encode(root);
      const { keyIds, threshold } = root.roles.root;
      return {
        dialect,
        role: 'root',
        version: root.version,
        toSign: toBase64(message),
        sha256: sha256Hex(message),
        thresholds: [{ of: 'role' as const, threshold, keyIds: [...keyIds] }],
        signatures: [],
        missing: threshold,
      };
    }),
  };
}
