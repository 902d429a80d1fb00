/**
 * Patterns of the directory: which repositories an entry speaks for, and which entry speaks where several match.
 * The most specific one does: longest literal beginning, then most literal characters, then fewest `**`, then fewest
 * `*`. Two that are equal in all of that and match the same name contradict each other: nobody speaks.
 */
import {
  compileGlob,
  DIRECTORY_NAME,
  globsOverlap,
  ReferenceFormatError,
  splitGlob,
} from '@vidimus/reference';
import { TufError } from '../errors.ts';
import { malformed } from '../tuf-dialect/shape.ts';

/** Longest pattern, characters: it is a target path and one segment of a URL. */
export const MAX_PATTERN_LENGTH = 255;

/**
 * Checks a pattern: a glob over `host/path` of at least two components that can match a repository, and never the
 * directory itself, whose root nobody but the anchor names.
 * @throws TufError MALFORMED
 */
export function assertDirectoryPattern(pattern: string): void {
  const components = split(pattern);
  const refuse = (why: string): never => {
    throw malformed(pattern, why);
  };
  if (pattern.length > MAX_PATTERN_LENGTH) refuse(`a pattern has at most ${MAX_PATTERN_LENGTH} characters`);
  if (components.length < 2) refuse('a pattern has a host and a path: host/** is all of a host');
  if (components.some((component) => /^[._-]/.test(component))) {
    refuse('no repository has a component that begins with "_", "." or "-"');
  }
  if (compileGlob(pattern)(DIRECTORY_NAME)) refuse('the directory does not name its own keys');
}

/**
 * The pattern that speaks for a repository; undefined: none does.
 * @throws TufError MALFORMED for a text that is no pattern, ANCHOR when two patterns speak equally
 */
export function mostSpecific(patterns: Iterable<string>, repository: string): string | undefined {
  let best: string | undefined;
  let rival: string | undefined;
  for (const pattern of patterns) {
    assertDirectoryPattern(pattern);
    if (!compileGlob(pattern)(repository)) continue;
    const order = best === undefined ? 1 : compareSpecificity(pattern, best);
    if (order > 0) best = pattern;
    if (order !== 0) rival = order > 0 ? undefined : rival;
    else rival = pattern;
  }
  if (best === undefined || rival === undefined) return best;
  throw new TufError('ANCHOR', 'two entries of the directory speak equally for the repository', {
    repository,
    patterns: [best, rival].sort(),
  });
}

/** An existing pattern that would contradict a new one: equally specific, and matching a common name. */
export function contradictedBy(patterns: Iterable<string>, pattern: string): string | undefined {
  for (const other of patterns) {
    if (other === pattern || compareSpecificity(other, pattern) !== 0) continue;
    if (globsOverlap([other], [pattern]) !== undefined) return other;
  }
  return undefined;
}

/** Positive: `a` is more specific. */
function compareSpecificity(a: string, b: string): number {
  const [left, right] = [specificity(a), specificity(b)];
  for (const [index, value] of left.entries()) {
    const difference = value - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** What counts first comes first; more is more specific. */
function specificity(pattern: string): readonly number[] {
  const star = pattern.indexOf('*');
  const deep = pattern.split('/').filter((component) => component === '**').length;
  const stars = pattern.split('*').length - 1;
  return [star < 0 ? Number.MAX_SAFE_INTEGER : star, pattern.length - stars, -deep, -stars];
}

function split(pattern: string): readonly string[] {
  try {
    return splitGlob(pattern);
  } catch (error) {
    if (!(error instanceof ReferenceFormatError)) throw error;
    throw malformed(pattern, error.message);
  }
}
