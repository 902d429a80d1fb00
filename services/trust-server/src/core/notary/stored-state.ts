/**
 * What is stored of a repository in the `notary` dialect, as an upload is judged against it. It is read and verified
 * once and then kept: what is current comes from the heads, under the repository's lock.
 */
import { sha256Hex } from '@vidimus/crypto';
import type { Queries } from '@vidimus/database';
import { notaryDialect } from '@vidimus/notary';
import {
  DEFAULT_LIMITS,
  type Root,
  type Snapshot,
  type Timestamp,
  type TufDocument,
  TufError,
  type VerifyContext,
  verifyRoot,
  verifyTopLevel,
} from '@vidimus/tuf';
import { LRUCache } from 'lru-cache';
import { TrustError } from '../../service.ts';
import { type Incarnation, type RoleHeads, readCurrentFiles } from '../store/metadata.ts';
import { readAllTags } from '../store/tags.ts';
import { type Images, toImage } from './images.ts';

/** Of files, their decoded forms and the tags. */
const maxBytes = 64 * 1024 * 1024;
/** What a document takes in memory for each byte of its file. */
const decodedBytesPerByte = 4;
/** What a tag costs beside the file that lists it. */
const bytesPerImage = 256;
const overhead = 4_096;
/** Roots of these clients carry certificates. */
const limits = { ...DEFAULT_LIMITS, rootBytes: 1_048_576 };

/** A file as stored. */
export interface StateFile {
  readonly bytes: Uint8Array;
  /** Hex. */
  readonly sha256: string;
  /** What it says, once it was verified. */
  readonly document?: TufDocument;
}

export interface StoredState {
  /** The newest file of every role that ever was, by model role. */
  readonly files: ReadonlyMap<string, StateFile>;
  readonly root: Root;
  readonly snapshot: Snapshot;
  readonly timestamp: Timestamp;
  /** The tags that `trust_tags` holds. */
  readonly images: Images;
}

export interface StateReader {
  /**
   * The state that these heads name. Snapshot and timestamp are verified: whoever can write rows but has no key must
   * not get his own text signed by the next publish.
   * @throws TrustError INTERNAL when it does not verify, or is not there
   */
  read(queries: Queries, at: Incarnation, heads: RoleHeads): Promise<StoredState>;
  /** Keeps what was just published, and committed. */
  remember(at: Incarnation, state: StoredState): void;
}

/** One for the whole process. */
export function createStateReader(): StateReader {
  const states = new LRUCache<string, StoredState>({ maxSize: maxBytes, sizeCalculation: sizeOf });
  return {
    read: async (queries, at, heads) => {
      const known = states.get(nameOf(at));
      if (known !== undefined && isCurrent(known, heads)) return known;
      const state = await load(queries, at);
      states.set(nameOf(at), state);
      return state;
    },
    remember: (at, state) => {
      states.set(nameOf(at), state);
    },
  };
}

/** How files of the dialect are verified. */
export function contextOf(repository: string): VerifyContext {
  return { dialect: notaryDialect, repository, foreign: true, limits };
}

function nameOf({ repository, incarnation }: Incarnation): string {
  return `${repository} ${incarnation}`;
}

function sizeOf({ files, images }: StoredState): number {
  let size = overhead + images.size * bytesPerImage;
  for (const { bytes, document } of files.values()) {
    size += bytes.length * (document === undefined ? 1 : 1 + decodedBytesPerByte);
  }
  return size;
}

function isCurrent({ files }: StoredState, heads: RoleHeads): boolean {
  if (files.size !== heads.size) return false;
  for (const { role, sha256 } of heads.values()) if (files.get(role)?.sha256 !== sha256) return false;
  return true;
}

/** Without the lock, this may be newer than the heads that were read before. */
async function load(queries: Queries, at: Incarnation): Promise<StoredState> {
  const [files, tags] = await Promise.all([
    readCurrentFiles(queries, at, 'notary'),
    readAllTags(queries, at),
  ]);
  for (const [role, { bytes, sha256 }] of files) {
    if (sha256Hex(bytes) !== sha256) throw damaged(role, 'is another one');
  }
  const images = new Map(tags.map((row) => [row.tag, toImage(row)]));
  const verified = verify(at, files);
  const { root, snapshot, timestamp } = verified;
  return { files: withDocuments(files, [root, snapshot, timestamp]), images, ...verified };
}

function withDocuments(
  files: ReadonlyMap<string, StateFile>,
  documents: readonly TufDocument[],
): ReadonlyMap<string, StateFile> {
  const known = new Map<string, TufDocument>(documents.map((document) => [document.kind, document]));
  return new Map(
    Array.from(files, ([role, file]) => {
      const document = known.get(role);
      return [role, document === undefined ? file : { ...file, document }];
    }),
  );
}

function verify(
  { repository }: Incarnation,
  files: ReadonlyMap<string, StateFile>,
): Pick<StoredState, 'root' | 'snapshot' | 'timestamp'> {
  const context = contextOf(repository);
  const bytesOf = (role: string): Uint8Array => {
    const file = files.get(role);
    if (file === undefined) throw damaged(role, 'is missing');
    return file.bytes;
  };
  try {
    const { document: root } = verifyRoot(context, bytesOf('root'));
    return {
      root,
      snapshot: verifyTopLevel(context, root, 'snapshot', bytesOf('snapshot')).document,
      timestamp: verifyTopLevel(context, root, 'timestamp', bytesOf('timestamp')).document,
    };
  } catch (cause) {
    if (!(cause instanceof TufError)) throw cause;
    throw new TrustError('INTERNAL', 'what is stored does not verify', { repository }, { cause });
  }
}

function damaged(role: string, what: string): TrustError {
  return new TrustError('INTERNAL', `the stored file of ${role} ${what}`, { role });
}
