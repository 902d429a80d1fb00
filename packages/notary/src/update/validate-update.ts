/**
 * The judgement of an upload: one pure function from what is stored and what was sent to what may be stored next.
 * The order is the peer's, so that the refusals are. Everything in an upload may come from an attacker.
 */
import { sha256Hex } from '@vidimus/crypto';
import {
  type Draft,
  type EditTerms,
  nextTimestamp,
  type Root,
  type SealedFile,
  type Snapshot,
  type Targets,
  type Timestamp,
  type TufDocument,
} from '@vidimus/tuf';
import { NotaryError } from '../errors.ts';
import { notaryDialect } from '../notary-dialect.ts';
import { judgeRoot } from './judge-root.ts';
import { draftSnapshot, droppedRoles, isHeld, judgeUploadedSnapshot } from './judge-snapshot.ts';
import { judgeTargets, type TargetsTree } from './judge-targets.ts';
import { UPLOAD_LIMITS } from './limits.ts';
import { readParts, type UpdatePart } from './read-parts.ts';
import { refusal } from './refusal.ts';
import { type AcceptedFile, storedDocument, type UpdateContext } from './update-context.ts';

export interface UpdateInput {
  /** Normalised repository name, host included. */
  readonly repository: string;
  /** The newest file of every role that ever was, by model role: also of roles that nobody delegates any more. */
  readonly stored: ReadonlyMap<string, Uint8Array>;
  /**
   * What stored files say, by model role, as far as the caller still has it: exactly these bytes, decoded before, and
   * verified then. The others are decoded here.
   */
  readonly documents?: ReadonlyMap<string, TufDocument>;
  /** Ids, as root lists them, of the timestamp and snapshot keys that the service can sign with. */
  readonly heldKeyIds: ReadonlySet<string>;
  readonly parts: readonly UpdatePart[];
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** Lifetimes of `snapshot` and `timestamp`, milliseconds. */
  readonly lifetimesMs: ReadonlyMap<string, number>;
  /** The repository goes on from another server: files of which none is stored may have any version. */
  readonly goesOn?: boolean;
}

/** What to store, and what to sign, for the upload to take effect. */
export interface ValidUpdate {
  /**
   * Root, targets, delegated roles with parents before children, snapshot; of these what was uploaded. Empty when
   * nothing was: then there is nothing to sign either, and no version moves.
   */
  readonly accepted: readonly AcceptedFile[];
  /** The root after the upload. */
  readonly root: Root;
  /** For the service to sign; absent when the client sent one, or nothing at all. */
  readonly snapshot?: Draft<Snapshot>;
  /** The timestamp for the sealed or uploaded snapshot, for the service to sign. */
  timestamp(snapshot: SealedFile): Draft<Timestamp>;
  /** Targets and the delegated roles as clients read them afterwards, by model role; empty when nothing was uploaded. */
  readonly documents: ReadonlyMap<string, Targets>;
  /** Model roles that the stored snapshot lists and nobody delegates to any more. */
  readonly dropped: readonly string[];
}

/** `nextTimestamp` wants the head of the repository's events; this dialect has no member to write it to. */
const NO_LOG = { size: 0, hash: sha256Hex(new Uint8Array()) };

const NO_TREE: TargetsTree = { accepted: [], documents: new Map(), delegated: new Set() };

/**
 * Judges an upload. Takes time linear in the size of what is stored and sent, plus one look at each signature.
 * @throws NotaryError for whatever is wrong with the upload; TufError only when what is stored cannot be read
 */
export function validateUpdate(input: UpdateInput): ValidUpdate {
  const { heldKeyIds } = input;
  const context = toContext(input);
  const { root, accepted: newRoot } = judgeRoot(context);
  // `notary publish` without changes sends this, where the service holds the snapshot key. Nothing is read for it.
  const isEmpty = context.parts.size === 0;
  const tree = isEmpty ? NO_TREE : judgeTargets(context, root);
  const previous = storedDocument(context, 'snapshot', 'snapshot');
  const timestamp = storedDocument(context, 'timestamp', 'timestamp');
  const terms = toTerms(input, previous, timestamp);
  const sealing = {
    root,
    timestamp: (snapshot: SealedFile) => nextTimestamp(timestamp, snapshot, NO_LOG, terms),
    documents: tree.documents,
    dropped: isEmpty ? [] : droppedRoles(tree, previous),
  };
  if (isEmpty) return { ...sealing, accepted: [] };
  const accepted = [...(newRoot === undefined ? [] : [newRoot]), ...tree.accepted];
  const bytes = context.parts.get('snapshot');
  const snapshot = bytes && judgeUploadedSnapshot(context, root, tree, previous, bytes);
  if (snapshot === undefined && !isHeld(root.roles.snapshot, heldKeyIds)) throw noSnapshotKey();
  if (!isHeld(root.roles.timestamp, heldKeyIds)) {
    throw refusal('root', 'no timestamp keys exist on the server');
  }
  if (snapshot !== undefined) return { ...sealing, accepted: [...accepted, snapshot] };
  return { ...sealing, accepted, snapshot: draftSnapshot(context, tree, previous, accepted, terms) };
}

function toContext({
  repository,
  stored,
  documents = new Map(),
  parts,
  nowMs,
  goesOn = false,
}: UpdateInput): UpdateContext {
  return {
    dialect: notaryDialect,
    repository,
    foreign: true,
    limits: UPLOAD_LIMITS,
    nowMs,
    parts: readParts(parts),
    stored,
    documents,
    goesOn,
  };
}

function toTerms(
  { repository, nowMs, lifetimesMs }: UpdateInput,
  snapshot: Snapshot | undefined,
  timestamp: Timestamp | undefined,
): EditTerms {
  const highest = new Map<string, number>();
  if (snapshot !== undefined) highest.set('snapshot', snapshot.version);
  if (timestamp !== undefined) highest.set('timestamp', timestamp.version);
  return { repository, nowMs, lifetimesMs, highest };
}

function noSnapshotKey(): NotaryError {
  return new NotaryError(
    'INVALID_UPDATE',
    'no snapshot was included in update and server does not hold current snapshot key for repository',
    { kind: 'ErrBadHierarchy' },
  );
}
