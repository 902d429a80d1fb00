/**
 * The documents that are current in a repository, decoded. Versions are immutable, so what was read and verified
 * once is kept in memory; which version is current always comes from the database, under the repository's lock.
 */
import type { Queries } from '@vidimus/database';
import {
  type Authority,
  BINS_ROLE,
  DEFAULT_LIMITS,
  type DocumentKind,
  type DocumentOf,
  isBinOf,
  type Root,
  type Snapshot,
  type Targets,
  type Timestamp,
  type TufDocument,
  TufError,
  type VerifyContext,
  verifyRole,
  verifyRoot,
} from '@vidimus/tuf';
import { LRUCache } from 'lru-cache';
import { TrustError } from '../../service.ts';
import { isSignersRole, parentOf } from '../delegations/delegation-tree.ts';
import { codecOf } from '../dialects.ts';
import { type CertificateEnds, createCertificateEnds } from '../read/certificate-ends.ts';
import { type Head, type Incarnation, type RoleHeads, readFile } from '../store/metadata.ts';
import type { Sealed } from './seal.ts';

/** Bytes of files whose decoded form stays in memory. */
const maxDecodedBytes = 32 * 1024 * 1024;
/** What a small document costs beside its bytes. */
const documentOverhead = 1_024;

export interface DocumentReader {
  /**
   * The current document of a role, verified under its delegators: whoever can write rows but has no key must not
   * get his own text signed by the next publish.
   * @throws TrustError INTERNAL when a head names a file that is not there or does not verify
   */
  read<K extends DocumentKind>(
    queries: Queries,
    at: Incarnation,
    kind: K,
    head: Head,
    delegators: Partial<Delegators>,
  ): Promise<DocumentOf[K]>;
  /** Keeps what was just sealed, and so verified, and committed. */
  remember(at: Incarnation, files: readonly Sealed[]): void;
  /** Of Notary roots. */
  readonly certificates: CertificateEnds;
}

/** Reads and remembers documents; one for the whole process. */
export function createDocumentReader(): DocumentReader {
  const verified = new LRUCache<string, TufDocument>({ maxSize: maxDecodedBytes });
  return {
    read: async (queries, at, kind, head, delegators) => {
      const authority = kind === 'root' ? undefined : authorityUnder(head.role, delegators);
      const name = nameOf(at, head, authority);
      const known = verified.get(name);
      if (known !== undefined && isOfKind(kind, known)) return known;
      const file = await readFile(queries, at, head.dialect, head.role, head.version);
      if (file === undefined) throw damaged(head.role, 'is missing');
      const document = verify(at, head, kind, file.bytes, authority);
      if (document.version !== head.version || file.sha256 !== head.sha256) {
        throw damaged(head.role, 'is another one');
      }
      verified.set(name, document, { size: file.bytes.length + documentOverhead });
      return document;
    },
    remember: (at, files) => {
      for (const file of files) {
        verified.set(nameOf(at, file, file.authority), file.document, {
          size: file.bytes.length + documentOverhead,
        });
      }
    },
    certificates: createCertificateEnds(),
  };
}

/** A verdict holds for the keys and threshold it was reached under, and for no others (attack T17). */
function nameOf(
  at: Incarnation,
  { dialect, role, sha256 }: Pick<Head, 'dialect' | 'role' | 'sha256'>,
  authority: Authority | undefined,
): string {
  const under = authority && `${authority.roleKeys.threshold} of ${authority.roleKeys.keyIds.join(' ')}`;
  return `${at.repository} ${dialect} ${role} ${sha256} ${under ?? 'itself'}`;
}

function verify<K extends DocumentKind>(
  { repository }: Incarnation,
  { dialect, role }: Head,
  kind: K,
  bytes: Uint8Array,
  authority: Authority | undefined,
): DocumentOf[K] {
  const context: VerifyContext = {
    dialect: codecOf(dialect),
    repository,
    foreign: false,
    limits: DEFAULT_LIMITS,
  };
  try {
    const { document } =
      kind === 'root' || authority === undefined
        ? verifyRoot(context, bytes)
        : verifyRole(context, kind === 'root' ? 'targets' : kind, role, bytes, authority);
    if (isOfKind(kind, document)) return document;
  } catch (cause) {
    throw damaged(role, 'does not verify', cause);
  }
  throw damaged(role, 'is of another kind');
}

function authorityUnder(role: string, { root, ...others }: Partial<Delegators>): Authority {
  const authority = root && authorityOf(role, { root, ...others });
  if (authority === undefined) throw damaged(role, 'is delegated by nobody');
  return authority;
}

function damaged(role: string, what: string, cause?: unknown): TrustError {
  return new TrustError('INTERNAL', `the stored file of ${role} ${what}`, { role }, { cause });
}

function isOfKind<K extends DocumentKind>(kind: K, document: TufDocument): document is DocumentOf[K] {
  return document.kind === kind;
}

/** The documents that every edit looks at. */
export interface CurrentDocuments {
  readonly root: Root;
  readonly targets: Targets;
  readonly snapshot: Snapshot;
  readonly timestamp: Timestamp;
  /** The document that carries `succinct_roles`, where there are bins. */
  readonly bins?: Targets;
  /** Where targets delegates to signers: every role of theirs whose file its present keys signed, by role. */
  readonly delegated?: ReadonlyMap<string, Targets>;
}

/** Loads those of one dialect. @throws TrustError INTERNAL */
export async function readCurrent(
  reader: DocumentReader,
  queries: Queries,
  at: Incarnation,
  heads: RoleHeads,
): Promise<CurrentDocuments> {
  const read = <K extends DocumentKind>(
    kind: K,
    role: string,
    delegators: Partial<Delegators>,
  ): Promise<DocumentOf[K]> => reader.read(queries, at, kind, headOf(heads, role), delegators);
  const root = await read('root', 'root', {});
  const targets = await read('targets', 'targets', { root });
  const snapshot = await read('snapshot', 'snapshot', { root });
  const timestamp = await read('timestamp', 'timestamp', { root });
  // In another dialect a client may delegate a role that merely has this name.
  const hasBins =
    headOf(heads, 'targets').dialect === 'tuf' &&
    (targets.delegations?.roles.some((role) => role.name === BINS_ROLE) ?? false);
  const delegated = await readDelegated(reader, queries, at, heads, { root, targets });
  return {
    root,
    targets,
    snapshot,
    timestamp,
    ...(hasBins ? { bins: await read('targets', BINS_ROLE, { root, targets }) } : {}),
    ...(delegated === undefined ? {} : { delegated }),
  };
}

/** Roles of signers, delegators first; undefined where targets delegates to none. */
async function readDelegated(
  reader: DocumentReader,
  queries: Queries,
  at: Incarnation,
  heads: RoleHeads,
  { root, targets }: { readonly root: Root; readonly targets: Targets },
): Promise<ReadonlyMap<string, Targets> | undefined> {
  const waiting = childrenOf('targets', targets);
  if (waiting.length === 0) return undefined;
  const delegated = new Map<string, Targets>();
  // Grows while it is read. A role begins with the name of its delegator, so there is no circle.
  for (const role of waiting) {
    const head = heads.get(role);
    const document = head && (await readIfSigned(reader, queries, at, head, { root, targets, delegated }));
    if (document === undefined) continue;
    delegated.set(role, document);
    waiting.push(...childrenOf(role, document));
  }
  return delegated;
}

function childrenOf(delegator: string, { delegations }: Targets): string[] {
  const names = (delegations?.roles ?? []).map(({ name }) => name);
  return names.filter((name) => isSignersRole(name) && parentOf(name) === delegator);
}

/** A role whose keys were taken away has no file until the others sign one: clients refuse it, and we pass it over. */
async function readIfSigned(
  reader: DocumentReader,
  queries: Queries,
  at: Incarnation,
  head: Head,
  delegators: Delegators,
): Promise<Targets | undefined> {
  try {
    return await reader.read(queries, at, 'targets', head, delegators);
  } catch (error) {
    const cause = error instanceof TrustError ? error.cause : undefined;
    if (cause instanceof TufError && cause.code === 'THRESHOLD') return undefined;
    throw error;
  }
}

/** The head of a role. @throws TrustError INTERNAL when there is none */
export function headOf(heads: RoleHeads, role: string): Head {
  const head = heads.get(role);
  if (head === undefined) throw new TrustError('INTERNAL', `the repository has no ${role}`);
  return head;
}

/** Documents that may say who signs a role. */
export interface Delegators {
  readonly root: Root;
  readonly targets?: Targets;
  readonly bins?: Targets;
  /** Delegated roles that may delegate further, by role. */
  readonly delegated?: ReadonlyMap<string, Targets>;
}

/** Who may sign a role under these delegators; undefined when none of them names it. */
export function authorityOf(
  role: string,
  { root, targets, bins, delegated }: Delegators,
): Authority | undefined {
  if (role === 'root' || role === 'targets' || role === 'snapshot' || role === 'timestamp') {
    return { keys: root.keys, roleKeys: root.roles[role] };
  }
  const parent = delegated?.get(role.slice(0, Math.max(0, role.lastIndexOf('/'))));
  for (const delegations of [targets?.delegations, parent?.delegations]) {
    const roleKeys = delegations?.roles.find((entry) => entry.name === role);
    if (delegations !== undefined && roleKeys !== undefined) return { keys: delegations.keys, roleKeys };
  }
  const succinct = bins?.delegations?.succinct;
  if (bins?.delegations === undefined || succinct === undefined || !isBinOf(succinct, role)) return undefined;
  return { keys: bins.delegations.keys, roleKeys: succinct };
}
