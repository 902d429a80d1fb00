import { createAuthenticator } from '@vidimus/access';
import { describe, expect, it } from 'vitest';
import { administrator, sha256, startMs, token } from './token-for-test.ts';

const noTokens = { findByHash: async () => undefined, insertFirst: async () => false };
const now = (): number => startMs;

describe('createAuthenticator', () => {
  it('looks a token up by its hash and never by itself', async () => {
    const asked: string[] = [];
    const findByHash = async (hash: string) => {
      asked.push(hash);
      return administrator({});
    };
    const identity = await createAuthenticator({ tokens: { ...noTokens, findByHash }, now }).authenticate(
      token,
    );
    expect(asked).toEqual([sha256(token)]);
    expect(identity?.actor).toBe('token:t1');
  });

  it('refuses a row whose hash is not the one asked for', async () => {
    const findByHash = async () => administrator({ hash: sha256('another') });
    const authenticator = createAuthenticator({ tokens: { ...noTokens, findByHash }, now });
    expect(await authenticator.authenticate(token)).toBeUndefined();
  });

  it('takes the administrator token for everything, without a look-up', async () => {
    const authenticator = createAuthenticator({ tokens: noTokens, adminToken: 'correct-horse', now });
    const identity = await authenticator.authenticate('correct-horse');
    expect([identity?.actor, identity?.mayAccess('_directory')]).toEqual(['admin-token', true]);
    expect(await authenticator.authenticate('correct-hors')).toBeUndefined();
    expect(await authenticator.authenticate('')).toBeUndefined();
  });

  it.each(['', 'with space', 'line\nfeed', 'ümlaut'])('refuses %j as administrator token', (adminToken) => {
    expect(() => createAuthenticator({ tokens: noTokens, adminToken, now })).toThrow(RangeError);
  });

  it('admits what the globs of the token admit', async () => {
    const findByHash = async () => administrator({ repositories: ['r.example/a/**', 'r.example/b'] });
    const identity = await createAuthenticator({ tokens: { ...noTokens, findByHash }, now }).authenticate(
      token,
    );
    const names = ['r.example/a/x/y', 'r.example/b', 'r.example/b/x', 'r.example/ab'];
    expect(names.map((name) => identity?.mayAccess(name))).toEqual([true, true, false, false]);
  });
});
