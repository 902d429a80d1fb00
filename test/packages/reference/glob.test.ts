import { compileGlob, compileTagGlob, ReferenceFormatError } from '@vidimus/reference';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('compileGlob', () => {
  it.each([
    ['registry.example.com/prod/**', 'registry.example.com/prod/web', true],
    ['registry.example.com/prod/**', 'registry.example.com/prod/team/web', true],
    ['registry.example.com/prod/**', 'registry.example.com/prod', true],
    ['registry.example.com/prod/**', 'registry.example.com/production/web', false],
    ['registry.example.com/*/web', 'registry.example.com/a/web', true],
    ['registry.example.com/*/web', 'registry.example.com/a/b/web', false],
    ['registry.example.com/**/web', 'registry.example.com/web', true],
    ['registry.example.com/**/web', 'registry.example.com/a/b/web', true],
    ['registry.example.com/**/x/**/web', 'registry.example.com/x/web', true],
    ['registry.example.com/**/x/**/web', 'registry.example.com/web/x', false],
    ['registry.example.com/app-*-db', 'registry.example.com/app-x-db', true],
    ['registry.example.com/app-*-db', 'registry.example.com/app-db', false],
    ['*.example.com/**', 'registry.example.com/a', true],
    ['*.example.com/**', 'registry.example.com.evil.io/a', false],
    ['localhost:5000/**', 'localhost:5000/a', true],
    ['**', 'registry.example.com/a', true],
    ['registry.example.com/web', 'registry.example.com/web', true],
    ['registry.example.com/w.b', 'registry.example.com/web', false],
  ])('%s against %s is %s', (pattern, name, expected) => {
    expect(compileGlob(pattern)(name)).toBe(expected);
  });

  it.each([
    '',
    'a//b',
    '/a',
    'a/',
    'A/b',
    'a/**b',
    'a/***',
    'a?b',
    'a{b,c}',
    'a%2fb',
    'a\u0000',
    'a'.repeat(513),
  ])('refuses the pattern %j', (pattern) => {
    expect(() => compileGlob(pattern)).toThrow(ReferenceFormatError);
  });

  it('agrees with a regular expression on any pattern and name', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), minLength: 1, maxLength: 4 });
    const part = fc.oneof(
      letters.filter((text) => !text.includes('**')),
      fc.constant('**'),
    );
    const name = fc.array(fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 3 }), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), name, (pattern, components) => {
        const source = pattern
          .map((one) => (one === '**' ? '(?:[^/]+/)*' : `${one.replaceAll('*', '[^/]*')}/`))
          .join('');
        const oracle = new RegExp(`^${source}$`);
        expect(compileGlob(pattern.join('/'))(components.join('/'))).toBe(
          oracle.test(`${components.join('/')}/`),
        );
      }),
      { numRuns: 500 },
    );
  });

  it('answers at once for a pattern made to backtrack', () => {
    const matches = compileGlob(`${'a*'.repeat(200)}b`);
    const deep = compileGlob(`${'**/a/'.repeat(100)}b`);
    expect(matches('a'.repeat(255))).toBe(false);
    expect(deep(`${'a/'.repeat(127)}c`)).toBe(false);
  });
});

describe('compileTagGlob', () => {
  it.each([
    ['latest', 'latest', true],
    ['latest', 'latest2', false],
    ['nightly-*', 'nightly-2026', true],
    ['nightly-*', 'Nightly-2026', false],
    ['*-RC*', '1.0-RC1', true],
    ['*', 'constructor', true],
  ])('%s against %s is %s', (pattern, tag, expected) => {
    expect(compileTagGlob(pattern)(tag)).toBe(expected);
  });

  it.each(['', 'a/b', 'a:b', '**', 'a?', 'a'.repeat(129)])('refuses the pattern %j', (pattern) => {
    expect(() => compileTagGlob(pattern)).toThrow(ReferenceFormatError);
  });
});
