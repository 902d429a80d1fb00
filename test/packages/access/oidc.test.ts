/** Tokens of OpenID Connect issuers: what is taken is named, all else is not, and nobody makes us ask often. */
import { createHmac, createPublicKey, createSign } from 'node:crypto';
import {
  createFetchDocument,
  createOidcCallers,
  type FetchDocument,
  type OidcIssuer,
  oidcSettingsSchema,
} from '@vidimus/access';
import { exportJWK, SignJWT, UnsecuredJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { startMs } from './token-for-test.ts';
import { type CertifiedName, privateKey, startSeconds } from './token-server-for-test.ts';

const issuer = 'https://ci.example.com';
const jwksUri = `${issuer}/keys`;
const main = 'repo:acme/shop:ref:refs/heads/main';
const settings = {
  issuer,
  audience: 'vidimus',
  algorithms: ['ES256', 'RS256'],
  subjects: [
    { claims: { sub: main, environment: 'prod' }, role: 'signer', repositories: ['r.example/shop/*'] },
    { claims: { sub: 'auditors' }, role: 'auditor', repositories: ['**'] },
  ],
};
const parsed = (changed: object = {}): readonly OidcIssuer[] =>
  oidcSettingsSchema.parse([{ ...settings, ...changed }]);

const publicJwk = async (name: CertifiedName) => await exportJWK(createPublicKey(privateKey(name)));
const keySet = async (changed: object = {}) => ({
  keys: [
    { ...(await publicJwk('leaf')), kid: 'one', use: 'sig', alg: 'ES256', ...changed },
    { ...(await publicJwk('rsa')), kid: 'two' },
  ],
});
const encode = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));

/** An issuer's server: what it answers by address, and what it was asked. */
const serverOf = (pages: Record<string, unknown>) => {
  const asked: string[] = [];
  const fetchDocument: FetchDocument = async (url) => {
    asked.push(url);
    return pages[url] === undefined ? undefined : encode(pages[url]);
  };
  return { pages, asked, fetchDocument };
};
const open = async (changed: object = {}, pages?: Record<string, unknown>) => {
  const clock = { nowMs: startMs };
  const server = serverOf(pages ?? { [jwksUri]: await keySet() });
  const { fetchDocument } = server;
  const issuers = parsed({ jwksUri, ...changed });
  const callers = createOidcCallers({ issuers, fetchDocument, now: () => clock.nowMs });
  return { ...server, clock, callers };
};
const claims = (changed: Record<string, unknown> = {}) =>
  Object.fromEntries(
    Object.entries({
      iss: issuer,
      aud: 'vidimus',
      sub: main,
      environment: 'prod',
      iat: startSeconds - 10,
      exp: startSeconds + 300,
      ...changed,
    }).filter(([, value]) => value !== undefined),
  );
const sign = (payload: object = claims(), header: object = {}, by: CertifiedName = 'leaf'): Promise<string> =>
  new SignJWT({ ...payload })
    .setProtectedHeader({ alg: 'ES256', kid: 'one', ...header })
    .sign(privateKey(by));

describe('a token of a configured issuer', () => {
  it('is who the claims say, with the role and the globs of the configuration', async () => {
    const { callers } = await open();
    const identity = await callers.identify(await sign());
    expect(identity).toMatchObject({ actor: `oidc:ci.example.com/${main}`, role: 'signer' });
    expect(['r.example/shop/web', 'r.example/other'].map((name) => identity?.mayAccess(name))).toEqual([
      true,
      false,
    ]);
    const other = await callers.identify(await sign(claims({ sub: 'auditors', environment: undefined })));
    expect(other).toMatchObject({ actor: 'oidc:ci.example.com/auditors', role: 'auditor' });
  });

  it('may be signed with any listed algorithm and shown key', async () => {
    const { callers } = await open();
    expect(await callers.identify(await sign(claims(), { alg: 'RS256', kid: 'two' }, 'rsa'))).toBeDefined();
  });

  it.each<[string, Record<string, unknown>]>([
    ['of another issuer', { iss: 'https://ci.example.org' }],
    ['of an issuer that is almost the same', { iss: `${issuer}/` }],
    ['for another audience', { aud: 'sigstore' }],
    ['for no audience', { aud: undefined }],
    ['of another branch', { sub: 'repo:acme/shop:ref:refs/heads/feature' }],
    ['whose subject only begins alike', { sub: `${main}-2` }],
    ['whose subject differs in case', { sub: main.toUpperCase() }],
    ['without a subject', { sub: undefined }],
    ['without a claim that is asked for', { environment: undefined }],
    ['with a list that holds the claim', { environment: ['prod'] }],
    ['with another value of the claim', { environment: 'Prod' }],
    ['that has expired', { iat: startSeconds - 400, exp: startSeconds - 61 }],
    ['that is not valid yet', { nbf: startSeconds + 61 }],
    ['issued in the future', { iat: startSeconds + 61 }],
    ['without an expiry', { exp: undefined }],
    ['without a time of issue', { iat: undefined }],
    ['that lives longer than allowed', { exp: startSeconds + 3_600 }],
    ['whose expiry is no number', { exp: 'never' }],
  ])('%s is refused', async (_what, changed) => {
    const { callers } = await open();
    expect(await callers.identify(await sign(claims(changed)))).toBeUndefined();
  });

  it.each([
    ['just expired', { exp: startSeconds - 59 }],
    ['issued a little ahead', { iat: startSeconds + 59 }],
    ['for several audiences', { aud: ['other', 'vidimus'] }],
  ])('that is %s is taken: clocks differ', async (_what, changed) => {
    const { callers } = await open();
    expect(await callers.identify(await sign(claims(changed)))).toBeDefined();
  });
});

describe('a forged token', () => {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

  it.each(['none', 'None', 'NONE', ''])('with alg %j is refused', async (alg) => {
    const { callers } = await open();
    expect(await callers.identify(`${part({ alg, kid: 'one' })}.${part(claims())}.`)).toBeUndefined();
    expect(await callers.identify(new UnsecuredJWT(claims()).encode())).toBeUndefined();
  });

  it('with the public key as the secret of an HMAC is refused', async () => {
    const { callers } = await open();
    const secrets = [
      createPublicKey(privateKey('leaf')).export({ format: 'pem', type: 'spki' }),
      createPublicKey(privateKey('leaf')).export({ format: 'der', type: 'spki' }),
    ];
    for (const secret of secrets) {
      const text = `${part({ alg: 'HS256', kid: 'one' })}.${part(claims())}`;
      const mac = createHmac('sha256', secret).update(text).digest('base64url');
      expect(await callers.identify(`${text}.${mac}`)).toBeUndefined();
    }
  });

  it.each<[string, object, CertifiedName]>([
    ['by another key under a known id', {}, 'other-leaf'],
    ['without a key id', { kid: undefined }, 'leaf'],
    ['that brings its key along', { kid: 'mine', jwk: { kty: 'EC' } }, 'other-leaf'],
    ['that says where its keys are', { kid: 'mine', jku: 'https://evil.example/keys' }, 'other-leaf'],
    ['with an extension that must be understood', { crit: ['x'], x: 1 }, 'leaf'],
    ['by a shown key with an algorithm that is not listed', { alg: 'PS256', kid: 'two' }, 'rsa'],
    ['by a key of the other algorithm', { kid: 'two' }, 'leaf'],
  ])('%s is refused', async (_what, header, by) => {
    const { callers, asked } = await open();
    const given = { alg: 'ES256', kid: 'one', ...header };
    const defined = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    const text = `${part(defined)}.${part(claims())}`;
    const signed = await sign(claims(), { alg: given.alg }, by).catch(() => 'x.y.c2ln');
    expect(await callers.identify(`${text}.${signed.split('.')[2]}`)).toBeUndefined();
    expect(asked.filter((url) => url !== jwksUri)).toEqual([]);
  });

  it.each([
    ['nothing', ''],
    ['two parts', 'eyJh.e30'],
    ['no JSON', 'eyJh.eyJh.c2ln'],
    ['100 kB', `eyJh.${'a'.repeat(100_000)}.c2ln`],
    [
      'deep nesting',
      `${part({ alg: 'ES256' })}.${Buffer.from('['.repeat(4_000)).toString('base64url')}.c2ln`,
    ],
  ])('of %s is refused without asking anybody', async (_what, jwt) => {
    const { callers, asked } = await open();
    expect(await callers.identify(jwt)).toBeUndefined();
    expect(asked).toEqual([]);
  });

  it('of 9 kB is refused, although it is signed', async () => {
    const { callers } = await open();
    expect(await callers.identify(await sign(claims({ extra: 'x'.repeat(7_000) })))).toBeUndefined();
  });
});

describe('the keys of an issuer', () => {
  it('are asked for once while they are fresh, and again when a token names another', async () => {
    const { callers, asked, clock, pages } = await open();
    await callers.identify(await sign());
    await callers.identify(await sign());
    expect(asked).toEqual([jwksUri]);
    pages[jwksUri] = await keySet({ kid: 'three' });
    clock.nowMs += 30_000;
    expect(await callers.identify(await sign(claims(), { kid: 'three' }))).toBeDefined();
    expect(asked).toHaveLength(2);
    expect(await callers.identify(await sign())).toBeUndefined();
  });

  it('are not asked for more than twice a minute, whatever strangers send', async () => {
    const { callers, asked, clock } = await open();
    for (let n = 0; n < 60; n += 1) {
      await callers.identify(await sign(claims(), { kid: `made-up-${n}` }));
      clock.nowMs += 1_000;
    }
    expect(asked.length).toBeLessThanOrEqual(2);
  });

  it('are asked for once by many at a time', async () => {
    const { callers, asked } = await open();
    const jwt = await sign();
    const found = await Promise.all(Array.from({ length: 10 }, () => callers.identify(jwt)));
    expect([found.every((identity) => identity !== undefined), asked.length]).toEqual([true, 1]);
  });

  it('count for an hour when the issuer is away, and no longer', async () => {
    const { callers, clock, pages } = await open();
    await callers.identify(await sign());
    pages[jwksUri] = undefined;
    const at = async (seconds: number) => {
      clock.nowMs = startMs + seconds * 1_000;
      const times = { iat: startSeconds + seconds, exp: startSeconds + seconds + 60 };
      return (await callers.identify(await sign(claims(times)))) !== undefined;
    };
    expect([await at(3_599), await at(3_600)]).toEqual([true, false]);
  });

  it('are forgotten in ten minutes when the issuer takes them back', async () => {
    const { callers, clock, pages } = await open();
    const jwt = await sign(claims({ exp: startSeconds + 3_000 }));
    await callers.identify(jwt);
    pages[jwksUri] = { keys: [] };
    clock.nowMs += 600_000;
    await callers.identify(jwt);
    await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    expect(await callers.identify(jwt)).toBeUndefined();
  });

  it.each<[string, () => Promise<unknown>]>([
    ['a web page', async () => '<html>sign in</html>'],
    ['an array', async () => []],
    ['nothing', async () => ''],
    ['101 keys', async () => ({ keys: Array.from({ length: 101 }, () => ({})) })],
    ['a secret', async () => ({ keys: [{ kty: 'oct', k: 'c2VjcmV0', kid: 'one', alg: 'HS256' }] })],
    ['a private key', async () => ({ keys: [{ ...(await exportJWK(privateKey('leaf'))), kid: 'one' }] })],
    ['a key for encryption', async () => await keySet({ use: 'enc' })],
    ['the key for another algorithm', async () => await keySet({ alg: 'ES384' })],
    ['the key without an id', async () => await keySet({ kid: undefined })],
    ['a point off the curve', async () => await keySet({ x: (await publicJwk('other-leaf')).x })],
    [
      'one id for two keys',
      async () => ({ keys: [...(await keySet()).keys, { ...(await publicJwk('other-leaf')), kid: 'one' }] }),
    ],
  ])('that are %s verify nothing', async (_what, page) => {
    const { callers } = await open({}, { [jwksUri]: await page() });
    expect(await callers.identify(await sign())).toBeUndefined();
  });

  it('that are weak verify nothing', async () => {
    const keys = [{ ...(await publicJwk('weak')), kid: 'one' }];
    const { callers } = await open({}, { [jwksUri]: { keys } });
    const [header, payload] = (await sign(claims(), { alg: 'RS256' }, 'rsa')).split('.');
    const signature = createSign('RSA-SHA256').update(`${header}.${payload}`).sign(privateKey('weak'));
    expect(await callers.identify(`${header}.${payload}.${signature.toString('base64url')}`)).toBeUndefined();
  });

  const description = `${issuer}/.well-known/openid-configuration`;
  it.each<[string, unknown, boolean]>([
    ['of its own origin', { issuer, jwks_uri: jwksUri }, true],
    ['of another origin', { issuer, jwks_uri: 'https://keys.example.org/keys' }, false],
    ['over http', { issuer, jwks_uri: 'http://ci.example.com/keys' }, false],
    ['of another issuer', { issuer: 'https://other.example', jwks_uri: jwksUri }, false],
    ['in a web page', '<html></html>', false],
  ])('are looked for where its description says: %s', async (_what, page, isTaken) => {
    const set = await keySet();
    const pages = {
      [description]: page,
      [jwksUri]: set,
      'https://keys.example.org/keys': set,
      'http://ci.example.com/keys': set,
    };
    const { callers } = await open({ jwksUri: undefined }, pages);
    expect((await callers.identify(await sign())) !== undefined).toBe(isTaken);
  });
});

describe('createFetchDocument', () => {
  const json = { 'content-type': 'application/json' };
  const answer = (body: string | ReadableStream | null, init: ResponseInit) =>
    createFetchDocument(async () => new Response(body, init))('https://ci.example.com/keys');

  it('gets JSON over https, follows nothing and waits five seconds', async () => {
    const seen: RequestInit[] = [];
    const get = createFetchDocument(async (_url, init) => {
      seen.push(init ?? {});
      return new Response('{}', { headers: json });
    });
    expect(await get('https://ci.example.com/keys')).toEqual(encode('{}'));
    expect(seen[0]).toMatchObject({ redirect: 'error' });
    expect(seen[0]?.signal).toBeInstanceOf(AbortSignal);
    expect(await get('http://ci.example.com/keys')).toBeUndefined();
    expect(seen).toHaveLength(1);
  });

  it.each<[string, string | ReadableStream | null, ResponseInit]>([
    ['a web page', '<html></html>', { headers: { 'content-type': 'text/html' } }],
    ['JSON that calls itself text', '{}', { headers: { 'content-type': 'text/plain' } }],
    ['not found', '{}', { status: 404, headers: json }],
    ['a partial answer', '{}', { status: 206, headers: json }],
    ['300 kB', 'x'.repeat(300_000), { headers: json }],
  ])('takes no answer that is %s', async (_what, body, init) => {
    expect(await answer(body, init)).toBeUndefined();
  });

  it('stops reading an answer that never ends', async () => {
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 65_536;
        controller.enqueue(new Uint8Array(65_536));
      },
    });
    expect(await answer(endless, { headers: json })).toBeUndefined();
    expect(sent).toBeLessThan(1_000_000);
  });

  it('says nothing of what failed', async () => {
    const get = createFetchDocument(async () => {
      throw new TypeError('unexpected redirect');
    });
    expect(await get('https://ci.example.com/keys')).toBeUndefined();
  });
});

describe('the configuration', () => {
  it.each<[string, object]>([
    ['an issuer over http', { issuer: 'http://ci.example.com' }],
    ['keys over http', { jwksUri: 'http://ci.example.com/keys' }],
    ['an issuer with a user', { issuer: 'https://a:b@ci.example.com' }],
    ['no audience', { audience: '' }],
    ['no algorithm', { algorithms: [] }],
    ['the algorithm none', { algorithms: ['none'] }],
    ['an HMAC', { algorithms: ['HS256'] }],
    ['no subject', { subjects: [] }],
    ['a subject without claims', { subjects: [{ claims: {}, role: 'signer', repositories: ['**'] }] }],
    [
      'claims that name nobody',
      { subjects: [{ claims: { aud: 'x' }, role: 'signer', repositories: ['**'] }] },
    ],
    [
      'a role there is not',
      { subjects: [{ claims: { sub: 'x' }, role: 'bootstrap', repositories: ['**'] }] },
    ],
    [
      'a subject without repositories',
      { subjects: [{ claims: { sub: 'x' }, role: 'signer', repositories: [] }] },
    ],
    ['a bad glob', { subjects: [{ claims: { sub: 'x' }, role: 'signer', repositories: ['A**'] }] }],
    ['tokens that live for a week', { maxLifetimeSeconds: 604_800 }],
    ['a member it does not know', { trustEverybody: true }],
  ])('with %s is refused', (_what, changed) => {
    expect(oidcSettingsSchema.safeParse([{ ...settings, ...changed }]).success).toBe(false);
  });

  it('refuses an issuer below another one, whose names could be the same', () => {
    const below = { ...settings, issuer: `${issuer}/tenant` };
    expect(oidcSettingsSchema.safeParse([settings, below]).success).toBe(false);
    expect(oidcSettingsSchema.safeParse([settings, { ...settings, audience: 'other' }]).success).toBe(true);
  });
});
