/**
 * Whether one glob lies within another, decided in bounded time by reading the inner one as a text: its wildcards are
 * signs that only a wildcard of the outer one, at least as wide, can stand for. So a yes is a proof; some globs that do
 * lie within are not seen to.
 */
import { splitGlob } from '@vidimus/reference';

const deep = '**';
const run = '*';

/** @throws ReferenceFormatError GLOB_INVALID */
export function containsGlob(outer: string, inner: string): boolean {
  return matches(splitGlob(outer), splitGlob(inner), deep, (pattern, text) =>
    text === deep
      ? false
      : matches([...pattern], [...text], run, (sign, other) => sign === other && other !== run),
  );
}

/**
 * Matches from left to right, in at most the product of the lengths: after a failure only the last wildcard takes one
 * more, since an earlier one could give the rest no better start.
 */
function matches(
  pattern: readonly string[],
  text: readonly string[],
  wildcard: string,
  stands: (one: string, other: string) => boolean,
): boolean {
  let at = 0;
  let from = 0;
  let retry: { readonly at: number; from: number } | undefined;
  while (from < text.length) {
    const sign = pattern[at];
    if (sign === wildcard) {
      retry = { at: at + 1, from };
      at += 1;
    } else if (sign !== undefined && stands(sign, text[from] ?? '')) {
      at += 1;
      from += 1;
    } else if (retry !== undefined) {
      retry.from += 1;
      at = retry.at;
      from = retry.from;
    } else return false;
  }
  return pattern.slice(at).every((sign) => sign === wildcard);
}
