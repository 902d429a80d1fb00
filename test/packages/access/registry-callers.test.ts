/** What credentials reach on the registry clients' wire. */
import {
  catalogScope,
  createAuthenticator,
  createOwnRegistryTokens,
  identifyRegistryCaller,
  type RegistryCaller,
  repositoryScope,
  trustTokenServer,
} from '@vidimus/access';
import { describe, expect, it } from 'vitest';
import { administrator, startMs, token } from './token-for-test.ts';
import { claims, settings, signToken, x5c } from './token-server-for-test.ts';

const now = (): number => startMs;
const own = createOwnRegistryTokens(new Uint8Array(32), now);
const authenticatorOf = (repositories: readonly string[]) =>
  createAuthenticator({
    tokens: { findByHash: async () => administrator({ repositories }), insertFirst: async () => false },
    now,
  });
const pull = repositoryScope('r.example/a', ['pull']);
const push = repositoryScope('r.example/a', ['push', 'pull']);
const manage = repositoryScope('r.example/a', ['*']);
const elsewhere = repositoryScope('r.example/b', ['pull']);

const reach = (caller: RegistryCaller | 'anonymous' | undefined) =>
  typeof caller === 'object'
    ? [caller.actor, ...[pull, push, manage, elsewhere, catalogScope].map((scope) => caller.may(scope))]
    : caller;

describe('an access token', () => {
  const identify = (repositories: readonly string[]) =>
    identifyRegistryCaller(
      { authenticator: authenticatorOf(repositories), tokens: own },
      { kind: 'token', token },
    );

  it('reaches what its globs admit; the names of all only when they admit all', async () => {
    expect(reach(await identify(['r.example/a']))).toEqual(['token:t1', true, true, true, false, false]);
    expect(reach(await identify(['**']))).toEqual(['token:t1', true, true, true, true, true]);
  });

  it('is nobody when unknown', async () => {
    const unknown = createAuthenticator({
      tokens: { findByHash: async () => undefined, insertFirst: async () => false },
      now,
    });
    const parts = { authenticator: unknown, tokens: own };
    expect(await identifyRegistryCaller(parts, { kind: 'token', token })).toBeUndefined();
  });
});

describe('our own registry token', () => {
  const parts = { authenticator: authenticatorOf([]), tokens: own };
  const identify = async (subject: string, access: Parameters<typeof own.issue>[0]['access']) => {
    const { token: jwt } = await own.issue({ subject, access });
    return await identifyRegistryCaller(parts, { kind: 'jwt', jwt });
  };

  it('acts for the access token behind it, within its scopes', async () => {
    expect(reach(await identify('token:t1', [push]))).toEqual(['token:t1', true, true, false, false, false]);
    expect(reach(await identify('token:t1', [manage]))).toEqual(['token:t1', true, true, true, false, false]);
    expect(reach(await identify('token:t1', [catalogScope]))).toEqual([
      'token:t1',
      false,
      false,
      false,
      false,
      true,
    ]);
  });

  it('of nobody in particular gives nothing beyond what anybody has', async () => {
    expect(await identify('', [push, manage])).toBe('anonymous');
  });

  it('is no access token', async () => {
    const { token: jwt } = await own.issue({ subject: 'token:t1', access: [push] });
    expect(await authenticatorOf(['**']).authenticate(jwt)).toBeUndefined();
  });
});

describe('a token server’s token', () => {
  const identify = async (changed: Record<string, unknown>) => {
    const parts = { authenticator: authenticatorOf(['**']), tokens: await trustTokenServer(settings, now) };
    const jwt = await signToken('leaf', { alg: 'ES256', x5c: x5c('leaf', 'intermediate') }, claims(changed));
    return await identifyRegistryCaller(parts, { kind: 'jwt', jwt });
  };

  it('reaches what it lists, and no more', async () => {
    expect(reach(await identify({}))).toEqual(['registry:alice', true, true, false, false, false]);
    expect(reach(await identify({ access: [pull] }))).toEqual([
      'registry:alice',
      true,
      false,
      false,
      false,
      false,
    ]);
    expect(reach(await identify({ access: [] }))).toEqual([
      'registry:alice',
      false,
      false,
      false,
      false,
      false,
    ]);
  });

  it('has a subject that can stand in a log', async () => {
    const actorOf = async (sub: string) => {
      const caller = await identify({ sub });
      return typeof caller === 'object' ? caller.actor : caller;
    };
    expect(await actorOf('line\nfeed')).toBe('registry:line%0Afeed');
    expect(await actorOf('')).toBe('registry:');
    expect(await actorOf('\u202eevil')).toBe('registry:%E2%80%AEevil');
    expect((await actorOf('ü'.repeat(500)))?.length).toBeLessThan(300);
  });
});
