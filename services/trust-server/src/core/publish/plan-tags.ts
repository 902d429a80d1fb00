/** Which files an edit of top-level tags touches, as far as the repository's dialects can say them. */
import {
  type Layout,
  MAX_TARGETS_PER_ROLE,
  matchesDelegation,
  planTags,
  rolesOfTags,
  type TagPlan,
} from '@vidimus/tuf';
import { TrustError } from '../../service.ts';
import { allDelegations, isSignersRole } from '../delegations/delegation-tree.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import type { CurrentDocuments } from './current-documents.ts';
import { digestOf } from './listed-tags.ts';

/**
 * With one dialect, many tags move into bins. Another dialect has none: the repository stays flat up to its limit, as
 * does one where signers, who are asked before bins, would then speak over a tag.
 * @param tagCount - after the edit
 * @throws TrustError DIALECT_INEXPRESSIBLE
 */
export function planFor(
  { dialects }: Pick<RepositoryRow, 'dialects'>,
  layout: Layout,
  tagCount: number,
  names: readonly string[],
  current: CurrentDocuments,
): TagPlan {
  if (dialects.length === 1) {
    const plan = planTags(layout, tagCount, names);
    const isMove = plan.to !== plan.from && plan.from.kind === 'flat';
    if (!isMove || !signersSpeakOver(current, names)) return plan;
    return { from: layout, to: layout, load: rolesOfTags(layout, names) };
  }
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

/** Flat targets is asked before anybody; in bins its tags come last. */
function signersSpeakOver(current: CurrentDocuments, names: readonly string[]): boolean {
  const { targets, delegated } = current;
  if (delegated === undefined) return false;
  const signers = allDelegations(current).filter(({ delegation: { name } }) => isSignersRole(name));
  // Behind these nobody is asked.
  const ends = signers.flatMap(({ delegation }) =>
    delegation.terminating || !delegated.has(delegation.name) ? [delegation] : [],
  );
  for (const tag of new Set([...targets.targets.keys(), ...names])) {
    if (ends.some((delegation) => matchesDelegation(delegation, tag))) return true;
    const own = targets.targets.get(tag);
    for (const document of delegated.values()) {
      const other = document.targets.get(tag);
      if (other !== undefined && (own === undefined || digestOf(other) !== digestOf(own))) return true;
    }
  }
  return false;
}
