import { compileGlob } from '@vidimus/reference';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { containsGlob } from '../../../packages/access/src/glob-containment.ts';

describe('containsGlob', () => {
  it.each([
    ['**', 'a/**'],
    ['**', '**'],
    ['**', '_directory'],
    ['a/**', 'a'],
    ['a/**', 'a/*'],
    ['a/**', 'a/b/**'],
    ['a/**/c', 'a/**/b/c'],
    ['a/web-*', 'a/web-*-2'],
    ['a/*', 'a/b*c'],
    ['**/a/**', 'x/**/a'],
    ['*/b', 'a*/b'],
  ])('sees that %s holds %s', (outer, inner) => {
    expect(containsGlob(outer, inner)).toBe(true);
  });

  it.each([
    ['a/*', 'a/**'],
    ['a/*', 'a/b/c'],
    ['a/**', 'ab/**'],
    ['a/**', '**'],
    ['a/**', '*/b'],
    ['a/b*', 'a/*'],
    ['a/web-*', 'a/web*'],
    ['a/**', '_directory'],
    ['a/*b', 'a/b*'],
    ['a', 'a/**'],
    ['*/**', '**'],
  ])('sees that %s does not hold %s', (outer, inner) => {
    expect(containsGlob(outer, inner)).toBe(false);
  });

  const component = fc.oneof(
    fc.constant('**'),
    fc
      .array(fc.constantFrom('a', 'b', '*'), { minLength: 1, maxLength: 3 })
      .map((signs) => signs.join('').replace(/\*+/g, '*')),
  );
  const glob = fc.array(component, { minLength: 1, maxLength: 4 }).map((components) => components.join('/'));
  const name = fc
    .array(
      fc.array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 3 }).map((signs) => signs.join('')),
      { minLength: 1, maxLength: 4 },
    )
    .map((components) => components.join('/'));

  it('never says yes where a name is inside one and outside the other', () => {
    fc.assert(
      fc.property(glob, glob, fc.array(name, { minLength: 20, maxLength: 20 }), (outer, inner, names) => {
        if (!containsGlob(outer, inner)) return;
        const [holds, asks] = [compileGlob(outer), compileGlob(inner)];
        for (const each of names) if (asks(each)) expect(holds(each)).toBe(true);
      }),
      { seed: 7, numRuns: 5_000 },
    );
  });

  it('says yes of a glob and itself', () => {
    fc.assert(
      fc.property(glob, (each) => {
        expect(containsGlob(each, each)).toBe(true);
      }),
      { seed: 7 },
    );
  });

  it('answers hostile globs at once', () => {
    const outer = `r/${'*a'.repeat(120)}b`;
    expect(containsGlob(outer, `r/${'a*'.repeat(120)}`)).toBe(false);
    expect(containsGlob(`${'**/a/'.repeat(50)}b`, `${'**/a/'.repeat(49)}a/a/a`)).toBe(false);
  });
});
