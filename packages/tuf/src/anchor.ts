/** How a client trusts its first root. */
import type { Dialect } from './dialect.ts';
import { TufError } from './errors.ts';
import type { RoleKeys, Root } from './model.ts';
import { verifyThreshold } from './threshold.ts';
import type { Verified } from './verify-document.ts';

/** What a client was given by hand, or found and kept. */
export type OwnAnchor =
  /** A root file that came another way than from the server. */
  | { readonly kind: 'root'; readonly bytes: Uint8Array }
  /** Ids of root keys: the first root that at least `threshold` of them signed is trusted. */
  | { readonly kind: 'keyIds'; readonly keyIds: readonly string[]; readonly threshold: number }
  /**
   * Ids of root keys that are certificates: the first root that they alone sign to its own threshold is trusted.
   * Only in a dialect with certificates.
   */
  | { readonly kind: 'certificates'; readonly certIds: readonly string[] }
  /**
   * Certificates of an authority, PEM: the first root whose certified keys alone reach its threshold is trusted, and
   * the newest root must be such a one now. Only in a dialect with certificates.
   */
  | { readonly kind: 'authority'; readonly caPem: string }
  /** The first version as first seen; afterwards that one as the cache kept it. */
  | { readonly kind: 'firstUse' };

/**
 * Ids of root keys as somebody says today who may say otherwise tomorrow: the organisation's directory. At least
 * `threshold` of them must have signed a root of the chain that this client goes on from, be it the first or the
 * newest. No root that leads elsewhere is kept, so that a thief's one does not stand in the way of the right one.
 */
export interface NamedKeys {
  readonly kind: 'named';
  readonly keyIds: readonly string[];
  readonly threshold: number;
  /** Where the chain begins; absent: at the first root that the named keys signed. */
  readonly from?: Exclude<OwnAnchor, { kind: 'firstUse' }>;
}

export type Anchor = OwnAnchor | NamedKeys;

export type PinnedKeys = Exclude<Anchor, { kind: 'firstUse' | 'root' }>;

/**
 * Tells whether enough pinned keys, all of them keys of the root's own root role, signed a root.
 * @throws TufError ANCHOR when the pin itself could never be met
 */
export function meetsPins(dialect: Dialect, root: Verified<Root>, pins: PinnedKeys): boolean {
  return isSignedBy(root, pinnedRole(dialect, root.document, pins));
}

/**
 * What the newest root must be today, beside unexpired: its certificates valid, and still the authority's. A key
 * whose certificate ran out could otherwise start a chain that ends with a certificate of a thief's own.
 * @throws TufError EXPIRED, LIFETIME or ANCHOR
 */
export function assertStandsNow(
  { dialect, now }: { readonly dialect: Dialect; readonly now: number },
  anchor: Anchor,
  root: Verified<Root>,
): void {
  dialect.assertRootNow?.(root.document, now, root.keyIds);
  const own = anchor.kind === 'named' ? anchor.from : anchor;
  if (own?.kind !== 'authority') return;
  if (isSignedBy(root, pinnedRole(dialect, root.document, own, now))) return;
  throw new TufError('ANCHOR', 'the authority does not vouch for the certificates of the newest root', {
    version: root.document.version,
  });
}

/** The pinned ones among the keys of the root role, and how many of them must have signed. */
function pinnedRole(dialect: Dialect, root: Root, pins: PinnedKeys, atMs?: number): RoleKeys {
  const { keyIds, threshold } = root.roles.root;
  const among = (ids: Iterable<string>): readonly string[] => {
    const pinned = new Set(ids);
    return keyIds.filter((keyId) => pinned.has(keyId));
  };
  if (pins.kind === 'keyIds' || pins.kind === 'named') {
    assertThreshold(pins.threshold, new Set(pins.keyIds).size);
    return { keyIds: among(pins.keyIds), threshold: pins.threshold };
  }
  if (dialect.certifiedKeyIds === undefined) {
    throw new TufError('ANCHOR', 'root keys of this dialect are no certificates', { dialect: dialect.name });
  }
  if (pins.kind === 'authority')
    return { keyIds: among(dialect.certifiedKeyIds(root, pins.caPem, atMs)), threshold };
  assertThreshold(1, pins.certIds.length);
  return { keyIds: among(pins.certIds), threshold };
}

function assertThreshold(threshold: number, pinned: number): void {
  if (Number.isSafeInteger(threshold) && threshold >= 1 && threshold <= pinned) return;
  throw new TufError('ANCHOR', 'the threshold of the pinned keys is not from 1 to their number', {
    threshold,
  });
}

function isSignedBy(root: Verified<Root>, role: RoleKeys): boolean {
  try {
    verifyThreshold(root.envelope, root.document.keys, role, 'root');
    return true;
  } catch (error) {
    if (error instanceof TufError && error.code === 'THRESHOLD') return false;
    throw error;
  }
}
