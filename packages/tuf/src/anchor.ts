/** How a client trusts its first root. */
import { TufError } from './errors.ts';
import type { Root } from './model.ts';
import { verifyThreshold } from './threshold.ts';
import type { Verified } from './verify-document.ts';

export type Anchor =
  /** A root file that came another way than from the server. */
  | { readonly kind: 'root'; readonly bytes: Uint8Array }
  /** Ids of root keys: the first root that at least `threshold` of them signed is trusted. */
  | { readonly kind: 'keyIds'; readonly keyIds: readonly string[]; readonly threshold: number }
  /** Version 1 as first seen; afterwards version 1 as the cache kept it. */
  | { readonly kind: 'firstUse' };

export type PinnedKeys = Extract<Anchor, { kind: 'keyIds' }>;

/**
 * Tells whether enough pinned keys, all of them keys of the root's own root role, signed a root.
 * @throws TufError ANCHOR when the pin itself could never be met
 */
export function meetsPins(root: Verified<Root>, pins: PinnedKeys): boolean {
  const { threshold } = pins;
  const pinned = new Set(pins.keyIds);
  if (!Number.isSafeInteger(threshold) || threshold < 1 || threshold > pinned.size) {
    throw new TufError('ANCHOR', 'the threshold of the pinned keys is not from 1 to their number', {
      threshold,
    });
  }
  const keyIds = root.document.roles.root.keyIds.filter((keyId) => pinned.has(keyId));
  try {
    verifyThreshold(root.envelope, root.document.keys, { keyIds, threshold }, 'root');
    return true;
  } catch (error) {
    if (error instanceof TufError && error.code === 'THRESHOLD') return false;
    throw error;
  }
}
