import { coversPattern, matchesPattern } from '@vidimus/tuf';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('a pattern', () => {
  it.each([
    ['*', '*'],
    ['*', '1.*'],
    ['*', ''],
    ['1.*', '1.*'],
    ['1.*', '1.2.*'],
    ['1.*', '1.2'],
    ['*-rc', 'a*-rc'],
    ['v?', 'v?'],
    ['v?', 'v1'],
    ['a*c', 'abc*c'],
    ['policies/*', 'policies/a*'],
    ['**', '*'],
  ])('%s covers %s', (wide, narrow) => {
    expect(coversPattern(wide, narrow)).toBe(true);
  });

  it.each([
    ['1.*', '*'],
    ['1.*', '1*'],
    ['1.*', '2.*'],
    ['v?', 'v*'],
    ['v1', 'v?'],
    ['?', '*'],
    ['*', 'a/b'],
    ['a/*', '*'],
    ['a*c', 'a*'],
    ['*', 'policies/*'],
  ])('%s does not cover %s', (wide, narrow) => {
    expect(coversPattern(wide, narrow)).toBe(false);
  });

  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '/'), maxLength: 7 });
  const path = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 7 });

  it('that covers another one matches whatever that one matches', () => {
    fc.assert(
      fc.property(
        pattern,
        pattern,
        fc.array(path, { minLength: 5, maxLength: 20 }),
        (wide, narrow, paths) => {
          fc.pre(coversPattern(wide, narrow));
          for (const each of paths) {
            if (matchesPattern(narrow, each)) expect(matchesPattern(wide, each)).toBe(true);
          }
        },
      ),
      { seed: 20_261_121, numRuns: 2_000 },
    );
  });

  it('covers a path, which is a pattern too, if and only if it matches it', () => {
    fc.assert(
      fc.property(pattern, path, (wide, each) => {
        expect(coversPattern(wide, each)).toBe(matchesPattern(wide, each));
      }),
      { seed: 20_261_121, numRuns: 2_000 },
    );
  });

  it('is judged in bounded time, however many stars it has', () => {
    expect(coversPattern(`${'*a'.repeat(2_000)}b`, 'a'.repeat(2_000))).toBe(false);
  });
});
