/**
 * The state that clients of the source see now, verified as they verify it: the whole chain of roots, then the newest
 * timestamp and what it leads to. Expiry is left aside, as of its own time everything was valid; it is reported.
 */
import {
  type Authority,
  assertFileMeta,
  assertVersion,
  type FileMeta,
  type Root,
  type Snapshot,
  type Targets,
  type Timestamp,
  TufError,
  type Verified,
  type VerifyContext,
  verifyRole,
  verifyTopLevel,
} from '@vidimus/tuf';
import type { ImportWarning, RepositoryHistory } from './history.ts';
import { assertBeginning, MAX_ROOTS, verifyNextRoot } from './root-chain.ts';
import { readVersion, type StoredVersion, type StoredVersions } from './stored-versions.ts';

const maxDelegations = 1_024;
/** All current documents of a repository together: they are in memory at once. */
const maxCurrentBytes = 256 * 1024 * 1024;
/** Files without a listed hash that are read in search of one. */
const maxSearched = 8;

/** A verified file with its place in the source. */
export interface HistoryFile {
  readonly role: string;
  readonly version: number;
  readonly bytes: Uint8Array;
  readonly sha256: string;
  readonly expiresMs: number;
  readonly storedAtMs: number | undefined;
}

export interface CurrentState {
  /** Ascending, without a gap; the first is version 1 or 2. */
  readonly roots: readonly Verified<Root>[];
  readonly root: Verified<Root>;
  readonly timestamp: Verified<Timestamp>;
  readonly snapshot: Verified<Snapshot>;
  /** Targets and every delegated role that is signed as its delegator says, by role. */
  readonly documents: ReadonlyMap<string, Targets>;
  /** All of the above, ready to be stored, and delegated roles that are listed but not signed. */
  readonly files: readonly HistoryFile[];
  /** Roles of `files` that are current. */
  readonly currentRoles: ReadonlySet<string>;
  readonly warnings: readonly ImportWarning[];
}

/** @throws TufError with the rule that a real client would see broken */
export async function verifyCurrent(
  context: VerifyContext,
  history: RepositoryHistory,
  stored: StoredVersions,
  nowMs: number,
): Promise<CurrentState> {
  const walk: Walk = { context, history, stored, files: [], warnings: [], bytes: 0 };
  const roots = await verifyRoots(walk);
  const root = roots.at(-1);
  if (root === undefined) throw new TufError('MISSING', 'the repository has no root', { role: 'root' });
  const timestamp = await verifyNewestTimestamp(walk, root.document);
  const snapshot = await verifyListed(walk, 'snapshot', timestamp.document.snapshot, (bytes) =>
    verifyTopLevel(context, root.document, 'snapshot', bytes),
  );
  // Clients compare it, too: a snapshot for another root means that one of the two is not current.
  const rootMeta = snapshot.document.meta.get('root');
  if (rootMeta !== undefined) assertFileMeta('root', rootMeta, root.envelope.bytes);
  const documents = await verifyTargets(walk, root.document, snapshot.document);
  warnOfRoot(walk, root, nowMs);
  for (const { role, expiresMs } of walk.files) {
    const isOld = role === 'root' && expiresMs !== root.document.expires;
    if (expiresMs <= nowMs && !isOld)
      walk.warnings.push({ code: 'EXPIRED', role, message: `${role} has expired`, expiresMs });
  }
  return {
    roots,
    root,
    timestamp,
    snapshot,
    documents,
    files: walk.files,
    currentRoles: new Set(walk.files.map(({ role }) => role)),
    warnings: walk.warnings,
  };
}

/** What is gathered on the way; only this file writes it. */
interface Walk {
  readonly context: VerifyContext;
  readonly history: RepositoryHistory;
  readonly stored: StoredVersions;
  readonly files: HistoryFile[];
  readonly warnings: ImportWarning[];
  bytes: number;
}

async function verifyRoots(walk: Walk): Promise<readonly Verified<Root>[]> {
  const rows = walk.stored.byRole.get('root') ?? [];
  if (rows.length > MAX_ROOTS) {
    throw new TufError('LIMIT', 'more roots than a client would follow', { role: 'root', most: MAX_ROOTS });
  }
  const first = rows[0]?.version ?? 0;
  assertBeginning(rows[0]?.version);
  const roots: Verified<Root>[] = [];
  for (const [position, row] of rows.entries()) {
    assertVersion('root', first + position, row.version);
    const trusted = roots.at(-1)?.document;
    roots.push(await verifyFile(walk, row, (bytes) => verifyNextRoot(walk.context, trusted, bytes)));
  }
  return roots;
}

async function verifyNewestTimestamp(walk: Walk, root: Root): Promise<Verified<Timestamp>> {
  const newest = walk.stored.byRole.get('timestamp')?.at(-1);
  if (newest === undefined)
    throw new TufError('MISSING', 'the repository has no timestamp', { role: 'timestamp' });
  return await verifyFile(walk, newest, (bytes) => verifyTopLevel(walk.context, root, 'timestamp', bytes));
}

async function verifyTargets(
  walk: Walk,
  root: Root,
  snapshot: Snapshot,
): Promise<ReadonlyMap<string, Targets>> {
  const meta = snapshot.meta.get('targets');
  if (meta === undefined)
    throw new TufError('ROLE_UNKNOWN', 'snapshot does not list targets', { role: 'targets' });
  const targets = await verifyListed(walk, 'targets', meta, (bytes) =>
    verifyTopLevel(walk.context, root, 'targets', bytes),
  );
  const documents = new Map([['targets', targets.document]]);
  const waiting: Targets[] = [targets.document];
  for (let delegator = waiting.shift(); delegator !== undefined; delegator = waiting.shift()) {
    for (const roleKeys of delegator.delegations?.roles ?? []) {
      const role = roleKeys.name;
      const listed = snapshot.meta.get(role);
      // Delegated, and nobody has published there yet.
      if (listed === undefined || documents.has(role)) continue;
      if (walk.files.length > MAX_ROOTS + maxDelegations) {
        throw new TufError('LIMIT', 'too many delegations', { most: maxDelegations });
      }
      const keys = delegator.delegations?.keys ?? new Map();
      const child = await verifyDelegated(walk, role, listed, { keys, roleKeys });
      if (child === undefined) continue;
      documents.set(role, child.document);
      waiting.push(child.document);
    }
  }
  return documents;
}

/**
 * A delegated role. One whose file is listed, but not signed by the keys its delegator names now, is common: keys
 * were taken away, and nobody signed anew. Clients pass such a role over, but only if they find its file.
 */
async function verifyDelegated(
  walk: Walk,
  role: string,
  meta: FileMeta,
  authority: Authority,
): Promise<Verified<Targets> | undefined> {
  const verify = (bytes: Uint8Array) => verifyRole(walk.context, 'targets', role, bytes, authority);
  try {
    return await verifyListed(walk, role, meta, verify);
  } catch (error) {
    if (!(error instanceof TufError) || error.code !== 'THRESHOLD') throw error;
    await keepUnsigned(walk, role, meta);
    walk.warnings.push({ code: 'ROLE_UNSIGNED', role, message: error.message });
    return undefined;
  }
}

async function keepUnsigned(walk: Walk, role: string, meta: FileMeta): Promise<void> {
  const { row, bytes, sha256 } = await findListed(walk, role, meta);
  const { dialect, limits } = walk.context;
  const document = dialect.decode('targets', dialect.open(bytes, limits.targetsBytes));
  assertVersion(role, row.version, document.version);
  keep(walk, row, bytes, sha256, document.expires);
}

async function verifyListed<D extends Snapshot | Targets>(
  walk: Walk,
  role: string,
  meta: FileMeta,
  verify: (bytes: Uint8Array) => Verified<D>,
): Promise<Verified<D>> {
  const { row, bytes, sha256 } = await findListed(walk, role, meta);
  return accept(walk, row, bytes, sha256, verify);
}

/** The stored version that a parent lists by its hash. */
async function findListed(
  walk: Walk,
  role: string,
  meta: FileMeta,
): Promise<{ readonly row: StoredVersion; readonly bytes: Uint8Array; readonly sha256: string }> {
  const wanted = meta.hashes?.get('sha256');
  const rows = walk.stored.byRole.get(role) ?? [];
  const named = rows.filter(({ sha256 }) => sha256?.toLowerCase() === wanted);
  const unnamed = rows.filter(({ sha256 }) => sha256 === undefined).slice(-maxSearched);
  // The newest last of all: where it is the one, the hash stored beside it is wrong, and is called so.
  for (const row of [...rows.slice(-1), ...named, ...unnamed].reverse()) {
    const { bytes, sha256 } = await readVersion(walk.history, row);
    if (sha256 !== wanted) continue;
    assertFileMeta(role, meta, bytes);
    return { row, bytes, sha256 };
  }
  throw new TufError('MISSING', `role ${role}: the file that is listed is not stored`, { role });
}

async function verifyFile<D extends Root | Timestamp>(
  walk: Walk,
  row: StoredVersion,
  verify: (bytes: Uint8Array) => Verified<D>,
): Promise<Verified<D>> {
  const { bytes, sha256 } = await readVersion(walk.history, row);
  return accept(walk, row, bytes, sha256, verify);
}

function accept<D extends Root | Timestamp | Snapshot | Targets>(
  walk: Walk,
  row: StoredVersion,
  bytes: Uint8Array,
  sha256: string,
  verify: (bytes: Uint8Array) => Verified<D>,
): Verified<D> {
  const verified = verify(bytes);
  assertVersion(row.modelRole, row.version, verified.document.version);
  keep(walk, row, bytes, sha256, verified.document.expires);
  return verified;
}

function keep(walk: Walk, row: StoredVersion, bytes: Uint8Array, sha256: string, expiresMs: number): void {
  walk.bytes += bytes.length;
  if (walk.bytes > maxCurrentBytes) {
    throw new TufError('LIMIT', 'the current documents are too large together', { most: maxCurrentBytes });
  }
  const { modelRole: role, version, storedAtMs } = row;
  walk.files.push({ role, version, bytes, sha256, expiresMs, storedAtMs });
}

/** Certificates of the newest root that clients refuse by now; older ones do not matter any more. */
function warnOfRoot(walk: Walk, root: Verified<Root>, nowMs: number): void {
  try {
    walk.context.dialect.assertRootNow?.(root.document, nowMs, root.keyIds);
  } catch (error) {
    if (!(error instanceof TufError)) throw error;
    walk.warnings.push({ code: 'CERTIFICATE_INVALID', role: 'root', message: error.message });
  }
}
