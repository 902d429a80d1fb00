/** Client certificates over real TLS: the listener of `vidimus serve`, and whom the service takes the caller for. */
import { readFileSync } from 'node:fs';
import { type RequestOptions, request } from 'node:https';
import { createCertificateCallers } from '@vidimus/access';
import { createTrustServer } from '@vidimus/trust-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Listening, listen } from '../../packages/cli/src/serve/listen.ts';
import { readServeSettings } from '../../packages/cli/src/serve/serve-settings.ts';
import { serverParts } from '../services/trust-server/trust-server-for-test.ts';

const file = (name: string): string =>
  readFileSync(new URL(`../vectors/client-certificates/${name}`, import.meta.url), 'utf8');
const ca = file('ca.cert.pem');
const actors: (string | undefined)[] = [];
let listening: Listening;

beforeAll(async () => {
  const parts = serverParts();
  const app = createTrustServer({
    ...parts,
    service: {
      ...parts.service,
      deleteTag: async (call, _repository, tag) => {
        actors.push(call.actor);
        return { outcome: 'done', body: { tag, published: {} } };
      },
    },
    certificates: createCertificateCallers(
      [{ san: 'DNS:ci.example.com', role: 'signer', repositories: ['registry.example.com/shop/*'] }],
      () => Date.UTC(2026, 10, 21),
    ),
  });
  const tls = { cert: file('server.cert.pem'), key: file('server.key.pem'), minVersion: 'TLSv1.2' } as const;
  const settings = readServeSettings({ listen: '127.0.0.1:0' }, {});
  listening = await listen(
    settings,
    { ...tls, cert: Buffer.from(tls.cert), key: Buffer.from(tls.key) },
    app.fetch,
    ca,
  );
});
afterAll(() => listening.close());

const tag = (repository: string): string => `/v2/registry.example.com/${repository}/_trust/tags/1`;
const present = (name: string): RequestOptions => ({
  cert: file(`${name}.cert.pem`),
  key: file(`${name}.key.pem`),
});

function ask(path: string, options: RequestOptions = {}): Promise<number | undefined> {
  const url = new URL(path, listening.url);
  return new Promise((resolve, reject) => {
    const sent = request(url, { ca, method: 'DELETE', agent: false, ...options }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode));
    });
    sent.once('error', reject);
    sent.end();
  });
}

describe('a client certificate', () => {
  it('of the authority that is listed is a caller with a role and globs', async () => {
    expect(await ask(tag('shop/web'), present('ci'))).toBe(200);
    expect(actors).toEqual(['mtls:DNS:ci.example.com']);
    expect(await ask(tag('other/web'), present('ci'))).toBe(403);
    expect(await ask('/v2/registry.example.com/shop/web/_trust', present('ci'))).toBe(403);
  });

  it.each([
    ['of another authority with the same name', 'foreign'],
    ['that has expired', 'expired'],
    ['of a server', 'server-only'],
    ['that nobody listed', 'unlisted'],
    ['whose one name reads like two', 'forged'],
  ])('%s is nobody', async (_what, name) => {
    expect(await ask(tag('shop/web'), present(name))).toBe(401);
  });

  it('is not needed for what anybody may', async () => {
    expect(await ask('/healthz', { method: 'GET' })).toBe(200);
    expect(await ask('/healthz', { ...present('foreign'), method: 'GET' })).toBe(200);
    expect(await ask(tag('shop/web'))).toBe(401);
  });

  it('does not stand in for a bad token', async () => {
    const headers = { authorization: 'Bearer wrong' };
    expect(await ask(tag('shop/web'), { ...present('ci'), headers })).toBe(401);
  });

  it.each([
    'x-client-cert',
    'x-forwarded-client-cert',
    'x-ssl-client-cert',
    'client-cert',
    'x-ssl-client-s-dn',
  ])('never comes in a header: %s', async (name) => {
    const value = file('ci.cert.pem').replaceAll(/\n/g, '');
    expect(await ask(tag('shop/web'), { headers: { [name]: value } })).toBe(401);
    expect(
      await ask(tag('shop/web'), {
        headers: { [name]: 'DNS:ci.example.com', 'x-ssl-client-verify': 'SUCCESS' },
      }),
    ).toBe(401);
  });
});
