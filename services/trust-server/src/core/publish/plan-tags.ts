/** Which files an edit of tags touches, as far as the repository's dialects can say them. */
import { type Layout, MAX_TARGETS_PER_ROLE, planTags, rolesOfTags, type TagPlan } from '@vidimus/tuf';
import { TrustError } from '../../service.ts';
import type { RepositoryRow } from '../store/repositories.ts';

/**
 * With one dialect, many tags move into bins. Another dialect has none: the repository stays flat up to its limit.
 * @param tagCount - after the edit
 * @throws TrustError DIALECT_INEXPRESSIBLE
 */
export function planFor(
  { dialects }: Pick<RepositoryRow, 'dialects'>,
  layout: Layout,
  tagCount: number,
  names: readonly string[],
): TagPlan {
  if (dialects.length === 1) return planTags(layout, tagCount, names);
  assertFlat(layout, tagCount);
  return { from: layout, to: layout, load: rolesOfTags(layout, names) };
}

/** @throws TrustError DIALECT_INEXPRESSIBLE */
export function assertFlat(layout: Layout, tagCount: number): void {
  if (layout.kind !== 'flat') {
    throw new TrustError(
      'DIALECT_INEXPRESSIBLE',
      'the tags stand in hash bins, which the dialect notary cannot say',
    );
  }
  if (tagCount <= MAX_TARGETS_PER_ROLE) return;
  throw new TrustError(
    'DIALECT_INEXPRESSIBLE',
    `a repository in both dialects lists at most ${MAX_TARGETS_PER_ROLE} tags: the dialect notary has no hash bins`,
    { tags: tagCount, most: MAX_TARGETS_PER_ROLE },
  );
}
