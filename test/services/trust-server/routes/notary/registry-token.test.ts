/** The token server for registry clients that have none: exactly what the credential may have, for five minutes. */
import { createOwnRegistryTokens, repositoryScope } from '@vidimus/access';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { serverParts } from '../../trust-server-for-test.ts';
import {
  basic,
  expiredToken,
  narrowToken,
  ownSecret,
  repository,
  startMs,
  token,
  tuf,
  upload,
  type WireOptions,
  wireForTest,
} from './wire-for-test.ts';

const path = '/v2/_trust/registry-token';
const tokenSchema = z.strictObject({
  token: z.string(),
  access_token: z.string(),
  expires_in: z.literal(300),
  issued_at: z.literal('2026-11-21T09:00:00.000Z'),
});
const own = createOwnRegistryTokens(ownSecret, () => startMs);

async function ask(query: string, authorization?: string, options: WireOptions = {}) {
  const headers = authorization === undefined ? {} : { Authorization: authorization };
  const answer = await wireForTest(options).app.request(`${path}?${query}`, { headers });
  if (answer.status !== 200) return answer.status;
  expect(answer.headers.get('cache-control')).toBe('no-store');
  const body = tokenSchema.parse(await answer.json());
  expect(body.access_token).toBe(body.token);
  return await own.verify(body.token);
}

const scope = (actions: string, name = repository): string =>
  `service=vidimus&scope=${encodeURIComponent(`repository:${name}:${actions}`)}`;
const all = 'push,pull,*';

describe('the token server', () => {
  it('gives an access token’s holder what their globs reach, and what anybody may read', async () => {
    expect(await ask(scope(all), basic(token))).toEqual({
      subject: 'token:t1',
      access: [repositoryScope(repository, ['push', 'pull', '*'])],
    });
    expect(await ask(scope(all), basic(narrowToken))).toEqual({
      subject: 'token:t2',
      access: [repositoryScope(repository, ['pull'])],
    });
    expect(await ask(scope(all), basic(narrowToken), { server: { publicReads: false } })).toEqual({
      subject: 'token:t2',
      access: [],
    });
    expect(await ask(scope(all, 'r.example/other'), basic(narrowToken))).toMatchObject({
      access: [repositoryScope('r.example/other', ['push', 'pull', '*'])],
    });
  });

  it('gives anybody what anybody may', async () => {
    expect(await ask(scope(all))).toEqual({ subject: '', access: [repositoryScope(repository, ['pull'])] });
    expect(await ask(scope(all), undefined, { server: { publicReads: false } })).toEqual({
      subject: '',
      access: [],
    });
    expect(await ask(scope(all), undefined, { wire: { access: 'open' } })).toEqual({
      subject: '',
      access: [repositoryScope(repository, ['push', 'pull'])],
    });
  });

  it('does not turn what open access lets anybody do into a right of the holder', async () => {
    expect(await ask(scope(all), basic(narrowToken), { wire: { access: 'open' } })).toMatchObject({
      access: [repositoryScope(repository, ['pull'])],
    });
  });

  it('gives the names of all repositories to who reaches all', async () => {
    const query = 'scope=registry:catalog:*';
    expect(await ask(query, basic(token))).toMatchObject({ access: [{ name: 'catalog' }] });
    expect(await ask(query, basic(narrowToken))).toMatchObject({ access: [] });
    expect(await ask(query)).toMatchObject({ access: [] });
    expect(await ask(query, undefined, { wire: { access: 'open' } })).toMatchObject({ access: [] });
  });

  it('takes several scopes, none, and none of a kind it does not know', async () => {
    expect(await ask(`${scope('pull')}&scope=repository:r.example/b:pull`)).toMatchObject({
      access: [repositoryScope(repository, ['pull']), repositoryScope('r.example/b', ['pull'])],
    });
    expect(await ask('')).toEqual({ subject: '', access: [] });
    expect(await ask('scope=repository:UPPER:pull&scope=x')).toEqual({ subject: '', access: [] });
  });

  it.each([
    ['an expired token', basic(expiredToken)],
    ['an unknown token', basic('vdm_unknown')],
    ['an empty password', basic('')],
    ['nonsense', 'Nonsense'],
  ])('refuses %s', async (_name, header) => {
    const answer = await wireForTest().app.request(`${path}?${scope(all)}`, {
      headers: { Authorization: header },
    });
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Basic realm="vidimus"']);
  });

  it('makes no token from a token', async () => {
    const { token: jwt } = await own.issue({
      subject: 'token:t1',
      access: [repositoryScope(repository, ['*'])],
    });
    expect(await ask(scope(all), `Bearer ${jwt}`)).toBe(401);
    expect(await ask(scope(all), basic(jwt))).toBe(401);
  });

  it.each([
    ['another service', `service=registry&scope=repository:${repository}:pull`],
    ['scopes without end', `scope=${'repository:r.example/a:pull%20'.repeat(101)}`],
  ])('refuses %s', async (_name, query) => {
    // Beyond the limit of a target anyway; the limit of scopes holds by itself.
    expect(await ask(query)).toBe(400);
  });

  it('slows down who guesses', async () => {
    const { app } = wireForTest();
    const headers = { Authorization: basic('wrong') };
    for (let n = 0; n < 20; n += 1) await app.request(path, { headers });
    expect((await app.request(path, { headers })).status).toBe(429);
  });

  it('gives a token with which an upload passes, and its holder is in the audit', async () => {
    const { app, done } = wireForTest();
    const answer = await app.request(`${path}?${scope('push,pull')}`, {
      headers: { Authorization: basic(token) },
    });
    const { token: jwt } = tokenSchema.parse(await answer.json());
    const sent = await app.request(`${tuf}/`, upload([], { Authorization: `Bearer ${jwt}` }));
    expect([sent.status, done[0]?.call?.actor, done[0]?.call?.mayCreate]).toEqual([200, 'token:t1', true]);
  });

  it('ends with its five minutes', async () => {
    const { app, clock } = wireForTest();
    const answer = await app.request(`${path}?${scope('push,pull')}`, {
      headers: { Authorization: basic(token) },
    });
    const { token: jwt } = tokenSchema.parse(await answer.json());
    clock.nowMs += 361_000;
    expect((await app.request(`${tuf}/`, upload([], { Authorization: `Bearer ${jwt}` }))).status).toBe(401);
  });
});

describe('health and counts', () => {
  it('says {} while the service is ready, and what fails when it is not', async () => {
    const ready = await wireForTest().app.request('/_notary_server/health');
    expect([ready.status, await ready.text(), ready.headers.get('content-type')]).toEqual([
      200,
      '{}',
      'application/json; charset=utf-8',
    ]);
    const { service } = serverParts();
    const failing = {
      ...service,
      readiness: async () => ({ ready: false, checks: { database: 'away', keys: 'ok' } }),
    };
    const answer = await wireForTest({ server: { service: failing } }).app.request('/_notary_server/health');
    expect([answer.status, await answer.text()]).toEqual([503, '{"database operational":"away"}']);
  });

  it('counts by operation and status', async () => {
    const { app } = wireForTest();
    const headers = { Authorization: `Bearer ${token}` };
    await app.request(`${tuf}/root.json`);
    await app.request(`${tuf}/2.root.json`);
    await app.request(`${tuf}/timestamp.key`, { headers });
    await app.request(`${tuf}/`, upload([]));
    await app.request(`${tuf}/`, upload([], {}));
    const text = await (await app.request('/metrics', { headers })).text();
    const lines = text.split('\n').filter((line) => line.startsWith('vidimus_notary_requests_total{'));
    expect(lines.sort()).toEqual([
      'vidimus_notary_requests_total{operation="GetKey",status="200"} 1',
      'vidimus_notary_requests_total{operation="GetRole",status="200"} 1',
      'vidimus_notary_requests_total{operation="GetRoleByVersion",status="404"} 1',
      'vidimus_notary_requests_total{operation="UpdateTUF",status="200"} 1',
      'vidimus_notary_requests_total{operation="UpdateTUF",status="401"} 1',
    ]);
  });
});
