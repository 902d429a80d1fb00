/** Pins that people make: `vidimus anchor pin`, `list`, `export`, and the one that `init` makes. */
import { sha256Hex } from '@vidimus/crypto';
import { DIRECTORY_NAME } from '@vidimus/reference';
import { DEFAULT_LIMITS, type DialectName, type Root, TufError, verifyRoot } from '@vidimus/tuf';
import type { ClientCache, RepositoryCache } from '../cache/client-cache.ts';
import { dialectOf } from '../dialects.ts';
import { TrustClientError } from '../errors.ts';
import {
  type AnchorFile,
  assertPinnable,
  formatAnchorFile,
  type PinnableAnchor,
  parseAnchorFile,
} from './anchor-file.ts';
import { type AnchorKind, anchorKindOf } from './choose-anchor.ts';

/** An anchor in force, as shown to people. */
export interface PinnedAnchor {
  readonly repository: string;
  readonly dialect: DialectName;
  readonly kind: AnchorKind;
  /** Pinned keys, or the keys of the pinned (or first seen) root; none for an authority. */
  readonly keyIds: readonly string[];
  /** 0 where the root itself says it: pinned certificates, or an authority. */
  readonly threshold: number;
  /** Of a directory: what the organisation is called. */
  readonly name?: string;
  /** Where it is served, where the anchor says it. */
  readonly server?: string;
  /** Present where a root is pinned. */
  readonly root?: { readonly version: number; readonly sha256: string };
}

/**
 * Pins an anchor for a repository in place of any other. A root is checked first: signed to its own threshold, and
 * of this repository if it names one.
 * @throws TrustClientError ANCHOR_INVALID, OPTIONS_INVALID, CACHE_UNSAFE, CACHE_FAILED, CACHE_BUSY
 */
export async function pinAnchor(
  cache: ClientCache,
  repository: string,
  anchor: PinnableAnchor,
  dialect: DialectName = 'tuf',
  carried: CarriedFacts = {},
): Promise<PinnedAnchor> {
  assertPinnable(anchor, dialect);
  const file: AnchorFile = { ...carried, repository, dialect, pinned: anchor };
  assertDirectoryAnchor(file);
  const shown = describe(file);
  const opened = await cache.open(repository, dialect);
  await opened.update('anchor.json', () => formatAnchorFile(file));
  return shown;
}

/** What an anchor file says besides the anchor. */
export type CarriedFacts = Partial<Pick<AnchorFile, 'name' | 'server' | 'ca' | 'recovery' | 'handovers'>>;

/** All anchors kept in the cache, by repository name. @throws TrustClientError ANCHOR_INVALID, CACHE_UNSAFE, CACHE_FAILED */
export async function listAnchors(cache: ClientCache): Promise<readonly PinnedAnchor[]> {
  const anchors: PinnedAnchor[] = [];
  for (const repository of await cache.list()) {
    const file = await readAnchorFile(cache, repository);
    if (file !== undefined) anchors.push(describe(file));
  }
  return anchors;
}

/**
 * The anchor of a repository as a file for another machine: JSON with `repository`, `dialect` and `anchor`.
 * One taken on first use is exported as the root it found, for that is what this client trusts.
 * @param carried goes before what was pinned with it
 * @throws TrustClientError ANCHOR_MISSING
 */
export async function exportAnchor(
  cache: ClientCache,
  repository: string,
  carried: CarriedFacts = {},
): Promise<Uint8Array> {
  const file = await readAnchorFile(cache, repository);
  const anchor = file?.pinned ?? (file?.firstUse && ({ kind: 'root', bytes: file.firstUse } as const));
  if (file === undefined || anchor === undefined) {
    throw new TrustClientError('ANCHOR_MISSING', `no anchor is kept for ${repository}`, {
      hint: `vidimus anchor pin ${repository} --root FILE`,
    });
  }
  const { dialect, name, server, ca, recovery, handovers } = file;
  return formatAnchorFile({
    repository,
    dialect,
    pinned: anchor,
    ...(name && { name }),
    ...(server && { server }),
    ...(ca && { ca }),
    ...(recovery && { recovery }),
    ...(handovers && { handovers }),
    ...carried,
  });
}

/** What is kept for a repository. @throws TrustClientError ANCHOR_INVALID, CACHE_UNSAFE, CACHE_FAILED */
export async function readAnchorFile(
  cache: ClientCache,
  repository: string,
): Promise<AnchorFile | undefined> {
  const bytes = await cache.peek(repository, 'anchor.json');
  return bytes && parseAnchorFile(bytes, repository);
}

/** Keeps the root that a first use found; another process that was first keeps its own. */
export async function rememberFirstUse(
  cache: RepositoryCache,
  dialect: DialectName,
  root: Uint8Array,
): Promise<void> {
  const { repository } = cache;
  await editAnchorFile(cache, (file) => {
    const isTaken = file?.pinned !== undefined || file?.firstUse !== undefined;
    return isTaken ? file : { repository, dialect, ...file, firstUse: root };
  });
}

/** Changes what is kept of a repository, with no other process in between. @throws as `readAnchorFile` */
export async function editAnchorFile(
  cache: RepositoryCache,
  edit: (file: AnchorFile | undefined) => AnchorFile,
): Promise<void> {
  await cache.update('anchor.json', (before) => {
    const file = before && parseAnchorFile(before, cache.repository);
    return formatAnchorFile(edit(file));
  });
}

/** @throws TrustClientError ANCHOR_INVALID */
function assertDirectoryAnchor({ repository, dialect, pinned }: AnchorFile): void {
  const isFit = dialect === 'tuf' && (pinned?.kind === 'root' || pinned?.kind === 'keyIds');
  if (repository !== DIRECTORY_NAME || isFit) return;
  throw new TrustClientError(
    'ANCHOR_INVALID',
    'the directory is of the dialect tuf: pin a root file or key ids',
  );
}

function describe(file: AnchorFile): PinnedAnchor {
  const { repository, dialect, pinned, firstUse, directory, instead } = file;
  const kind = kindOf(file);
  const { name, server } = file;
  const shown = { repository, dialect, kind, ...(name && { name }), ...(server && { server }) };
  if (pinned?.kind === 'keyIds') return { ...shown, keyIds: pinned.keyIds, threshold: pinned.threshold };
  if (pinned?.kind === 'certificates') return { ...shown, keyIds: pinned.certIds, threshold: 0 };
  if (pinned?.kind === 'authority') return { ...shown, keyIds: [], threshold: 0 };
  const bytes = pinned?.bytes ?? firstUse ?? directory?.root ?? instead?.root ?? new Uint8Array();
  const { version, roles } = openRoot(bytes, repository, dialect);
  return { ...shown, ...roles.root, root: { version, sha256: sha256Hex(bytes) } };
}

function kindOf({ pinned, firstUse, directory }: AnchorFile): AnchorKind {
  if (pinned !== undefined) return anchorKindOf(pinned);
  if (firstUse !== undefined) return 'firstUse';
  return directory === undefined ? 'root' : 'directory';
}

function openRoot(bytes: Uint8Array, repository: string, dialect: DialectName): Root {
  // Foreign: a pin is made before configuration is asked whether fields of ours must be there.
  const context = { dialect: dialectOf(dialect), repository, foreign: true, limits: DEFAULT_LIMITS };
  try {
    return verifyRoot(context, bytes).document;
  } catch (cause) {
    if (!(cause instanceof TufError)) throw cause;
    throw new TrustClientError('ANCHOR_INVALID', `the root file cannot be an anchor: ${cause.message}`, {
      cause,
      detail: { repository, cause: cause.code },
    });
  }
}
