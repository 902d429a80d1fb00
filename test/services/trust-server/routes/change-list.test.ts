/** Which changes a caller asks for, as the routes hand it on. */
import { toIdentity } from '@vidimus/access';
import { createTrustServer, type TrustService } from '@vidimus/trust-server';
import { describe, expect, it } from 'vitest';
import { codeOf, repository, serverParts } from '../trust-server-for-test.ts';

type Filter = Parameters<TrustService['listAllChanges']>[0];

function open(role: 'signer' | 'approver' | 'reader', globs: readonly string[] = ['**']) {
  const parts = serverParts();
  const asked: Filter[] = [];
  const service: TrustService = {
    ...parts.service,
    listAllChanges: async (filter) => {
      asked.push(filter);
      return { items: [], next: '01JDQ8M4' };
    },
    listChanges: async (_repository, filter) => {
      asked.push({ ...filter, mayRead: () => false });
      return { items: [] };
    },
  };
  const authenticate = async () => toIdentity('token:bob', role, globs);
  const app = createTrustServer({ ...parts, service, authenticator: { authenticate } });
  const ask = (path: string) => app.request(path, { headers: { Authorization: 'Bearer vdm_t' } });
  return { ask, asked };
}

describe('the list of changes', () => {
  it.each([
    ['signer', true, false],
    ['approver', true, true],
    ['reader', false, false],
  ] as const)('names what a %s may do about them', async (role, maySign, mayApprove) => {
    const { ask, asked } = open(role, ['registry.example.com/shop/**']);
    for (const path of ['/v2/_trust/changes?mine=true', `/v2/${repository}/_trust/changes?mine=true`]) {
      expect((await ask(path)).status).toBe(200);
      const filter = asked.pop();
      expect([filter?.state, filter?.waitingFor?.actor]).toEqual(['open', 'token:bob']);
      const mine = 'registry.example.com/shop/web';
      expect(filter?.waitingFor?.maySign(mine)).toBe(maySign);
      expect(filter?.waitingFor?.mayApprove(mine)).toBe(mayApprove);
      expect(filter?.waitingFor?.maySign('registry.example.com/other')).toBe(false);
    }
  });

  it('is of the repositories that the caller may read, in pages', async () => {
    const { ask, asked } = open('reader', ['registry.example.com/shop/**']);
    const answer = await ask('/v2/_trust/changes?state=published&limit=1');
    expect(await answer.json()).toEqual({ items: [], next: Buffer.from('01JDQ8M4').toString('base64url') });
    const [filter] = asked;
    expect([filter?.state, filter?.waitingFor]).toEqual(['published', undefined]);
    expect(filter?.mayRead('registry.example.com/shop/web')).toBe(true);
    expect(filter?.mayRead('registry.example.com/other')).toBe(false);
  });

  it('has nothing that waits among what is over', async () => {
    const { ask } = open('signer');
    expect(await codeOf(await ask('/v2/_trust/changes?mine=true&state=published'))).toBe('400 BODY_INVALID');
    expect((await ask('/v2/_trust/changes?mine=false&state=published')).status).toBe(200);
    expect(await codeOf(await ask('/v2/_trust/changes?mine=yes'))).toBe('400 BODY_INVALID');
  });
});
