/** Whom clients ask about a tag, and what ends the asking. */
import type { Delegation, Targets } from '@vidimus/tuf';
import { describe, expect, it } from 'vitest';
import { lookUpOrder } from '../../../../../services/trust-server/src/core/delegations/look-up-order.ts';

const delegation = (name: string, paths: readonly string[] = ['*'], terminating = false): Delegation => ({
  name,
  paths,
  terminating,
  threshold: 1,
  keyIds: [],
});
const document = (...roles: readonly Delegation[]): Targets => ({
  kind: 'targets',
  version: 1,
  expires: 0,
  binding: {},
  fields: {},
  targets: new Map([['1.0', { path: '1.0', length: 1, hashes: new Map([['sha256', 'a'.repeat(64)]]) }]]),
  ...(roles.length === 0 ? {} : { delegations: { keys: new Map(), roles } }),
});
const bins: Targets = {
  ...document(),
  delegations: {
    keys: new Map(),
    roles: [],
    succinct: { keyIds: [], threshold: 1, bitLength: 8, namePrefix: 'b8' },
  },
};
const delegated = (entries: Readonly<Record<string, Targets>>) => new Map(Object.entries(entries));

describe('the order of a look-up', () => {
  it('is targets, then signers, each before whom it delegates to', () => {
    const targets = document(delegation('revocations', ['sha256:*'], true), delegation('a'), delegation('b'));
    const roles = { a: document(delegation('a/x')), 'a/x': document(), b: document() };
    expect(lookUpOrder({ targets, delegated: delegated(roles) }, '1.0')).toEqual({
      roles: ['targets', 'a', 'a/x', 'b'],
    });
  });

  it('passes over whose paths, or whose delegator’s, do not cover the tag', () => {
    const targets = document(delegation('a', ['1.*']), delegation('b', ['2.*']));
    const roles = {
      a: document(delegation('a/x', ['2.*'])),
      'a/x': document(),
      b: document(delegation('b/y')),
      'b/y': document(),
    };
    expect(lookUpOrder({ targets, delegated: delegated(roles) }, '2.0').roles).toEqual([
      'targets',
      'b',
      'b/y',
    ]);
    expect(lookUpOrder({ targets, delegated: delegated(roles) }, '1.0').roles).toEqual(['targets', 'a']);
  });

  it('ends after a terminating role and those below it', () => {
    const targets = document(delegation('a', ['1.*'], true), delegation('b'));
    const roles = { a: document(delegation('a/x')), 'a/x': document(), b: document() };
    expect(lookUpOrder({ targets, delegated: delegated(roles) }, '1.0').roles).toEqual([
      'targets',
      'a',
      'a/x',
    ]);
    expect(lookUpOrder({ targets, delegated: delegated(roles) }, '2.0').roles).toEqual(['targets', 'b']);
  });

  it('ends at a role that cannot be read: what comes after it must not answer', () => {
    const targets = document(delegation('a'), delegation('b'));
    expect(lookUpOrder({ targets, delegated: delegated({ b: document() }) }, '1.0')).toEqual({
      roles: ['targets'],
      endsAt: 'a',
    });
  });

  it('has targets last where its tags stand in bins', () => {
    const targets = document(delegation('a', ['1.*']), delegation('bins', ['*'], true));
    const roles = delegated({ a: document() });
    expect(lookUpOrder({ targets, bins, delegated: roles }, '1.0').roles).toEqual(['a', 'targets']);
    expect(lookUpOrder({ targets, bins, delegated: roles }, '2.0').roles).toEqual(['targets']);
    const ending = document(delegation('a', ['1.*'], true), delegation('bins', ['*'], true));
    expect(lookUpOrder({ targets: ending, bins, delegated: roles }, '1.0').roles).toEqual(['a']);
  });
});
