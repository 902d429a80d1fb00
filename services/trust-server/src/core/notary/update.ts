/**
 * An upload of a Notary client: judged against what is stored, completed with what the service signs, stored with its
 * events, tags and change record, all in one transaction under the repository's lock. The loser of a race finds the
 * winner's versions there and is told so.
 */
import { type Database, lockUntilCommit, type Queries, toDatabaseError } from '@vidimus/database';
import {
  type AcceptedFile,
  NotaryError,
  type UpdateInput,
  type ValidUpdate,
  validateUpdate,
} from '@vidimus/notary';
import type { EditTerms, Root, Snapshot, Targets, TufDocument } from '@vidimus/tuf';
import type { NotaryCall, NotaryPart } from '../../notary-service.ts';
import { TrustError, type TrustErrorCode } from '../../service.ts';
import { mirrorUpload } from '../dialect-changes/mirror-upload.ts';
import { toWholeSecond } from '../instants.ts';
import type { HeldKey, ManagedKeys } from '../keys/managed-keys.ts';
import type { DocumentsBefore } from '../keys-index/role-keys.ts';
import type { DocumentReader } from '../publish/current-documents.ts';
import { type BaseDocuments, type Published, publish } from '../publish/publication.ts';
import type { Sealed } from '../publish/seal.ts';
import { headsIn, type RoleHeads, readLiveHeads } from '../store/metadata.ts';
import { insertRepository, lastIncarnation, lockLive, type RepositoryRow } from '../store/repositories.ts';
import { toTrustError } from '../trust-errors.ts';
import { compareImages, toEvents, toImages, toTagMoves } from './images.ts';
import { assertClientHeld, assertMayCreate, by, newNotaryRow } from './notary-repository.ts';
import { assertOwnPlaces } from './served-keys.ts';
import type { StateReader, StoredState } from './stored-state.ts';

/** A deadlock is resolved by running again; nothing was published by the first run. */
const attempts = 3;

export interface UpdateParts {
  readonly database: Database;
  readonly reader: DocumentReader;
  readonly keys: ManagedKeys;
  readonly states: StateReader;
  readonly now: () => number;
  readonly newId: () => string;
  /** Told after the commit, before the caller is answered. */
  readonly onPublished: (row: RepositoryRow, published: Published) => void;
}

/**
 * @throws NotaryError; TrustError UNAUTHORIZED when it would create and may not, SIGNER_UNAVAILABLE and what the
 * database says
 */
export async function updateNotary(
  parts: UpdateParts,
  call: NotaryCall,
  repository: string,
  uploaded: readonly NotaryPart[],
): Promise<void> {
  try {
    const done = await parts.database.transaction((tx) => update(parts, tx, call, repository, uploaded), {
      attempts,
    });
    if (done === undefined) return;
    parts.states.remember(done.row, done.state);
    parts.onPublished(done.row, done.published);
  } catch (error) {
    throw toUploadError(error);
  }
}

/** What a publish of uploaded files leaves behind. */
export interface Done {
  readonly row: RepositoryRow;
  readonly published: Published;
  readonly state: StoredState;
}

/** Undefined when there was nothing to publish. */
async function update(
  parts: UpdateParts,
  tx: Queries,
  call: NotaryCall,
  repository: string,
  uploaded: readonly NotaryPart[],
): Promise<Done | undefined> {
  const nowMs = parts.now();
  const found = (await lockPresent(tx, repository)) ?? (await lockPlace(tx, call, repository));
  const row = found?.row ?? newNotaryRow(repository, (await lastIncarnation(tx, repository)) + 1, nowMs);
  if (found !== undefined) assertClientHeld(row);
  const before = found && (await parts.states.read(tx, row, found.heads));
  // Only a new root can bring other keys of ours into use.
  const hasRoot = uploaded.some(({ role }) => role === 'root');
  const held = hasRoot ? await parts.keys.held(tx, row, 'notary') : undefined;
  const valid = validateUpdate({
    repository,
    ...toStored(before?.files ?? new Map()),
    heldKeyIds: new Set(held?.keys() ?? row.settings.managed),
    parts: uploaded,
    nowMs,
    lifetimesMs: lifetimesOf(row),
  });
  if (valid.accepted.length === 0) return undefined;
  const rooted = held === undefined ? row : withRoot(row, valid.root, held);
  if (found === undefined) await insertRepository(tx, { ...rooted, activatedAtMs: nowMs });
  await parts.keys.settle(tx, row, waitingKeys(rooted, held));
  return await store(parts, tx, {
    call,
    row: rooted,
    before,
    valid,
    heads: found?.heads ?? new Map(),
    nowMs,
  });
}

/** As uploads are judged against it. */
function toStored(files: StoredState['files']): Pick<UpdateInput, 'stored' | 'documents'> {
  const stored = new Map<string, Uint8Array>();
  const documents = new Map<string, TufDocument>();
  for (const [role, { bytes, document }] of files) {
    stored.set(role, bytes);
    if (document !== undefined) documents.set(role, document);
  }
  return { stored, documents };
}

interface Present {
  readonly row: RepositoryRow;
  readonly heads: RoleHeads;
}

/** The lock first: what is read after it is current. One connection carries both in one round trip. */
async function lockPresent(tx: Queries, repository: string): Promise<Present | undefined> {
  const [row, heads] = await Promise.all([lockLive(tx, repository), readLiveHeads(tx, repository)]);
  return row && { row, heads: headsIn(heads, 'notary') };
}

/** There is no row to lock yet: two first uploads of one name wait for each other here. */
async function lockPlace(tx: Queries, call: NotaryCall, repository: string): Promise<Present | undefined> {
  assertMayCreate(call, repository);
  await lockUntilCommit(tx, `trust_repositories.create ${repository}`);
  return await lockPresent(tx, repository);
}

/** Milliseconds by role. */
export function lifetimesOf({ settings }: RepositoryRow): ReadonlyMap<string, number> {
  return new Map(Object.entries(settings.lifetimesMs));
}

/** What the service can sign is what root lists of its keys. @throws NotaryError INVALID_UPDATE */
export function withRoot(row: RepositoryRow, root: Root, held: ReadonlyMap<string, HeldKey>): RepositoryRow {
  // Keys of another dialect are no business of this root.
  const others = row.settings.managed.filter((keyId) => !held.has(keyId));
  return { ...row, settings: { ...row.settings, managed: [...others, ...assertOwnPlaces(root, held)] } };
}

/** Keys of ours that this root is the first to list. */
export function waitingKeys(
  { settings }: RepositoryRow,
  held?: ReadonlyMap<string, HeldKey>,
): readonly string[] {
  return held === undefined ? [] : settings.managed.filter((keyId) => held.get(keyId)?.pending === true);
}

interface Judged {
  readonly call: NotaryCall;
  readonly row: RepositoryRow;
  /** Absent in the first upload. */
  readonly before: StoredState | undefined;
  readonly heads: RoleHeads;
  readonly valid: ValidUpdate;
  readonly nowMs: number;
}

/** Completes what was judged with what the service signs, and stores it. The caller holds the lock. */
export async function store(parts: UpdateParts, tx: Queries, judged: Judged): Promise<Done> {
  const { call, row, before, valid, nowMs } = judged;
  const images = toImages(valid.documents);
  const moved = compareImages(before?.images ?? new Map(), images);
  const { managed } = row.settings;
  const terms: EditTerms = {
    repository: row.repository,
    nowMs,
    lifetimesMs: lifetimesOf(row),
    highest: new Map(Array.from(judged.heads, ([role, { version }]) => [role, version])),
  };
  const accepted = sortAccepted(valid.accepted, nowMs);
  const snapshot = accepted.snapshot ?? valid.snapshot;
  const action = before === undefined ? 'notary.create' : 'notary.update';
  const files = Object.fromEntries(valid.accepted.map(({ role, sha256 }) => [role, sha256]));
  const mirror = row.settings.mirrored
    ? await mirrorUpload(parts.reader, tx, row, { root: valid.root, images, moved, nowMs })
    : undefined;
  const published = await publish(tx, {
    at: row,
    managed: new Set(managed),
    signerOf: await parts.keys.signers(tx, row, managed),
    parts: [
      ...(mirror === undefined ? [] : [mirror.part]),
      {
        dialect: 'notary',
        base: baseOf(before, valid),
        before: beforeIn(before),
        terms,
        sealed: accepted.targets,
        ...(accepted.root === undefined ? {} : { root: accepted.root }),
        ...(snapshot === undefined ? {} : { snapshot }),
      },
    ],
    events: (versions) =>
      toEvents({ ...by(call), action, versions }, files, moved, row.settings.mirrored === true),
    move: {
      tagCount: images.size,
      ...(before === undefined ? { activatedAtMs: nowMs } : {}),
      ...(accepted.root === undefined ? {} : { settings: mirror?.settings ?? row.settings }),
    },
    tags: () => toTagMoves(moved, valid.documents, call, nowMs),
    newId: parts.newId,
  });
  return { row, published, state: stateAfter(before, published, valid.root, images) };
}

/** The documents of the roles are for whoever compares dialects. */
function baseOf(before: StoredState | undefined, { root, documents }: ValidUpdate): BaseDocuments {
  const targets = documents.get('targets');
  return { ...before, root, ...(targets && { targets }), delegated: documents };
}

function beforeIn(before: StoredState | undefined): DocumentsBefore {
  return {
    ...(before && { root: before.root }),
    targetsOf: (role) => {
      const file = before?.files.get(role);
      if (file === undefined) return undefined;
      return file.document?.kind === 'targets' ? file.document : 'unknown';
    },
  };
}

interface Accepted {
  readonly root?: Sealed<Root>;
  readonly targets: readonly Sealed<Targets>[];
  readonly snapshot?: Sealed<Snapshot>;
}

function sortAccepted(files: readonly AcceptedFile[], nowMs: number): Accepted {
  let root: Sealed<Root> | undefined;
  let snapshot: Sealed<Snapshot> | undefined;
  const targets: Sealed<Targets>[] = [];
  for (const file of files) {
    const { document } = file;
    if (document.kind === 'root') root = toSealed(file, document, nowMs);
    else if (document.kind === 'snapshot') snapshot = toSealed(file, document, nowMs);
    else if (document.kind === 'targets') targets.push(toSealed(file, document, nowMs));
  }
  return { ...(root && { root }), targets, ...(snapshot && { snapshot }) };
}

function toSealed<D extends TufDocument>(file: AcceptedFile, document: D, nowMs: number): Sealed<D> {
  const { role, version, bytes, sha256, expiresMs } = file;
  return {
    dialect: 'notary',
    role,
    version,
    bytes,
    sha256,
    issuedMs: toWholeSecond(nowMs),
    expiresMs,
    document,
  };
}

/** What the next upload is judged against. @throws TrustError INTERNAL */
export function stateAfter(
  before: StoredState | undefined,
  { files: made }: Published,
  root: Root,
  images: StoredState['images'],
): StoredState {
  const files = new Map(before?.files);
  let { snapshot, timestamp } = before ?? {};
  for (const { dialect, role, bytes, sha256, document } of made) {
    if (dialect !== 'notary') continue;
    files.set(role, { bytes, sha256, document });
    if (document.kind === 'snapshot') snapshot = document;
    if (document.kind === 'timestamp') timestamp = document;
  }
  if (snapshot === undefined || timestamp === undefined) {
    throw new TrustError('INTERNAL', 'a publish without snapshot or timestamp');
  }
  return { files, root, snapshot, timestamp, images };
}

/** Broken by somebody who was faster, whatever lock he did not wait for. */
const raceConstraints: ReadonlySet<string> = new Set([
  'trust_metadata_pk',
  'trust_metadata_version_order',
  'trust_events_chain',
  'trust_repositories_pk',
  'trust_repositories_live',
]);

/** What the dialect that repeats an upload cannot take, and keys that were revoked. */
const ofUpload: ReadonlySet<TrustErrorCode> = new Set([
  'BODY_INVALID',
  'DIALECT_INEXPRESSIBLE',
  'DIALECTS_DISAGREE',
  'KEY_INVALID',
]);

/** Refusals stay as they are: the wire prints their reason. */
export function toUploadError(error: unknown): unknown {
  if (error instanceof NotaryError) return error;
  if (error instanceof TrustError && ofUpload.has(error.code)) {
    return new NotaryError('INVALID_UPDATE', error.message, {}, { cause: error });
  }
  const { constraint } = toDatabaseError(error) ?? {};
  if (constraint === undefined || !raceConstraints.has(constraint)) return toTrustError(error);
  const message = 'somebody else published at the same moment; run publish again';
  return new NotaryError('VERSION', message, {}, { cause: error });
}
