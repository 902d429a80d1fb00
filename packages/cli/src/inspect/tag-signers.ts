/** What people ask of a tag in the `notary` dialect: which signers put it there, and what is listed but is no image. */
import { RELEASES_ROLE } from '@vidimus/notary';
import { isTag } from '@vidimus/reference';
import { type Listing, type Target, TufError } from '@vidimus/tuf';
import type { VouchedImage } from '@vidimus/verifier';

/** A target that no registry can be asked for. */
export interface NoImage {
  readonly path: string;
  readonly why: string;
}

/**
 * Signers whose own role lists the tag with the same digest, as `docker trust inspect` counts them. They are told,
 * not relied upon: it is `releases`, or targets, that vouches.
 */
export function signersOf({ roles }: Listing, { tag, digest }: VouchedImage): readonly string[] {
  return roles.flatMap(({ role, delegator, result }) => {
    if (result instanceof TufError || delegator !== 'targets' || role === RELEASES_ROLE) return [];
    return digestOf(result.document.targets.get(tag)) === digest ? [role] : [];
  });
}

export function noImages({ targets, refused }: Listing): readonly NoImage[] {
  return [
    ...targets.flatMap(({ target }): readonly NoImage[] => {
      if (!isTag(target.path)) return [{ path: target.path, why: 'is no tag' }];
      return target.hashes.has('sha256') ? [] : [{ path: target.path, why: 'is signed without its sha256' }];
    }),
    ...refused.map(({ path, error }) => ({ path, why: `is refused: ${error.code}` })),
  ];
}

function digestOf(target: Target | undefined): string | undefined {
  const sha256 = target?.hashes.get('sha256');
  return sha256 === undefined ? undefined : `sha256:${sha256}`;
}
