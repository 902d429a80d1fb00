/**
 * Accepting a hand-over: the old root is lost, recovery keys that were named before say which root follows. It counts
 * once: the statement and the root it leaves are remembered with the anchor, and nobody leads back to either.
 */
import { sha256Hex } from '@vidimus/crypto';
import {
  type Anchor,
  agreedRecoveryKeys,
  DEFAULT_LIMITS,
  type DialectName,
  type HandoverFile,
  meetsPins,
  type RecoveryKeys,
  type Root,
  readHandover,
  recoveryKeysOf,
  TufError,
  updateRoots,
  type Verified,
  type VerifyContext,
  verifyHandover,
  verifyRoot,
} from '@vidimus/tuf';
import { type AnchorFile, anchorFingerprint } from '../anchor/anchor-file.ts';
import type { ChosenAnchor, ConfiguredAnchor, DirectoryAnswer } from '../anchor/choose-anchor.ts';
import { editAnchorFile } from '../anchor/pins.ts';
import type { RepositoryCache } from '../cache/client-cache.ts';
import { openOverlay } from '../cache/overlay-cache.ts';
import { dialectOf } from '../dialects.ts';
import { drive } from '../drive.ts';
import { TrustClientError } from '../errors.ts';
import type { MetadataSource } from '../http/metadata-source.ts';

/** Most hand-overs one client accepts for a repository before somebody pins it anew. */
const MAX_ACCEPTED = 256;

/** Where a hand-over is to be accepted. */
export interface HandoverPlace {
  readonly repository: string;
  readonly dialect: DialectName;
  readonly foreign: boolean;
  readonly cache: RepositoryCache;
  readonly source: MetadataSource;
  readonly kept: AnchorFile | undefined;
  readonly configured: ConfiguredAnchor | undefined;
  readonly directory: DirectoryAnswer | undefined;
  readonly chosen: ChosenAnchor;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** A hand-over that may be accepted, and all a person should see before. */
export interface CheckedHandover {
  readonly file: HandoverFile;
  /** Ids of the recovery keys that signed. */
  readonly signedBy: readonly string[];
  readonly from: Verified<Root>;
  readonly to: Verified<Root>;
}

/**
 * Checks a hand-over against what this client trusts now; nothing is changed.
 * @throws TufError as `verifyHandover`, HASH_MISMATCH, MISSING; TrustClientError ANCHOR_MISMATCH
 */
export async function checkHandover(place: HandoverPlace, statement: Uint8Array): Promise<CheckedHandover> {
  const { repository, dialect, kept, now } = place;
  const file = readHandover(statement);
  assertNew(repository, kept, file);
  const context = contextOf(place);
  const from = await newestTrusted(place, context);
  const signedBy = verifyHandover(file, {
    repository,
    dialect,
    nowMs: now,
    recovery: recoveryFor(place, from.document),
    from: from.document,
    fromSha256: sha256Hex(from.envelope.bytes),
  });
  const to = await fetchNext(place, context, file);
  const { anchor } = place.chosen;
  if (anchor.kind === 'named' && !meetsPins(context.dialect, to, anchor)) {
    throw mismatch(repository, 'the directory does not name the keys of the root that it leads to');
  }
  return { file, signedBy, from, to };
}

/**
 * Takes up the root that a checked hand-over leads to. From now on the chain begins there.
 * @throws TrustClientError ANCHOR_MISMATCH when another process changed what is kept meanwhile
 */
export async function acceptHandover(place: HandoverPlace, checked: CheckedHandover): Promise<void> {
  const { repository, dialect, configured, chosen } = place;
  const root = checked.to.envelope.bytes;
  await editAnchorFile(place.cache, (file) => {
    assertNew(repository, file, checked.file);
    const left = sha256Hex(checked.from.envelope.bytes);
    const accepted = [...(file?.accepted ?? []), { id: checked.file.id, left }];
    if (accepted.length > MAX_ACCEPTED)
      throw mismatch(repository, 'too many hand-overs: pin the repository anew');
    const before: AnchorFile = { ...file, repository, dialect, accepted };
    const isConfigured =
      configured !== undefined && configured.kind !== 'firstUse' && configured.kind !== 'directory';
    if (isConfigured) return { ...before, instead: { of: anchorFingerprint(configured), root } };
    if (chosen.kind === 'directory') {
      return { ...before, directory: { ...file?.directory, dialect, root } };
    }
    if (file?.pinned !== undefined) return { ...before, pinned: { kind: 'root', bytes: root } };
    return { ...before, firstUse: root };
  });
}

/** Once a hand-over was accepted, neither it nor one that leads back counts any more. */
function assertNew(repository: string, kept: AnchorFile | undefined, { handover, id }: HandoverFile): void {
  const accepted = kept?.accepted ?? [];
  if (accepted.some((one) => one.id === id))
    throw mismatch(repository, 'this hand-over was accepted here before');
  if (accepted.some((one) => one.left === handover.to.sha256)) {
    throw mismatch(repository, 'the hand-over leads back to a root that was left');
  }
}

/** Whether a statement was accepted here. */
export function wasAccepted(kept: AnchorFile | undefined, { id }: HandoverFile): boolean {
  return kept?.accepted?.some((one) => one.id === id) === true;
}

/**
 * Who may hand over. A directory that names the repository decides: by keys that it named when this client took the
 * repository up and still names, so that whoever may write entries (the service, mostly) gains nothing by adding
 * keys of its own. Else the anchor's own, else those that the root signed before it was lost.
 */
function recoveryFor({ directory, kept, chosen }: HandoverPlace, from: Root): RecoveryKeys | undefined {
  const byDirectory = agreedRecoveryKeys(kept?.directory?.recovery, directory?.entry?.recovery);
  if (chosen.kind === 'directory' && directory?.entry?.recovery !== undefined) return byDirectory;
  return kept?.recovery ?? recoveryKeysOf(from);
}

/** The newest root that this client's own chain leads to; what the server adds is looked at, and not kept. */
async function newestTrusted(place: HandoverPlace, context: VerifyContext): Promise<Verified<Root>> {
  const anchor = place.chosen.anchor.kind === 'named' ? place.chosen.anchor.from : place.chosen.anchor;
  if (anchor === undefined || anchor.kind === 'firstUse') {
    throw mismatch(place.repository, 'no root is trusted here yet that could be left: the anchor decides');
  }
  const newest = await walk(place, context, anchor);
  if (newest !== undefined) return newest;
  throw mismatch(place.repository, 'the roots that are trusted here cannot be walked');
}

/** The chain as far as it holds: the root that breaks it is the one that the hand-over is about. */
async function walk(
  place: HandoverPlace,
  context: VerifyContext,
  anchor: Anchor,
): Promise<Verified<Root> | undefined> {
  const cache = openOverlay(place.cache.metadata);
  const run = (from: MetadataSource): Promise<readonly Verified<Root>[]> =>
    drive(updateRoots(context, anchor), {
      cache: cache.begin(),
      source: from,
      warn: () => undefined,
      whenSuperseded: 'keep',
    });
  // What verified before the break stays in the overlay, so that the second walk ends with it.
  await run(place.source).catch((error: unknown) => {
    if (!(error instanceof TufError)) throw error;
  });
  return (await run({ fetch: async () => undefined })).at(-1);
}

async function fetchNext(
  { source }: HandoverPlace,
  context: VerifyContext,
  { handover: { to } }: HandoverFile,
): Promise<Verified<Root>> {
  const bytes = await source.fetch('root', to.version, DEFAULT_LIMITS.rootBytes);
  if (bytes === undefined) {
    throw new TufError('MISSING', 'the server does not have the root that the hand-over leads to', {
      role: 'root',
      version: to.version,
    });
  }
  if (sha256Hex(bytes) !== to.sha256) {
    throw new TufError('HASH_MISMATCH', 'the server has another root than the hand-over leads to', {
      role: 'root',
      version: to.version,
    });
  }
  const root = verifyRoot(context, bytes);
  if (root.document.version === to.version) return root;
  throw new TufError('VERSION', 'the hand-over gives its root another version than the root has', {
    version: root.document.version,
  });
}

function contextOf({ repository, dialect, foreign }: HandoverPlace): VerifyContext {
  return { dialect: dialectOf(dialect), repository, foreign, limits: DEFAULT_LIMITS };
}

function mismatch(repository: string, why: string): TrustClientError {
  return new TrustClientError('ANCHOR_MISMATCH', `${repository}: ${why}`, { detail: { repository } });
}
