/** What a change would make otherwise, as a person reads it: computed here, with the names that are known for keys. */
import { printable } from '@vidimus/reference';
import type { Difference } from '@vidimus/trust-client';
import { shorten } from '../output/table.ts';
import type { Fact } from '../publish/outcome-lines.ts';

/** A key id to the words for it: whose it is, and who says so. */
export type KeyNames = ReadonlyMap<string, string>;

/** More lines than this are counted, not shown; `--json` has all. */
const maxLines = 60;

/** One line each; what is the same in both dialects is said once. What the service signs itself stands apart. */
export function differenceFacts(difference: readonly Difference[], names: KeyNames): readonly Fact[] {
  const signedHere = difference.filter(({ byService }) => byService !== true);
  const signedThere = difference.filter(({ byService }) => byService === true);
  return [...facts('service', signedThere, names), ...facts('makes', signedHere, names)];
}

function facts(label: string, difference: readonly Difference[], names: KeyNames): readonly Fact[] {
  const dialects = new Set(difference.map(({ dialect }) => dialect));
  const said = new Map<string, Set<string>>();
  for (const line of difference) {
    const words = wordsOf(line, names);
    said.set(words, new Set([...(said.get(words) ?? []), line.dialect]));
  }
  const lines = [...said].map(([words, where]) =>
    dialects.size === where.size ? words : `${words}   (dialect ${[...where].join(', ')})`,
  );
  const shown = lines.slice(0, maxLines);
  const more = lines.length - shown.length;
  return [
    ...shown.map((words, index): Fact => [index === 0 ? label : '', printable(words, 600)]),
    ...(more === 0 ? [] : [['', `and ${more} lines more: --json`] as const]),
  ];
}

function wordsOf(line: Difference, names: KeyNames): string {
  const { role, what, name = '', before, after, anchored, unvouched } = line;
  const key = (keyId: string): string => `${shorten(keyId)}${names.has(keyId) ? ` ${names.get(keyId)}` : ''}`;
  switch (what) {
    case 'key':
      if (after !== undefined && before !== undefined) {
        return `${role}: key ${key(after)} stays, as one that the service says it holds`;
      }
      if (after !== undefined) return `${role}: key ${key(after)} comes in`;
      return `${role}: key ${key(before ?? '')} goes${anchored ? '; it is one that is pinned here' : ''}`;
    case 'delegation':
      return after === undefined ? `${role}: no longer delegated` : `${role}: delegated anew`;
    case 'tag':
      if (unvouched) return `${role}: tag ${name} stays ${after ?? ''}; too few vouch for it now`;
      if (after === undefined) return `${role}: tag ${name} goes, was ${before ?? ''}`;
      return `${role}: tag ${name} is ${after}${before === undefined ? '' : `, was ${before}`}`;
    case 'revocation':
      return after === undefined
        ? `${role}: ${name} is no longer revoked`
        : `${role}: ${name} is revoked, "${after}"`;
    case 'terminating':
      return `${role}: for its tags ${after === 'true' ? 'nobody' : 'others'} after it ${after === 'true' ? 'is' : 'are'} asked`;
    case 'version':
      return `${role}: version ${after ?? ''}${before === undefined ? '' : ` after ${before}`}`;
    case 'expires':
      return `${role}: until ${after ?? ''}${before === undefined ? '' : `, now until ${before}`}`;
    default:
      return `${role}: ${what} ${after ?? 'none'}${before === undefined ? '' : `, was ${before}`}`;
  }
}
