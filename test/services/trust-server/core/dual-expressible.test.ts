import type { Delegation, Targets } from '@vidimus/tuf';
import { describe, expect, it } from 'vitest';
import { assertExpressible } from '../../../../services/trust-server/src/core/dialect-changes/expressible.ts';
import { TrustError } from '../../../../services/trust-server/src/service.ts';

const delegation = (more: Partial<Delegation>): Delegation => ({
  name: 'qa',
  keyIds: [],
  threshold: 1,
  terminating: false,
  paths: ['*'],
  ...more,
});

function refusal(...roles: readonly Delegation[]): TrustError | undefined {
  const targets: Targets = {
    kind: 'targets',
    version: 1,
    expires: 0,
    binding: {},
    fields: {},
    targets: new Map(),
    delegations: { keys: new Map(), roles },
  };
  try {
    assertExpressible(targets, undefined);
  } catch (error) {
    if (error instanceof TrustError) return error;
    throw error;
  }
  return undefined;
}

const { paths: _, ...byHash } = delegation({ pathHashPrefixes: ['ab'] });

describe('a repository in tuf', () => {
  it('can be said in notary with its delegation of revoked digests, which stays behind', () => {
    const revocations = delegation({ name: 'revocations', terminating: true, paths: ['sha256:*'] });
    expect(refusal(revocations)).toBeUndefined();
  });

  it.each([
    ['hash prefixes', byHash, 'hash prefixes'],
    ['a glob that is no prefix', delegation({ paths: ['1.*', '*-rc'] }), '*-rc'],
    ['a terminating delegation', delegation({ terminating: true, paths: ['1.*'] }), 'terminating'],
    ['keys in one dialect alone', delegation({ paths: ['1.*'] }), 'remove it'],
  ])('cannot be said in notary with %s', (_name, role, reason) => {
    const error = refusal(role);
    expect(error).toMatchObject({ code: 'DIALECT_INEXPRESSIBLE', detail: { role: 'qa' } });
    expect(error?.message).toContain(reason);
  });
});
