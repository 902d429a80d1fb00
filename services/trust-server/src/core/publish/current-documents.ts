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
  tufDialect,
} from '@vidimus/tuf';
import { LRUCache } from 'lru-cache';
import { TrustError } from '../../service.ts';
import { type Head, type Incarnation, readFile } from '../store/metadata.ts';

/** Bytes of files whose decoded form stays in memory. */
const maxDecodedBytes = 128 * 1024 * 1024;

export interface DocumentReader {
  /**
   * The current document of a role.
   * @throws TrustError INTERNAL when a head names a file that is not there or not what it says
   */
  read<K extends DocumentKind>(
    queries: Queries,
    at: Incarnation,
    kind: K,
    head: Head,
  ): Promise<DocumentOf[K]>;
}

/** Reads and remembers documents; one for the whole process. */
export function createDocumentReader(): DocumentReader {
  const decoded = new LRUCache<string, TufDocument>({
    maxSize: maxDecodedBytes,
    sizeCalculation: () => 1_024,
  });
  return {
    read: async (queries, at, kind, head) => {
      // The hash pins the bytes; the place is part of the name only because decoding depends on the kind.
      const name = `${kind} ${head.sha256}`;
      const known = decoded.get(name);
      if (known !== undefined && isOfKind(kind, known)) return known;
      const file = await readFile(queries, at, head.role, head.version);
      if (file === undefined || file.sha256 !== head.sha256) {
        throw new TrustError('INTERNAL', `the current file of ${head.role} is missing`);
      }
      const document = tufDialect.decode(kind, tufDialect.open(file.bytes, DEFAULT_LIMITS.targetsBytes));
      decoded.set(name, document, { size: file.bytes.length });
      return document;
    },
  };
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
}

/** Loads them. @throws TrustError INTERNAL */
export async function readCurrent(
  reader: DocumentReader,
  queries: Queries,
  at: Incarnation,
  heads: ReadonlyMap<string, Head>,
): Promise<CurrentDocuments> {
  const read = <K extends DocumentKind>(kind: K, role: string): Promise<DocumentOf[K]> =>
    reader.read(queries, at, kind, headOf(heads, role));
  const root = await read('root', 'root');
  const targets = await read('targets', 'targets');
  const snapshot = await read('snapshot', 'snapshot');
  const timestamp = await read('timestamp', 'timestamp');
  const hasBins = targets.delegations?.roles.some((role) => role.name === BINS_ROLE) ?? false;
  return {
    root,
    targets,
    snapshot,
    timestamp,
    ...(hasBins ? { bins: await read('targets', BINS_ROLE) } : {}),
  };
}

/** The head of a role. @throws TrustError INTERNAL when there is none */
export function headOf(heads: ReadonlyMap<string, Head>, role: string): Head {
  const head = heads.get(role);
  if (head === undefined) throw new TrustError('INTERNAL', `the repository has no ${role}`);
  return head;
}

/** Documents that may say who signs a role. */
export interface Delegators {
  readonly root: Root;
  readonly targets?: Targets;
  readonly bins?: Targets;
}

/** Who may sign a role under these delegators; undefined when none of them names it. */
export function authorityOf(role: string, { root, targets, bins }: Delegators): Authority | undefined {
  if (role === 'root' || role === 'targets' || role === 'snapshot' || role === 'timestamp') {
    return { keys: root.keys, roleKeys: root.roles[role] };
  }
  const delegated = targets?.delegations?.roles.find((entry) => entry.name === role);
  if (delegated !== undefined && targets?.delegations !== undefined) {
    return { keys: targets.delegations.keys, roleKeys: delegated };
  }
  const succinct = bins?.delegations?.succinct;
  if (bins?.delegations === undefined || succinct === undefined || !isBinOf(succinct, role)) return undefined;
  return { keys: bins.delegations.keys, roleKeys: succinct };
}
