/** What this client has verified and kept of a repository: the roots from its anchor on, and the newest timestamp. */
import { DEFAULT_LIMITS, TufError, tufDialect } from '@vidimus/tuf';
import type { PinnableAnchor } from '../anchor/anchor-file.ts';
import { readAnchorFile } from '../anchor/pins.ts';
import type { ClientCache } from '../cache/client-cache.ts';
import { TrustClientError } from '../errors.ts';

export interface CachedEvidence {
  /** Ascending, without a gap, up to the newest. */
  readonly roots: readonly Uint8Array[];
  readonly timestamp: Uint8Array;
}

/** The timestamp that was verified last; undefined: none was. Asked before a refresh, it is one that was kept. */
export async function keptTimestamp(cache: ClientCache, repository: string): Promise<Uint8Array | undefined> {
  const opened = await cache.open(repository);
  return await opened.metadata.begin().load({ role: 'timestamp' });
}

/**
 * What the last refresh left. All of it was verified from the anchor on; whoever uses it verifies it again.
 * @param configured a root that configuration pins
 * @throws TrustClientError CACHE_FAILED when a refresh left nothing
 */
export async function cachedEvidence(
  cache: ClientCache,
  repository: string,
  configured?: Uint8Array,
): Promise<CachedEvidence> {
  const opened = await cache.open(repository);
  const files = opened.metadata.begin();
  const [newest, timestamp] = [await files.load({ role: 'root' }), await files.load({ role: 'timestamp' })];
  if (newest === undefined || timestamp === undefined) {
    throw new TrustClientError('CACHE_FAILED', `the cache of ${repository} is not whole; try again`);
  }
  const roots = [newest];
  let version = versionOf(newest);
  for (; version > 1; version -= 1) {
    const before = await files.load({ role: 'root', version: version - 1 });
    if (before === undefined) break;
    roots.unshift(before);
  }
  // The root that an anchor carries is not among those that were fetched.
  const carried = await carriedRoots(cache, repository, configured);
  const first = carried.find((bytes) => versionOf(bytes) === version - 1);
  if (first !== undefined) roots.unshift(first);
  return { roots, timestamp };
}

/** What a person pinned for a repository, or a first use found; undefined: nothing. @throws TrustClientError ANCHOR_INVALID */
export async function ownAnchor(cache: ClientCache, repository: string): Promise<PinnableAnchor | undefined> {
  const file = await readAnchorFile(cache, repository);
  if (file === undefined || file.dialect !== 'tuf') return undefined;
  return file.pinned ?? (file.firstUse && { kind: 'root', bytes: file.firstUse });
}

async function carriedRoots(
  cache: ClientCache,
  repository: string,
  configured: Uint8Array | undefined,
): Promise<readonly Uint8Array[]> {
  const file = await readAnchorFile(cache, repository);
  const pinned = file?.pinned?.kind === 'root' ? file.pinned.bytes : undefined;
  return [configured, pinned, file?.firstUse, file?.directory?.root].filter((bytes) => bytes !== undefined);
}

/** 0 for what is no root. */
function versionOf(bytes: Uint8Array): number {
  try {
    return tufDialect.decode('root', tufDialect.open(bytes, DEFAULT_LIMITS.rootBytes)).version;
  } catch (error) {
    if (error instanceof TufError) return 0;
    throw error;
  }
}
