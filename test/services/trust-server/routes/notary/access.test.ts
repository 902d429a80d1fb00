/** Who may do what on the Notary wire, by mode, route and credential. */
import { createOwnRegistryTokens, repositoryScope, trustTokenServer } from '@vidimus/access';
import { beforeAll, describe, expect, it } from 'vitest';
import { claims, settings, signToken, x5c } from '../../../../packages/access/token-server-for-test.ts';
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

const now = (): number => startMs;
const unknown = '/v2/r.example/unknown/_trust/tuf';
const requests: Readonly<Record<string, readonly [string, RequestInit]>> = {
  ping: ['/v2/', {}],
  read: [`${tuf}/root.json`, {}],
  feed: [`/v2/${repository}/_trust/changefeed?records=1`, {}],
  allFeeds: ['/v2/_trust/changefeed?records=1', {}],
  key: [`${tuf}/timestamp.key`, {}],
  newKey: [`${unknown}/timestamp.key`, {}],
  upload: [`${tuf}/`, upload([], {})],
  create: [`${unknown}/`, upload([], {})],
  rotate: [`${tuf}/timestamp.key`, { method: 'POST' }],
  end: [`${tuf}/`, { method: 'DELETE' }],
};

async function statuses(
  options: WireOptions,
  authorization: string | undefined,
): Promise<Record<string, number>> {
  const { app } = wireForTest(options);
  const found: Record<string, number> = {};
  for (const [name, [path, init]] of Object.entries(requests)) {
    const headers = new Headers(init.headers);
    if (authorization !== undefined) headers.set('Authorization', authorization);
    found[name] = (await app.request(path, { ...init, headers })).status;
  }
  return found;
}

const all = (status: number): Record<string, number> =>
  Object.fromEntries(Object.keys(requests).map((name) => [name, status]));
const own = createOwnRegistryTokens(ownSecret, now);
const issue = async (actor: string, ...access: Parameters<typeof own.issue>[0]['access']) =>
  `Bearer ${(await own.issue({ subject: actor, access })).token}`;

describe('access: token', () => {
  const anonymous = { ...all(401), read: 200, feed: 200 };

  it('lets anybody read, and nothing else', async () => {
    expect(await statuses({}, undefined)).toEqual(anonymous);
  });

  it.each([
    ['Bearer', `Bearer ${token}`],
    ['the password of Basic', basic(token)],
  ])('lets an access token do everything its globs reach, as %s', async (_how, header) => {
    expect(await statuses({}, header)).toEqual(all(200));
  });

  it('lets an access token of another repository do nothing here', async () => {
    expect(await statuses({}, `Bearer ${narrowToken}`)).toEqual({ ...anonymous, ping: 200 });
  });

  it.each([
    ['expired', `Bearer ${expiredToken}`],
    ['unknown', `Bearer vdm_${'z'.repeat(43)}`],
    ['no credential at all', 'Nonsense'],
    ['a forged JWT', 'Bearer eyJhbGciOiJub25lIn0.e30.'],
  ])('lets %s do what anybody may', async (_what, header) => {
    expect(await statuses({}, header)).toEqual(anonymous);
  });

  it('lets a registry token of ours do what its scopes say', async () => {
    const push = repositoryScope(repository, ['push', 'pull']);
    expect(await statuses({}, await issue('token:t1', push))).toEqual({
      ...anonymous,
      ping: 200,
      key: 200,
      upload: 200,
    });
    expect(await statuses({}, await issue('token:t1', repositoryScope(repository, ['push'])))).toEqual({
      ...anonymous,
      ping: 200,
    });
    expect(await statuses({}, await issue('token:t1', repositoryScope(repository, ['*'])))).toEqual({
      ...anonymous,
      ping: 200,
      key: 200,
      upload: 200,
      rotate: 200,
      end: 200,
    });
    expect(await statuses({}, await issue('', push))).toEqual({ ...anonymous, ping: 200 });
  });

  it('asks who would read where anonymous reads are off', async () => {
    expect(await statuses({ server: { publicReads: false } }, undefined)).toEqual(all(401));
  });
});

describe('access: open', () => {
  const open: WireOptions = { wire: { access: 'open' } };
  const anonymous = { ...all(401), read: 200, feed: 200, allFeeds: 200, key: 200, upload: 200 };

  it('lets anybody read and upload, but not create, end or rotate', async () => {
    expect(await statuses(open, undefined)).toEqual(anonymous);
  });

  it('lets a token for nobody in particular do the same', async () => {
    const push = repositoryScope('r.example/unknown', ['push', 'pull']);
    expect(await statuses(open, await issue('', push))).toEqual({ ...anonymous, ping: 200 });
  });

  it('lets a credential create, end and rotate where it reaches', async () => {
    expect(await statuses(open, `Bearer ${token}`)).toEqual(all(200));
    expect(await statuses(open, `Bearer ${narrowToken}`)).toEqual({ ...anonymous, ping: 200 });
  });

  it('refuses a bad credential rather than to overlook it', async () => {
    const bad = await statuses(open, `Bearer ${expiredToken}`);
    expect(bad).toEqual({ ...all(401), read: 200, feed: 200 });
  });
});

describe('a token server of the registry', () => {
  let options: WireOptions;
  beforeAll(async () => {
    options = { server: { publicReads: false }, tokens: await trustTokenServer(settings, now) };
  });
  const sign = async (changed: Record<string, unknown>): Promise<string> =>
    `Bearer ${await signToken('leaf', { alg: 'ES256', x5c: x5c('leaf', 'intermediate') }, claims(changed))}`;
  const access = (actions: readonly string[], name = repository) => ({
    access: [{ type: 'repository', name, actions }],
  });
  const nothing = { ...all(401), ping: 200 };

  it.each<[string, readonly string[], Record<string, number>]>([
    ['pull', ['pull'], { read: 200, feed: 200 }],
    ['push and pull', ['push', 'pull'], { read: 200, feed: 200, key: 200, upload: 200 }],
    ['push without pull', ['push'], {}],
    ['*', ['*'], { read: 200, feed: 200, key: 200, upload: 200, rotate: 200, end: 200 }],
    ['nothing', [], {}],
  ])('gives who has %s what that means', async (_name, actions, expected) => {
    expect(await statuses(options, await sign(access(actions)))).toEqual({ ...nothing, ...expected });
  });

  it('lets push create a repository of that name, and the catalogue scope see all', async () => {
    const found = await statuses(options, await sign(access(['push', 'pull'], 'r.example/unknown')));
    expect(found).toEqual({ ...nothing, newKey: 200, create: 200 });
    const catalog = { access: [{ type: 'registry', name: 'catalog', actions: ['*'] }] };
    expect(await statuses(options, await sign(catalog))).toEqual({ ...nothing, allFeeds: 200 });
  });

  it.each<[string, Record<string, unknown>]>([
    ['expired', { exp: startMs / 1_000 - 100 }],
    ['for another service', { aud: 'registry' }],
    ['of another issuer', { iss: 'other' }],
  ])('gives nothing to a token %s', async (_name, changed) => {
    expect(await statuses(options, await sign({ ...access(['*']), ...changed }))).toEqual(all(401));
  });

  it('gives nothing to tokens that we would sign, were there no other server', async () => {
    expect(await statuses(options, await issue('token:t1', repositoryScope(repository, ['*'])))).toEqual(
      all(401),
    );
  });

  it('does not reach the interface of administrators', async () => {
    const { app } = wireForTest(options);
    const headers = { Authorization: await sign(access(['*'])) };
    for (const path of ['', '/tags', '/audit', '/metadata/timestamp.json']) {
      expect((await app.request(`/v2/${repository}/_trust${path}`, { headers })).status).toBe(401);
    }
    const put = await app.request(`/v2/${repository}/_trust`, { method: 'PUT', headers });
    expect(put.status).toBe(401);
  });

  it('is named in the challenge, and makes our own superfluous', async () => {
    const { app } = wireForTest(options);
    expect((await app.request('/v2/')).headers.get('www-authenticate')).toBe(
      'Bearer realm="https://auth.example.test/token",service="notary-peer",scope="registry:catalog:*"',
    );
    expect((await app.request('/v2/_trust/registry-token')).status).toBe(404);
  });

  it('is in the audit as registry:<subject>', async () => {
    const { app, done } = wireForTest(options);
    const headers = { Authorization: await sign(access(['push', 'pull'])) };
    await app.request(`${tuf}/`, upload([{ filename: 'targets', text: '{}' }], headers));
    expect(done.map(({ call }) => [call?.actor, call?.mayCreate])).toEqual([['registry:alice', true]]);
  });
});

describe('Basic', () => {
  it('is for registry clients alone: a browser would send it by itself', async () => {
    const { app } = wireForTest();
    const headers = { Authorization: basic(token) };
    expect((await app.request(`/v2/${repository}/_trust/tags`, { headers })).status).toBe(401);
  });
});

describe('who guesses tokens', () => {
  it('has to wait, in words of the wire', async () => {
    const { app } = wireForTest();
    const guess = () => app.request(`${tuf}/`, upload([], { Authorization: basic('wrong') }));
    for (let n = 0; n < 20; n += 1) expect((await guess()).status).toBe(401);
    const answer = await guess();
    expect([answer.status, answer.headers.get('retry-after'), await answer.text()]).toEqual([
      429,
      expect.stringMatching(/^[1-9]/),
      '{"errors":[{"code":"TOOMANYREQUESTS","message":"too many requests"}]}\n',
    ]);
  });

  it('is not who brings registry tokens that have expired', async () => {
    const { app } = wireForTest();
    const headers = { Authorization: 'Bearer eyJhbGciOiJIUzI1NiJ9.e30.AAAA' };
    for (let n = 0; n < 40; n += 1) {
      expect((await app.request(`${tuf}/`, upload([], headers))).status).toBe(401);
    }
  });
});
