/** What a person wants to know of a repository before it moves: tags, signers, expiries, keys, what is wrong. */
import { readCertificates } from '@vidimus/crypto';
import { canonicalKeyId, effectiveImages, notaryDialect, toNotaryRole } from '@vidimus/notary';
import type { Key, RoleKeys, Targets } from '@vidimus/tuf';
import { TufError, verifyRoot } from '@vidimus/tuf';
import type { TrustKeyFile } from '../../trust-dir/key-file.ts';
import type { TrustDirectory } from '../../trust-dir/trust-directory.ts';
import type { Collected } from './collect-documents.ts';
import { readLimits } from './notary-wire.ts';
import type { Problem } from './problems.ts';

export interface RoleReport {
  /** As on the wire. */
  readonly role: string;
  /** Absent where there is no document that verifies. */
  readonly version?: number;
  /** RFC 3339. */
  readonly expires?: string;
  readonly threshold: number;
  readonly keys: readonly KeyReport[];
}

export interface KeyReport {
  /** As the role lists it; that of a certificate is another than that of its key. */
  readonly keyId: string;
  /** As trust directories name their files. */
  readonly canonicalId: string;
  /** Of a root key's certificate. */
  readonly certificate?: { readonly commonName: string; readonly notAfter: string };
  /** Where its private half is, as far as its name says. */
  readonly file?: string;
}

export interface TagReport {
  readonly tag: string;
  /** `sha256:<hex>`; null where the entry has no SHA-256. */
  readonly digest: string | null;
  readonly role: string;
}

export interface RepositoryReport {
  readonly repository: string;
  /** Versions that clients can walk from: of the oldest and the newest root. */
  readonly roots: { readonly from: number; readonly to: number };
  readonly roles: readonly RoleReport[];
  /** What Docker shows: `releases` first, then targets. */
  readonly tags: readonly TagReport[];
  /** Delegations that vouch for people: all but `releases`. */
  readonly signers: readonly string[];
  readonly problems: readonly Problem[];
}

/** The keys of the trust directories that match by the name of their file. */
export type HeldKeys = (canonicalId: string) => TrustKeyFile | undefined;

export function heldKeys(directories: readonly TrustDirectory[]): HeldKeys {
  const byId = new Map(directories.flatMap(({ keys }) => keys).map((key) => [key.keyId, key]));
  return (canonicalId) => byId.get(canonicalId);
}

/** @param directories of this machine: their keys, and the roots its clients verified */
export function describeRepository(
  collected: Collected,
  directories: readonly TrustDirectory[],
): RepositoryReport {
  const { repository, roots, root, problems } = collected;
  const held = heldKeys(directories);
  const delegates = delegationsOf(collected);
  return {
    repository,
    roots: { from: roots[0]?.document.version ?? 0, to: root.document.version },
    roles: [
      ...(['root', 'targets', 'snapshot', 'timestamp'] as const).map((role) =>
        describeRole(role, collected[role]?.document, root.document.roles[role], root.document.keys, held),
      ),
      ...delegates.map(({ name, roleKeys, keys }) =>
        describeRole(toNotaryRole(name), collected.delegations.get(name)?.document, roleKeys, keys, held),
      ),
    ],
    tags: describeTags(collected),
    signers: delegates.map(({ name }) => toNotaryRole(name)).filter((name) => name !== 'targets/releases'),
    problems: [...problems, ...cacheProblems(collected, directories)],
  };
}

/** Every delegation that a verified delegator names, with the keys it may be signed by. */
export function delegationsOf({ targets, delegations }: Collected) {
  const delegators = targets === undefined ? [] : [targets, ...delegations.values()];
  return delegators.flatMap(({ role, document }) =>
    (document.delegations?.roles ?? []).map((roleKeys) => ({
      name: roleKeys.name,
      delegator: role,
      roleKeys,
      keys: document.delegations?.keys ?? new Map<string, Key>(),
    })),
  );
}

function describeRole(
  role: string,
  document: { readonly version: number; readonly expires: number } | undefined,
  { keyIds, threshold }: RoleKeys,
  keys: ReadonlyMap<string, Key>,
  held: HeldKeys,
): RoleReport {
  return {
    role,
    ...(document && { version: document.version, expires: rfc3339(document.expires) }),
    threshold,
    keys: keyIds.flatMap((keyId) => {
      const key = keys.get(keyId);
      return key === undefined ? [] : [describeKey(key, held)];
    }),
  };
}

function describeKey(key: Key, held: HeldKeys): KeyReport {
  // A key of an unknown kind signs nothing; it is named as it is listed.
  const canonicalId = canonicalKeyId(key) ?? key.keyId;
  const file = held(canonicalId)?.path;
  const certificate = certificateOf(key);
  return {
    keyId: key.keyId,
    canonicalId,
    ...(certificate && {
      certificate: {
        commonName: certificate.subjectCommonName ?? '',
        notAfter: rfc3339(certificate.notAfter),
      },
    }),
    ...(file === undefined ? {} : { file }),
  };
}

/** The leaf of a key that is a certificate. */
export function certificateOf(key: Key) {
  const { keytype, keyval } = key.declared;
  if (typeof keytype !== 'string' || !keytype.endsWith('-x509')) return undefined;
  const text =
    typeof keyval === 'object' && keyval !== null && 'public' in keyval ? keyval['public'] : undefined;
  if (typeof text !== 'string') return undefined;
  try {
    return readCertificates(Buffer.from(text, 'base64').toString('latin1'))[0];
  } catch {
    // A certificate that cannot be read is told by the dialect's own rule.
    return undefined;
  }
}

/** What Docker finds, in order of name. */
export function describeTags({ targets, delegations }: Collected): readonly TagReport[] {
  if (targets === undefined) return [];
  const documents = new Map<string, Targets>([['targets', targets.document]]);
  for (const [role, { document }] of delegations) documents.set(role, document);
  return [...effectiveImages(documents)]
    .map(([tag, { target, role }]) => {
      const sha256 = target.hashes.get('sha256');
      return {
        tag,
        digest: sha256 === undefined ? null : `sha256:${sha256}`,
        role: role === 'targets' ? role : toNotaryRole(role),
      };
    })
    .sort((a, b) => (a.tag < b.tag ? -1 : 1));
}

/** What this machine's own clients verified before: a server must not be behind it, nor beside it. */
function cacheProblems(
  { repository, roots, root }: Collected,
  directories: readonly TrustDirectory[],
): readonly Problem[] {
  return directories.flatMap(({ cachedRoots, path }): readonly Problem[] => {
    const bytes = cachedRoots.get(repository);
    const cached = bytes && verifiedRoot(bytes, repository);
    if (cached === undefined) return [];
    const { version } = cached.document;
    const fix = `find out who changed it: the client of ${path} verified that root before`;
    if (version > root.document.version) {
      const message = `${path} saw root v${version}, the server says v${root.document.version}`;
      return [{ code: 'ROLLBACK', role: 'root', message, fix }];
    }
    const twin = roots.find(({ document }) => document.version === version);
    if (twin === undefined || Buffer.from(twin.envelope.message).equals(cached.envelope.message)) return [];
    return [{ code: 'ROLLBACK', role: 'root', message: `${path} saw another root v${version}`, fix }];
  });
}

function verifiedRoot(bytes: Uint8Array, repository: string) {
  try {
    return verifyRoot({ dialect: notaryDialect, repository, foreign: true, limits: readLimits }, bytes);
  } catch (error) {
    if (error instanceof TufError) return undefined;
    throw error;
  }
}

/** RFC 3339 in UTC, seconds. */
export function rfc3339(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
