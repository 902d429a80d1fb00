/** Pins that people make: `vidimus anchor pin`, `list`, `export`, and the one that `init` makes. */
import { sha256Hex } from '@vidimus/crypto';
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
): Promise<PinnedAnchor> {
  assertPinnable(anchor, dialect);
  const file: AnchorFile = { repository, dialect, pinned: anchor };
  const shown = describe(file);
  const opened = await cache.open(repository, dialect);
  await opened.update('anchor.json', () => formatAnchorFile(file));
  return shown;
}

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
 * @throws TrustClientError ANCHOR_MISSING
 */
export async function exportAnchor(cache: ClientCache, repository: string): Promise<Uint8Array> {
  const file = await readAnchorFile(cache, repository);
  const anchor = file?.pinned ?? (file?.firstUse && ({ kind: 'root', bytes: file.firstUse } as const));
  if (anchor === undefined) {
    throw new TrustClientError('ANCHOR_MISSING', `no anchor is kept for ${repository}`, {
      hint: `vidimus anchor pin ${repository} --root FILE`,
    });
  }
  return formatAnchorFile({ repository, dialect: file?.dialect ?? 'tuf', pinned: anchor });
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
  await cache.update(
    'anchor.json',
    (before) => before ?? formatAnchorFile({ repository: cache.repository, dialect, firstUse: root }),
  );
}

function describe(file: AnchorFile): PinnedAnchor {
  const { repository, dialect, pinned, firstUse } = file;
  const kind = pinned === undefined ? 'firstUse' : anchorKindOf(pinned);
  const shown = { repository, dialect, kind };
  if (pinned?.kind === 'keyIds') return { ...shown, keyIds: pinned.keyIds, threshold: pinned.threshold };
  if (pinned?.kind === 'certificates') return { ...shown, keyIds: pinned.certIds, threshold: 0 };
  if (pinned?.kind === 'authority') return { ...shown, keyIds: [], threshold: 0 };
  const bytes = pinned?.bytes ?? firstUse ?? new Uint8Array();
  const { version, roles } = openRoot(bytes, repository, dialect);
  return { ...shown, ...roles.root, root: { version, sha256: sha256Hex(bytes) } };
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
