/**
 * Where a repository's tags stand: flat in targets while they are few, in hash bins when they are many.
 * The format forbids ordinary delegations and bins in one file, so targets delegates `bins`, whose file
 * carries the succinct roles.
 */
import type { Targets } from '../model.ts';
import { type BinLayout, binOf } from './bins.ts';

/** More tags than this leave the flat file: tuf-js takes a quarter of a second for a thousand, quadratically. */
export const MAX_FLAT_TAGS = 1_000;
/** More tags than this get 1,024 bins instead of 256. */
export const MAX_SMALL_BINS_TAGS = 100_000;
/** The delegated role whose file carries `succinct_roles`. */
export const BINS_ROLE = 'bins';

export type Layout = { readonly kind: 'flat' } | ({ readonly kind: 'bins' } & BinLayout);

/**
 * The layout that the current documents have; `bins` is the document of that role where targets delegates it.
 */
export function layoutOf(targets: Targets, bins: Targets | undefined): Layout {
  const delegated = targets.delegations?.roles.some((role) => role.name === BINS_ROLE) ?? false;
  const succinct = bins?.delegations?.succinct;
  if (!delegated || succinct === undefined) return { kind: 'flat' };
  return { kind: 'bins', bitLength: succinct.bitLength, namePrefix: succinct.namePrefix };
}

/** The layout for so many tags. A repository never goes back to fewer bins: moving costs every file. */
export function layoutFor(tagCount: number, current: Layout): Layout {
  const bitLength = tagCount > MAX_SMALL_BINS_TAGS ? 10 : tagCount > MAX_FLAT_TAGS ? 8 : 0;
  const currentBits = current.kind === 'bins' ? current.bitLength : 0;
  if (bitLength <= currentBits) return current;
  return { kind: 'bins', bitLength, namePrefix: `b${bitLength}` };
}

/** The role that lists a tag. */
export function roleOfTag(layout: Layout, tag: string): string {
  return layout.kind === 'flat' ? 'targets' : binOf(layout, tag);
}

/** The roles whose documents an edit of these tags needs loaded. */
export function rolesOfTags(layout: Layout, tags: Iterable<string>): ReadonlySet<string> {
  const roles = new Set<string>();
  for (const tag of tags) roles.add(roleOfTag(layout, tag));
  return roles;
}
