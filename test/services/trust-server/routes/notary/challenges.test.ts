/** Refusals and challenges against the recorded ones of the peer. */
import { readFileSync } from 'node:fs';
import { trustTokenServer } from '@vidimus/access';
import { describe, expect, it } from 'vitest';
import { settings } from '../../../../packages/access/token-server-for-test.ts';
import { startMs, upload, type WireOptions, wireForTest } from './wire-for-test.ts';

interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** The peer takes names without a host; ours have one. */
const named = (text: string): string =>
  text.replaceAll('a/b', 'r.example/b').replaceAll('docker.io/b', 'docker.io/x/b');

function recorded(file: string): readonly Recorded[] {
  const url = new URL(`../../../../vectors/notary/captures/misc/${file}`, import.meta.url);
  return readFileSync(url, 'utf8')
    .split(/^### /m)
    .slice(1)
    .map((text) => {
      const [head = '', body = ''] = text.split(/\r?\n\r?\n/);
      const [request = '', status = '', ...headers] = head.split(/\r?\n/);
      const [method = '', path = ''] = request.split(' ');
      return {
        method,
        path: named(path),
        status: Number(status.split(' ')[1]),
        headers: new Map(
          headers.map((line) => [line.split(':')[0] ?? '', named(line.replace(/^[^:]+: /, ''))]),
        ),
        body: named(body).trimEnd(),
      };
    });
}

const ask = async (options: WireOptions, { method, path }: Recorded) => {
  const init = method === 'POST' && path.endsWith('/') ? upload([], {}) : { method };
  const answer = await wireForTest(options).app.request(path, init);
  return {
    status: answer.status,
    type: answer.headers.get('content-type'),
    challenge: answer.headers.get('www-authenticate') ?? undefined,
    body: (await answer.text()).trimEnd(),
  };
};

describe('the recorded challenges', () => {
  const exchanges = recorded('token-auth-challenges.txt').filter(({ path }) => path !== '/nope');

  it.each(exchanges.map((one) => [`${one.method} ${one.path}`, one] as const))('%s', async (_name, one) => {
    const tokens = await trustTokenServer(settings, () => startMs);
    expect(await ask({ tokens, server: { publicReads: false } }, one)).toEqual({
      status: one.status,
      type: one.headers.get('Content-Type'),
      challenge: one.headers.get('Www-Authenticate'),
      body: one.body,
    });
  });

  it('are more than a few', () => {
    expect(exchanges.length).toBeGreaterThan(8);
  });
});

describe('our own challenge', () => {
  it('keeps a quote in the name of the host inside the realm', async () => {
    const answer = await wireForTest().app.request('https://a",scope="x/v2/');
    expect(answer.headers.get('www-authenticate')).toBe(
      'Bearer realm="https://a%22,scope=%22x/v2/_trust/registry-token",service="vidimus",scope="registry:catalog:*"',
    );
  });
});

describe('the recorded refusals of names', () => {
  const refused = recorded('gun-prefixes.txt').filter(({ status }) => status !== 200);

  it.each(refused.map((one) => [`${one.method} ${one.path}`, one] as const))('%s', async (_name, one) => {
    expect(await ask({ wire: { gunPrefixes: ['docker.io/'] } }, one)).toMatchObject({
      status: one.status,
      type: one.headers.get('Content-Type'),
      body: one.body,
    });
  });

  it('spare names that begin as they should', async () => {
    const { app } = wireForTest({ wire: { gunPrefixes: ['docker.io/', 'registry.example.com/shop/'] } });
    expect((await app.request('/v2/registry.example.com/shop/web/_trust/tuf/root.json')).status).toBe(200);
    expect((await app.request('/v2/registry.example.com/shopping/_trust/tuf/root.json')).status).toBe(404);
    expect((await app.request('/v2/r.example/b/_trust/changefeed?records=1')).status).toBe(404);
    const end = await app.request('/v2/r.example/b/_trust/tuf/', { method: 'DELETE' });
    expect(end.status).toBe(404);
  });
});

describe('our own challenge', () => {
  it('leads to where the client is already, or to the public name', async () => {
    const challenge = async (options: WireOptions) =>
      (await wireForTest(options).app.request('http://trust.example:4443/v2/')).headers.get(
        'www-authenticate',
      );
    const at = (origin: string) =>
      `Bearer realm="${origin}/v2/_trust/registry-token",service="vidimus",scope="registry:catalog:*"`;
    expect(await challenge({})).toBe(at('http://trust.example:4443'));
    expect(await challenge({ wire: { publicUrl: 'https://trust.example' } })).toBe(
      at('https://trust.example'),
    );
  });

  it('says what was wrong with a credential, in the words of RFC 6750', async () => {
    const { app } = wireForTest();
    const of = async (authorization: string, path: string) =>
      (await app.request(path, { headers: { Authorization: authorization } })).headers.get(
        'www-authenticate',
      );
    expect(await of('Bearer vdm_wrong', '/v2/')).toContain(',error="invalid_token"');
    expect(await of(`Bearer vdm_${'n'.repeat(43)}`, '/v2/r.example/b/_trust/tuf/timestamp.key')).toMatch(
      /scope="repository:r\.example\/b:push,pull",error="insufficient_scope"$/,
    );
  });
});
