/**
 * Versions that are no longer current. The keys that signed them may be gone from the newest root, so each is taken
 * by what vouched for it in its time: a timestamp or snapshot by the keys of some root of the chain, any other file
 * because such a snapshot lists its hash. A row that another repository's bytes were put into is neither.
 */
import {
  type Authority,
  type DocumentKind,
  type Root,
  TufError,
  type Verified,
  type VerifyContext,
  verifyRole,
} from '@vidimus/tuf';
import type { LeftOut, RepositoryHistory } from './history.ts';
import { readVersion, type StoredVersion, versionName } from './stored-versions.ts';
import type { CurrentState, HistoryFile } from './verify-current.ts';

/** Hashes that verified snapshots may list together; each takes some 150 bytes of memory. */
const maxListed = 2_000_000;

export type OlderVersion = { readonly file: HistoryFile } | { readonly leftOut: LeftOut };

/**
 * Reads and judges one version after the other, each role's in ascending order; what is current was judged before and
 * comes in its place. No two older ones are in memory together.
 */
export async function* verifyOlder(
  context: VerifyContext,
  history: RepositoryHistory,
  { roots, files }: Pick<CurrentState, 'roots' | 'files'>,
  rows: readonly StoredVersion[],
): AsyncIterable<OlderVersion> {
  const judge: Judge = {
    context,
    authorities: {
      timestamp: authoritiesOf(roots, 'timestamp'),
      snapshot: authoritiesOf(roots, 'snapshot'),
    },
    listed: new Set(),
  };
  const verified = new Map(files.map((file) => [versionName(file.role, file.version), file]));
  for (const row of rows.toSorted((a, b) => rank(a) - rank(b) || a.version - b.version)) {
    const file = verified.get(versionName(row.modelRole, row.version));
    yield file === undefined ? await judgeOlder(judge, history, row) : { file };
  }
}

async function judgeOlder(
  judge: Judge,
  history: RepositoryHistory,
  row: StoredVersion,
): Promise<OlderVersion> {
  const { role, modelRole, version, storedAtMs } = row;
  try {
    const { bytes, sha256 } = await readVersion(history, row);
    const expiresMs = judgeFile(judge, row, bytes, sha256);
    return { file: { role: modelRole, version, bytes, sha256, expiresMs, storedAtMs } };
  } catch (error) {
    if (!(error instanceof TufError)) throw error;
    return { leftOut: { role, version, code: error.code === 'ROLE_UNKNOWN' ? 'UNLISTED' : error.code } };
  }
}

interface Judge {
  readonly context: VerifyContext;
  readonly authorities: Readonly<Record<'timestamp' | 'snapshot', readonly Authority[]>>;
  /** `role sha256` of everything that a verified timestamp or snapshot lists. */
  readonly listed: Set<string>;
}

/** When the file expires. @throws TufError */
function judgeFile(judge: Judge, row: StoredVersion, bytes: Uint8Array, sha256: string): number {
  const { modelRole: role, version } = row;
  const { dialect, limits } = judge.context;
  const kind = kindOf(role);
  if (kind === 'timestamp' || (kind === 'snapshot' && !isListed(judge, role, sha256))) {
    assertSigned(judge, kind, bytes);
  } else if (!isListed(judge, role, sha256)) {
    throw new TufError('ROLE_UNKNOWN', `role ${role}: version ${version} is listed nowhere`, {
      role,
      version,
    });
  }
  const document = dialect.decode(kind, dialect.open(bytes, limits[`${kind}Bytes`]));
  if (document.version !== version) {
    throw new TufError('VERSION', `role ${role}: version ${document.version} stored as ${version}`, {
      role,
      version,
    });
  }
  if (document.kind === 'timestamp') list(judge, 'snapshot', document.snapshot.hashes?.get('sha256'));
  if (document.kind === 'snapshot') {
    for (const [name, meta] of document.meta) list(judge, name, meta.hashes?.get('sha256'));
  }
  return document.expires;
}

/** By the keys of any root of the chain. @throws TufError as the newest root's keys say */
function assertSigned(
  { context, authorities }: Judge,
  kind: 'timestamp' | 'snapshot',
  bytes: Uint8Array,
): void {
  let refusal: unknown;
  for (const authority of authorities[kind]) {
    try {
      verifyRole(context, kind, kind, bytes, authority);
      return;
    } catch (error) {
      if (!(error instanceof TufError)) throw error;
      refusal ??= error;
    }
  }
  throw refusal;
}

function list({ listed }: Judge, role: string, sha256: string | undefined): void {
  if (sha256 === undefined) return;
  if (listed.size >= maxListed)
    throw new TufError('LIMIT', 'snapshots list too many files', { most: maxListed });
  listed.add(`${role} ${sha256}`);
}

function isListed({ listed }: Judge, role: string, sha256: string): boolean {
  return listed.has(`${role} ${sha256}`);
}

/** Each set of keys once, newest first. */
function authoritiesOf(
  roots: readonly Verified<Root>[],
  role: 'timestamp' | 'snapshot',
): readonly Authority[] {
  const known = new Map<string, Authority>();
  for (const { document } of roots.toReversed()) {
    const roleKeys = document.roles[role];
    const name = `${roleKeys.threshold} ${roleKeys.keyIds.join(' ')}`;
    if (!known.has(name)) known.set(name, { keys: document.keys, roleKeys });
  }
  return [...known.values()];
}

function kindOf(role: string): Exclude<DocumentKind, 'root'> {
  return role === 'timestamp' || role === 'snapshot' ? role : 'targets';
}

/** Roots first; those that list come before those that are listed. */
function rank({ modelRole }: StoredVersion): number {
  const place = ['root', 'timestamp', 'snapshot'].indexOf(modelRole);
  return place === -1 ? 3 : place;
}
