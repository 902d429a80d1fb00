/** Names and paths of delegations: what is refused before anything is read or signed. */
import { TufError } from '@vidimus/tuf';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  assertDelegation,
  assertDelegationName,
  type DelegationPlace,
  MAX_PATHS,
} from '../../../../../services/trust-server/src/core/delegations/delegation-rules.ts';
import {
  lineTo,
  parentOf,
} from '../../../../../services/trust-server/src/core/delegations/delegation-tree.ts';
import { TrustError } from '../../../../../services/trust-server/src/service.ts';

const tuf: DelegationPlace = { repository: 'registry.example.com/app', dialects: ['tuf'] };
const both: DelegationPlace = { ...tuf, dialects: ['tuf', 'notary'] };
const qa = { name: 'qa', paths: ['1.*'], terminating: false };

function refusal(work: () => void): string {
  try {
    work();
  } catch (error) {
    if (error instanceof TrustError) return error.code;
    if (error instanceof TufError) return String(error.detail['reason']);
    throw error;
  }
  return 'none';
}

describe('a name', () => {
  it.each(['qa', 'releases', 'qa/nightly', 'team.a', 'A-1_b', 'a/b/c/d', 'binsy', 'targets2'])(
    '%j is free',
    (name) => {
      expect(refusal(() => assertDelegationName(name))).toBe('none');
    },
  );

  it.each([
    ['', 'ROLE_NAME'],
    ['..', 'ROLE_NAME'],
    ['a/../b', 'ROLE_NAME'],
    ['/a', 'ROLE_NAME'],
    ['a/', 'ROLE_NAME'],
    ['a//b', 'ROLE_NAME'],
    ['1.0', 'ROLE_NAME'],
    ['a b', 'ROLE_NAME'],
    ['a\u0000', 'ROLE_NAME'],
    ['ä', 'ROLE_NAME'],
    ['a%2Fb', 'ROLE_NAME'],
    ['a'.repeat(129), 'ROLE_NAME'],
    ['root', 'ROLE_NAME'],
    ['a/root', 'BODY_INVALID'],
    ['targets/a', 'BODY_INVALID'],
    ['a/timestamp/b', 'BODY_INVALID'],
    ['revocations', 'BODY_INVALID'],
    ['a/revocations', 'BODY_INVALID'],
    ['bins', 'BODY_INVALID'],
    ['b8-00', 'BODY_INVALID'],
    ['b10-3ff', 'BODY_INVALID'],
    ['a/b/c/d/e', 'BODY_INVALID'],
  ])('%j is not', (name, code) => {
    expect(refusal(() => assertDelegationName(name))).toBe(code);
  });

  it('has one line of delegators, each the beginning of the next: there is no circle', () => {
    const segment = fc.constantFrom('a', 'b', 'c');
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 4 }), (segments) => {
        const name = segments.join('/');
        const line = lineTo(name);
        expect(line[0]).toBe('targets');
        expect(line.at(-1)).toBe(name);
        for (let at = 1; at < line.length; at += 1) expect(parentOf(line[at] ?? '')).toBe(line[at - 1]);
      }),
      { seed: 20_261_121 },
    );
  });
});

describe('paths', () => {
  const paths = (...given: readonly string[]) => ({ ...qa, paths: given });
  it.each([['*'], ['1.*'], ['v?'], ['1.0'], ['a*b*c'], ['x-*', 'y-*']])('%j are taken', (...given) => {
    expect(refusal(() => assertDelegation(paths(...given), tuf))).toBe('none');
  });

  it.each([
    [[], 'BODY_INVALID'],
    [['1.*', '1.*'], 'BODY_INVALID'],
    [Array.from({ length: MAX_PATHS + 1 }, (_, index) => `v${index}`), 'BODY_INVALID'],
    [[''], 'PATTERN'],
    [['/etc/passwd'], 'PATTERN'],
    [['..'], 'PATTERN'],
    [['a/../b'], 'PATTERN'],
    [['[ab]'], 'PATTERN'],
    [['{a,b}'], 'PATTERN'],
    [['!a'], 'PATTERN'],
    [['a\\*'], 'PATTERN'],
    [['*'.repeat(300)], 'PATTERN'],
    [['sha256:*'], 'BODY_INVALID'],
    [['a/*'], 'BODY_INVALID'],
  ])('%j are refused', (given, code) => {
    expect(refusal(() => assertDelegation(paths(...given), tuf))).toBe(code);
  });

  it('with slashes are for the directory alone', () => {
    const directory = { ...tuf, repository: '_directory' };
    expect(refusal(() => assertDelegation(paths('policies/*'), directory))).toBe('none');
  });

  it('are no wider than those of the delegator', () => {
    const parent = { name: 'team', paths: ['1.*', '2.*'], terminating: false, threshold: 1, keyIds: [] };
    const under = (...given: readonly string[]) =>
      refusal(() => assertDelegation({ ...paths(...given), name: 'team/a' }, { ...tuf, parent }));
    expect(under('1.*')).toBe('none');
    expect(under('1.2.*', '2.?')).toBe('none');
    expect(under('*')).toBe('BODY_INVALID');
    expect(under('1.*', '3.*')).toBe('BODY_INVALID');
    expect(under('1*')).toBe('BODY_INVALID');
  });

  it.each([
    [['*'], 'none'],
    [['1.*'], 'none'],
    [['1.0'], 'DIALECT_INEXPRESSIBLE'],
    [['*-rc'], 'DIALECT_INEXPRESSIBLE'],
    [['v?*'], 'DIALECT_INEXPRESSIBLE'],
    [['1.*', 'a*b*'], 'DIALECT_INEXPRESSIBLE'],
  ])('%j in both dialects: %s', (given, code) => {
    expect(refusal(() => assertDelegation(paths(...given), both))).toBe(code);
  });

  it('in both dialects neither end a search nor have names that Notary clients refuse', () => {
    expect(refusal(() => assertDelegation({ ...qa, terminating: true }, both))).toBe('DIALECT_INEXPRESSIBLE');
    for (const name of ['Qa', 'q.a', 'qa/Nightly']) {
      expect(refusal(() => assertDelegation({ ...qa, name }, both))).toBe('DIALECT_INEXPRESSIBLE');
    }
  });
});
