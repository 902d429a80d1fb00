/**
 * Globs over repository names, component by component, and over tags. A closed alphabet and left-to-right
 * matching: no pattern and no name can make matching explode.
 */
import { quote, ReferenceFormatError } from './errors.ts';
import { MAX_NAME_BYTES } from './repository-name.ts';

const MAX_PATTERN_CHARACTERS = 512;
const NAME_PATTERN = /^[a-z0-9._:[\]*/-]+$/;
const TAG_PATTERN = /^[A-Za-z0-9_.*-]+$/;
const MAX_TAG_CHARACTERS = 128;

/** Answers for one name; a name over the length limit never matches. */
export type Matcher = (name: string) => boolean;

/**
 * Compiles a pattern over normalised repository names, host included.
 *
 * `*` is any run of characters within one component, `**` (a component of its own) any number of
 * components, none included: `registry.example.com/shop/**` is `registry.example.com/shop` and all below it,
 * and never `registry.example.com/shopping`.
 *
 * @throws ReferenceFormatError GLOB_INVALID
 */
export function compileGlob(pattern: string): Matcher {
  const components = splitGlob(pattern);
  // Runs of components between `**`: the first is anchored left, the last right, the others float.
  const runs: Matcher[][] = [[]];
  for (const component of components) {
    if (component === '**') runs.push([]);
    else runs[runs.length - 1]?.push(compileComponent(component));
  }
  return (name) => name.length <= MAX_NAME_BYTES && matchRuns(runs, name.split('/'));
}

/**
 * Compiles a pattern over tags: `*` is any run of characters, case matters.
 *
 * @throws ReferenceFormatError GLOB_INVALID
 */
export function compileTagGlob(pattern: string): Matcher {
  if (pattern.length > MAX_TAG_CHARACTERS || !TAG_PATTERN.test(pattern) || pattern.includes('**')) {
    throw new ReferenceFormatError('GLOB_INVALID', `${quote(pattern)} is not a tag or a tag with "*" in it`);
  }
  const matches = compileComponent(pattern);
  return (tag) => tag.length <= MAX_TAG_CHARACTERS && matches(tag);
}

/**
 * Splits a valid pattern into its components; for those who index or compare patterns.
 *
 * @throws ReferenceFormatError GLOB_INVALID
 */
export function splitGlob(pattern: string): readonly string[] {
  if (pattern.length > MAX_PATTERN_CHARACTERS || !NAME_PATTERN.test(pattern)) {
    throw new ReferenceFormatError(
      'GLOB_INVALID',
      `${quote(pattern)} is not a pattern: lower-case a-z 0-9 . _ : [ ] - / and the wildcards * and **`,
    );
  }
  const components = pattern.split('/');
  for (const component of components) {
    if (component === '') {
      throw new ReferenceFormatError('GLOB_INVALID', `${quote(pattern)} has an empty component`);
    }
    if (component !== '**' && component.includes('**')) {
      throw new ReferenceFormatError(
        'GLOB_INVALID',
        `${quote(pattern)}: "**" must be a component of its own`,
      );
    }
  }
  return components;
}

function compileComponent(pattern: string): Matcher {
  const literals = pattern.split('*');
  const first = literals[0] ?? '';
  const last = literals[literals.length - 1] ?? '';
  if (literals.length === 1) return (text) => text === pattern;
  const middle = literals.slice(1, -1);
  return (text) => {
    if (text.length < first.length + last.length) return false;
    if (!text.startsWith(first) || !text.endsWith(last)) return false;
    // Leftmost places are enough: an earlier find leaves more room for the rest.
    let from = first.length;
    const end = text.length - last.length;
    for (const literal of middle) {
      const at = text.indexOf(literal, from);
      if (at < 0 || at + literal.length > end) return false;
      from = at + literal.length;
    }
    return true;
  };
}

function matchRuns(runs: readonly (readonly Matcher[])[], components: readonly string[]): boolean {
  const first = runs[0] ?? [];
  if (runs.length === 1) return components.length === first.length && matchRunAt(first, components, 0);
  const last = runs[runs.length - 1] ?? [];
  const end = components.length - last.length;
  if (end < first.length || !matchRunAt(first, components, 0) || !matchRunAt(last, components, end))
    return false;
  let from = first.length;
  for (const run of runs.slice(1, -1)) {
    while (from + run.length <= end && !matchRunAt(run, components, from)) from += 1;
    if (from + run.length > end) return false;
    from += run.length;
  }
  return true;
}

function matchRunAt(run: readonly Matcher[], components: readonly string[], at: number): boolean {
  return run.every((matches, index) => {
    const component = components[at + index];
    return component !== undefined && matches(component);
  });
}
