/** Small notations: role names, path prefixes, dates. */
import {
  formatNotaryTime,
  NotaryError,
  parseNotaryTime,
  toModelRole,
  toNotaryRole,
  toPathGlob,
  toPathPrefix,
} from '@vidimus/notary';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const seed = 20261121;

describe('a role name', () => {
  it.each([
    ['root', 'root'],
    ['targets', 'targets'],
    ['releases', 'targets/releases'],
    ['qa/nightly', 'targets/qa/nightly'],
    ['targets/x', 'targets/targets/x'],
    ['a_b-c/0', 'targets/a_b-c/0'],
  ])('%s is %s on the wire', (model, wire) => {
    expect(toNotaryRole(model)).toBe(wire);
    expect(toModelRole(wire)).toBe(model);
  });

  it('on the wire is back what it was, for every name that it takes', () => {
    const segment = fc.stringMatching(/^[-a-z0-9_]{1,6}$/);
    fc.assert(
      fc.property(fc.array(segment, { minLength: 2, maxLength: 4 }), (segments) => {
        const wire = `targets/${segments.join('/')}`;
        expect(toNotaryRole(toModelRole(wire))).toBe(wire);
      }),
      { seed, numRuns: 100 },
    );
  });

  it.each([
    '',
    'mirrors',
    'releases',
    'targets/',
    'targets/Upper',
    'targets/a.b',
    'targets/../root',
    'targets//a',
    'targets/a/',
    'targets/a b',
    'targets/a\n',
    'targets/root',
    'targets/timestamp',
    'targets/targets',
    `targets/${'a'.repeat(248)}`,
    'root.json',
  ])('%j is none', (wire) => {
    expect(codeOf(() => toModelRole(wire))).toBe('INVALID_ROLE');
  });

  it.each(['', 'A', '../x', 'mirrors/../root', 'targets/root/..'])('%j has none on the wire', (model) => {
    expect(codeOf(() => toNotaryRole(model))).toBe('INVALID_ROLE');
  });
});

describe('a path prefix', () => {
  it.each([
    ['*', ''],
    ['1.*', '1.'],
    ['v*', 'v'],
  ])('glob %s is prefix %j', (glob, prefix) => {
    expect(toPathPrefix(glob)).toBe(prefix);
    expect(toPathGlob(prefix)).toBe(glob);
  });

  it.each(['1.?', 'a', '*.1', 'a/*', '**', ''])('cannot be said for glob %j', (glob) => {
    expect(toPathPrefix(glob)).toBeUndefined();
  });

  it.each(['a/', 'a*', '[a]', '?'])('cannot be said as a glob for %j', (prefix) => {
    expect(toPathGlob(prefix)).toBeUndefined();
  });
});

describe('a date', () => {
  it.each([
    ['1970-01-01T00:00:00Z', 0],
    ['2026-11-21T08:05:58.672241401Z', Date.UTC(2026, 10, 21, 8, 5, 58, 672)],
    ['2026-11-21T08:05:58.6Z', Date.UTC(2026, 10, 21, 8, 5, 58, 600)],
    ['2026-11-21T10:05:58+02:00', Date.UTC(2026, 10, 21, 8, 5, 58)],
    ['2026-11-21T07:35:58-00:30', Date.UTC(2026, 10, 21, 8, 5, 58)],
  ])('%s is read', (text, ms) => {
    expect(parseNotaryTime(text)).toBe(ms);
  });

  it.each([
    'never',
    '2026-11-21',
    '2026-11-21T08:05:58',
    '2026-11-21 08:05:58Z',
    '2026-02-30T08:05:58Z',
    '2026-11-21T24:00:00Z',
    '2026-11-21T08:05:60Z',
    '2026-11-21T08:05:58.Z',
    '2026-11-21T08:05:58.1234567890Z',
    '2026-11-21T08:05:58+24:00',
    '2026-11-21T08:05:58+2:00',
    '12026-11-21T08:05:58Z',
    '2026-11-21t08:05:58z',
    '9999-12-31T23:59:59-00:01',
    '0000-01-01T00:00:00+00:01',
    '2026-11-21T08:05:58Z\n',
  ])('T37 %j is none', (text) => {
    expect(parseNotaryTime(text)).toBeUndefined();
  });

  it('is read back as it was written, without zeros at its end', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Date.UTC(9999, 0) }), (ms) => {
        expect(parseNotaryTime(formatNotaryTime(ms))).toBe(ms);
        expect(formatNotaryTime(ms)).toMatch(/:\d\d(\.\d{0,2}[1-9])?Z$/);
      }),
      { seed },
    );
  });
});

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof NotaryError) return error.code;
    throw error;
  }
  return 'accepted';
}
