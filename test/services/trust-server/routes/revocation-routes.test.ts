/** Whose list a digest is revoked in: the repository's, or the organisation's, and who may. */
import { toIdentity } from '@vidimus/access';
import { describe, expect, it } from 'vitest';
import { base, codeOf, digest, serverForTest, write } from '../trust-server-for-test.ts';

const identities = new Map([
  ['everywhere', toIdentity('token:t1', 'revoker', ['**', '_directory'])],
  ['here', toIdentity('token:t2', 'revoker', ['registry.example.com/**'])],
]);

const setUp = () =>
  serverForTest({}, { authenticator: { authenticate: async (text) => identities.get(text) } });

const revoke = (server: ReturnType<typeof setUp>, who: string, body: object) =>
  server.app.request(
    `${base}/revocations/${digest}`,
    write('PUT', { reason: 'a hole', ...body }, { Authorization: `Bearer ${who}` }),
  );

describe('PUT of a revocation', () => {
  it('for the organisation is one of the directory', async () => {
    const server = setUp();
    expect((await revoke(server, 'everywhere', { scope: 'organisation' })).status).toBe(200);
    expect(server.calls.at(-1)).toMatchObject({
      name: 'revokeDigest',
      args: [{}, '_directory', digest, { reason: 'a hole' }],
    });
  });

  it('for the organisation is not for who may revoke in this repository alone', async () => {
    const server = setUp();
    expect(await codeOf(await revoke(server, 'here', { scope: 'organisation' }))).toBe('403 DENIED');
    expect((await revoke(server, 'here', { scope: 'repository' })).status).toBe(200);
    expect(server.calls.filter(({ name }) => name === 'revokeDigest')).toHaveLength(1);
  });
});
