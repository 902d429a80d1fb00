import { compileGlob, globsCover, globsOverlap, isRepositoryName } from '@vidimus/reference';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const HOST = 'registry.example.com';

describe('globsCover', () => {
  it.each([
    [[`${HOST}/prod/**`], [`${HOST}/**`], true],
    [[`${HOST}/**`], [`${HOST}/prod/**`], false],
    [[`${HOST}/prod/*`], [`${HOST}/prod/**`], true],
    [[`${HOST}/prod/**`], [`${HOST}/prod`, `${HOST}/prod/*`, `${HOST}/prod/*/**`], true],
    [[`${HOST}/a*b`], [`${HOST}/a*`], true],
    [[`${HOST}/a*`], [`${HOST}/a*b`], false],
    [[`${HOST}/x`, `${HOST}/y`], [`${HOST}/x`], false],
    [['**'], ['**/**'], true],
    [[`${HOST}/x`], [], false],
  ])('%j by %j is %s', (patterns, by, expected) => {
    expect(globsCover(patterns, by)).toBe(expected);
  });

  it('never claims to cover a name that only the left side matches', () => {
    const part = fc.constantFrom('a', 'b', '*', 'a*', '**');
    const pattern = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
    const name = fc.array(fc.constantFrom('a', 'b', 'ab', 'c'), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(pattern, pattern, name, (left, right, parts) => {
        const text = parts.join('/');
        if (compileGlob(left)(text) && !compileGlob(right)(text)) {
          expect(globsCover([left], [right])).toBe(false);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('globsOverlap', () => {
  it('gives a name both sides match', () => {
    const witness = globsOverlap([`${HOST}/a-*/**`], [`${HOST}/**/web`]);
    expect(witness).toBeDefined();
    expect(isRepositoryName(witness ?? '')).toBe(true);
    expect(compileGlob(`${HOST}/a-*/**`)(witness ?? '')).toBe(true);
    expect(compileGlob(`${HOST}/**/web`)(witness ?? '')).toBe(true);
  });

  it('gives nothing for patterns without a common name', () => {
    expect(globsOverlap([`${HOST}/prod/**`], [`${HOST}/production/**`])).toBeUndefined();
    expect(globsOverlap([`${HOST}/a*`], [`${HOST}/b*`])).toBeUndefined();
  });
});
