import { matchesPattern } from '@vidimus/tuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeOf } from '../../support/tuf-client.ts';
import { tufJsRolesFor } from '../../support/tuf-js-delegations.ts';

describe('path patterns', () => {
  it.each([
    ['*', 'latest', true],
    ['*', 'a/b', false],
    ['*/*', 'a/b', true],
    ['*/*', 'a', false],
    ['*.tgz', 'foo.tgz', true],
    ['*.tgz', 'targets/foo.tgz', false],
    ['targets/*.tgz', 'targets/foo.tgz', true],
    ['targets/*.tgz', 'targets/foo.txt', false],
    ['foo-version-?.tgz', 'foo-version-2.tgz', true],
    ['foo-version-?.tgz', 'foo-version-alpha.tgz', false],
    ['foo-version-?.tgz', 'foo-version-.tgz', false],
    ['?', '/', false],
    ['Foo', 'foo', false],
    ['v1', 'v1', true],
    ['v1', 'v10', false],
    ['v1*', 'v1', true],
    ['*1*', 'v1.0', true],
    ['a*b*c', 'aXbXbXc', true],
    ['a*b*c', 'aXbXbX', false],
    ['', '', true],
    ['', 'x', false],
    ['*', '', true],
    ['sha256:*', 'sha256:ab', true],
  ])('%j on %j is %s', (pattern, path, expected) => {
    expect(matchesPattern(pattern, path)).toBe(expected);
  });

  it.each(['[ab]', '{a,b}', '!x', '#x', '+(x)', 'a\\*', 'a|b', '[!a]', '^a'])(
    'refuses %j, which clients read in different ways',
    (pattern) => {
      expect(codeOf(() => matchesPattern(pattern, 'x'))).toBe('MALFORMED');
    },
  );

  it('decides many wildcards without trying their combinations', () => {
    expect(matchesPattern(`${'*a'.repeat(100)}b`, 'a'.repeat(20_000))).toBe(false);
  });

  it('agrees with tuf-js on the safe alphabet', () => {
    // Segments do not begin with a dot: there minimatch hides files, and the format gives no reason to.
    const glob = fc.stringMatching(/^[ab?*][ab.?*-]{0,5}$/);
    const name = fc.stringMatching(/^[ab][ab.-]{0,5}$/);
    const pattern = fc.array(glob, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
    const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
    fc.assert(
      fc.property(pattern, path, (wanted, given) => {
        // minimatch gives `**` a meaning of its own; adjacent stars mean one here and in python.
        fc.pre(!wanted.includes('**'));
        const role = { name: 'r', keyids: [], threshold: 1, terminating: false, paths: [wanted] };
        const theirs = tufJsRolesFor({ keys: {}, roles: [role] }, given).length === 1;
        expect(matchesPattern(wanted, given)).toBe(theirs);
      }),
      { seed: 1, numRuns: 2_000 },
    );
  });
});
