/** Path patterns of delegations (TUF 4.5): `*` and `?` within one segment, compared segment by segment. */
import { TufError } from './errors.ts';

/** Sets, braces, negation, escapes, comments: python, Go and JavaScript clients each read them their own way. */
const ambiguous = /[[\]{}()!#|\\^]/;

/**
 * Tells whether a target path matches a pattern. Case counts; a wildcard never matches `/`, so the number of
 * segments must be equal. Takes time linear in pattern times path, whatever the number of wildcards.
 * @throws TufError MALFORMED for a pattern on which clients disagree: guessing would give a role paths that its
 *   delegator did not mean
 */
export function matchesPattern(pattern: string, path: string): boolean {
  if (ambiguous.test(pattern)) {
    throw new TufError('MALFORMED', 'a path pattern on which clients disagree', {
      pattern: pattern.slice(0, 200),
    });
  }
  const wanted = pattern.split('/');
  const given = path.split('/');
  return (
    wanted.length === given.length && wanted.every((glob, index) => matchesSegment(glob, given[index] ?? ''))
  );
}

/** The two-pointer glob: only the last star is ever tried again. */
function matchesSegment(glob: string, text: string): boolean {
  let g = 0;
  let t = 0;
  let star = -1;
  let starText = 0;
  while (t < text.length) {
    if (glob[g] === '*') {
      star = g++;
      starText = t;
    } else if (g < glob.length && (glob[g] === '?' || glob[g] === text[t])) {
      g++;
      t++;
    } else if (star >= 0) {
      g = star + 1;
      t = ++starText;
    } else {
      return false;
    }
  }
  while (glob[g] === '*') g++;
  return g === glob.length;
}
