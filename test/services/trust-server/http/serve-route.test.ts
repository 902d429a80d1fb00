import { DatabaseError } from '@vidimus/database';
import { TrustError, type TrustService } from '@vidimus/trust-server';
import { DrizzleQueryError } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  administrator,
  base,
  bearer,
  change,
  codeOf,
  digest,
  repository,
  serverForTest,
  sha256,
  startMs,
  tagBody,
  token,
  write,
} from '../trust-server-for-test.ts';

const put = `${base}/tags/1.4.2`;
const pageSchema = z.object({ items: z.array(z.unknown()), next: z.string() });

describe('authentication', () => {
  it.each([
    ['no token', {}],
    ['an unknown token', { Authorization: `Bearer vdm_${'b'.repeat(43)}` }],
    ['another scheme', { Authorization: `Basic ${token}` }],
    ['an empty token', { Authorization: 'Bearer ' }],
    ['a token of 5 kB', { Authorization: `Bearer ${'a'.repeat(5_000)}` }],
    ['the hash of a token', { Authorization: `Bearer ${sha256(token)}` }],
  ])('refuses %s with the same 401', async (_what, headers) => {
    const { app, calls } = serverForTest();
    const response = await app.request(`${base}/tags`, { headers });
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="vidimus"');
    expect(await response.json()).toEqual({
      errors: [{ code: 'UNAUTHORIZED', message: 'a valid token is needed' }],
    });
    expect(calls).toEqual([]);
  });

  it.each([
    ['expired', { expiresAt: startMs }],
    ['revoked', { revokedAt: startMs - 1 }],
  ])('refuses a token that is %s with the same 401', async (_what, fields) => {
    const { app, tokens } = serverForTest();
    tokens.set(sha256(token), administrator(fields));
    expect(await codeOf(await app.request(`${base}/tags`, { headers: bearer }))).toBe('401 UNAUTHORIZED');
  });

  it('refuses a repository outside the globs of the token with 403', async () => {
    const { app, tokens, calls } = serverForTest();
    tokens.set(sha256(token), administrator({ repositories: ['registry.example.com/shop/*'] }));
    const inside = await app.request(`${base}/tags`, { headers: bearer });
    const outside = await app.request('/v2/registry.example.com/shopping/web/_trust/tags', {
      headers: bearer,
    });
    expect(inside.status).toBe(200);
    expect(await codeOf(outside)).toBe('403 DENIED');
    expect(calls).toHaveLength(1);
  });

  it('tells fleet-wide reads which repositories the token admits', async () => {
    let mayRead: ((name: string) => boolean) | undefined;
    const { app, tokens } = serverForTest({
      readAudit: async (scope) => {
        mayRead = 'mayRead' in scope ? scope.mayRead : undefined;
        return { items: [] };
      },
    });
    tokens.set(sha256(token), administrator({ repositories: ['registry.example.com/shop/*'] }));
    await app.request('/v2/_trust/audit', { headers: bearer });
    expect(mayRead?.(repository)).toBe(true);
    expect(mayRead?.('registry.example.com/other')).toBe(false);
  });

  it('makes an address wait after many wrong tokens, but lets a good token pass', async () => {
    const { app, clock } = serverForTest();
    const wrong = () => app.request(`${base}/tags`, { headers: { Authorization: 'Bearer wrong' } });
    for (let tries = 0; tries < 20; tries += 1) expect((await wrong()).status).toBe(401);
    const limited = await wrong();
    expect(limited.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    expect(await codeOf(limited)).toBe('429 RATE_LIMITED');
    expect((await app.request(`${base}/tags`, { headers: bearer })).status).toBe(200);
    clock.nowMs += 60_000;
    expect((await wrong()).status).toBe(401);
  });
});

describe('a refused call', () => {
  it.each<[string, string, string, string]>([
    [
      'a repository that is not the caller’s',
      'PUT',
      '/v2/registry.example.com/other/_trust/tags/1',
      'DENIED',
    ],
    ['a read that is not the caller’s', 'GET', '/v2/registry.example.com/other/_trust/tags', 'DENIED'],
    ['a body that is none', 'PUT', put, 'BODY_INVALID'],
    ['what is not there', 'DELETE', `${base}/tags/unknown`, 'TAG_UNKNOWN'],
  ])('by somebody known leaves an event: %s', async (_what, method, path, code) => {
    const { app, tokens, refusals } = serverForTest();
    tokens.set(sha256(token), administrator({ repositories: ['registry.example.com/shop/*'] }));
    await app.request(path, { method, headers: { ...bearer, 'X-Request-Id': 'r1' } });
    const [name] = /registry\.example\.com\/[a-z/]+(?=\/_trust)/.exec(path) ?? [];
    expect(refusals).toMatchObject([{ actor: 'token:t1', requestId: 'r1', method, repository: name, code }]);
    expect(refusals[0]?.route).toMatch(/^\/v2\/\{repository\}\/_trust\/tags/);
  });

  it.each<[string, RequestInit]>([
    ['nobody', { method: 'PUT' }],
    ['a bad token', { method: 'PUT', headers: { Authorization: 'Bearer wrong' } }],
  ])('by %s is only counted', async (_what, init) => {
    const { app, refusals } = serverForTest();
    await app.request(put, init);
    expect(refusals).toEqual([]);
    const text = await (await app.request('/metrics', { headers: bearer })).text();
    expect(text).toMatch(/vidimus_http_requests_total\{method="put",.*status="401"\} 1/);
  });

  it('that only asked for what is not there leaves none', async () => {
    const { app, refusals } = serverForTest();
    expect((await app.request(base, { headers: bearer })).status).toBe(404);
    expect(refusals).toEqual([]);
  });

  it('of metadata and metrics is no exception', async () => {
    const { app, tokens, refusals } = serverForTest({}, { publicReads: false });
    tokens.set(
      sha256(token),
      administrator({ role: 'reader', repositories: ['registry.example.com/shop/*'] }),
    );
    const paths = ['/v2/registry.example.com/other/_trust/metadata/timestamp.json', '/metrics'];
    for (const path of paths) expect((await app.request(path, { headers: bearer })).status).toBe(403);
    expect(refusals.map(({ code, route }) => [code, route])).toEqual([
      ['DENIED', '/v2/{repository}/_trust/metadata/{file}'],
      ['DENIED', '/metrics'],
    ]);
  });
});

describe('bodies', () => {
  it.each([
    ['not JSON', 'nope'],
    ['nothing', ''],
    ['a cut object', '{"digest":'],
    ['a duplicate key', `{"digest":"${digest}","size":1,"size":2}`],
    ['a number beyond 2^53', `{"digest":"${digest}","size":9007199254740993}`],
    ['a fraction', `{"digest":"${digest}","size":1.5}`],
    ['a negative size', { digest, size: -1 }],
    ['a size of zero', { digest, size: 0 }],
    ['a size in quotes', { digest, size: '1' }],
    ['an unknown member', { ...tagBody, constructor: 1 }],
    ['an own __proto__', `{"digest":"${digest}","size":1,"__proto__":{}}`],
    ['an array', []],
    ['null', null],
    [
      'nesting 100 deep',
      `{"digest":"${digest}","size":1,"custom":${'{"a":'.repeat(100)}1${'}'.repeat(100)}}`,
    ],
    ['a NUL character in a text', { ...tagBody, custom: { note: ['a\0b'] } }],
    ['a NUL character in a name', { ...tagBody, custom: { 'a\0b': 1 } }],
    ['a lone surrogate', `{"digest":"${digest}","size":1,"mediaType":"\\ud800"}`],
    ['a digest in upper case', { digest: `sha256:${'AB'.repeat(32)}`, size: 1 }],
    ['a short digest', { digest: 'sha256:ab', size: 1 }],
    ['a bidirectional media type', { ...tagBody, mediaType: 'a/\u202eb' }],
    ['a role that is a path', { ...tagBody, role: '../targets' }],
  ])('refuses %s with 400 BODY_INVALID', async (_what, body) => {
    const { app, calls } = serverForTest();
    expect(await codeOf(await app.request(put, write('PUT', body)))).toBe('400 BODY_INVALID');
    expect(calls).toEqual([]);
  });

  it('refuses 1 MiB and a byte without parsing, and says the limit', async () => {
    const { app, calls } = serverForTest();
    const response = await app.request(put, write('PUT', 'x'.repeat(1_048_577)));
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({
      errors: [{ code: 'BODY_TOO_LARGE', detail: { maxBytes: 1_048_576 } }],
    });
    expect(calls).toEqual([]);
  });

  it('takes a batch of 10,000 tags and refuses one more', async () => {
    const { app } = serverForTest();
    const sign = Array.from({ length: 10_001 }, (_, n) => ({ tag: `v${n}`, ...tagBody }));
    const fits = await app.request(`${base}/tags`, write('POST', { sign: sign.slice(1) }));
    const over = await app.request(`${base}/tags`, write('POST', { sign }));
    expect([fits.status, over.status]).toEqual([200, 400]);
  });

  it.each([
    ['nothing', {}],
    ['the same tag twice', { sign: [{ tag: 'a', ...tagBody }], revoke: ['a'] }],
  ])('refuses a batch that names %s', async (_what, body) => {
    const { app } = serverForTest();
    expect(await codeOf(await app.request(`${base}/tags`, write('POST', body)))).toBe('400 BODY_INVALID');
  });

  it.each([
    ['text/html', 400],
    ['multipart/form-data; boundary=x', 400],
    ['application/json; charset=latin1', 400],
    ['application/json; charset=utf-8', 200],
    ['application/json', 200],
    ['application/x-www-form-urlencoded', 200],
    ['text/plain;charset=UTF-8', 200],
  ])('judges Content-Type %s with %i', async (type, status) => {
    const { app } = serverForTest();
    expect((await app.request(put, write('PUT', tagBody, { 'Content-Type': type }))).status).toBe(status);
  });

  it('refuses a compressed body', async () => {
    const { app } = serverForTest();
    const response = await app.request(put, write('PUT', tagBody, { 'Content-Encoding': 'gzip' }));
    expect(await codeOf(response)).toBe('400 BODY_INVALID');
  });

  it('refuses a body where none belongs', async () => {
    const { app } = serverForTest();
    expect(await codeOf(await app.request(`${base}/changes/1`, write('DELETE', {})))).toBe(
      '413 BODY_TOO_LARGE',
    );
  });

  it('reads no body at all as an empty creation', async () => {
    const { app, calls } = serverForTest();
    expect((await app.request(base, { method: 'PUT', headers: bearer })).status).toBe(202);
    expect(calls[0]?.args[2]).toEqual({});
  });

  it.each([
    ['a threshold of zero', { roles: { root: { threshold: 0 } } }, 'THRESHOLD_INVALID'],
    ['an unknown custody', { roles: { root: { keys: [{ custody: 'ours' }] } } }, 'CUSTODY_INVALID'],
    ['a lifetime of zero', { roles: { root: { expiresAfter: '0d' } } }, 'BODY_INVALID'],
    ['a lifetime beyond all integers', { roles: { root: { expiresAfter: '999999999d' } } }, 'BODY_INVALID'],
    ['a retention beyond all integers', { digestRetention: '999999999d' }, 'BODY_INVALID'],
    ['a lifetime in weeks', { roles: { root: { expiresAfter: '1w' } } }, 'BODY_INVALID'],
  ])('refuses a creation with %s', async (_what, body, code) => {
    const { app } = serverForTest();
    expect(await codeOf(await app.request(base, write('PUT', body)))).toBe(`400 ${code}`);
  });

  it('keeps a key object exactly as written', async () => {
    const { app, calls } = serverForTest();
    const key = '{"keytype":"ed25519","__proto__":{"x":1},"x-unknown":[1]}';
    await app.request(base, write('PUT', `{"roles":{"root":{"keys":[{"custody":"client","key":${key}}]}}}`));
    expect(JSON.stringify(calls[0]?.args[2])).toContain(key);
  });
});

describe('paths and queries', () => {
  it.each([
    ['a tag that begins with a dot', 'GET', '/tags/.x', '400 NAME_INVALID'],
    ['a tag of 129 characters', 'GET', `/tags/${'a'.repeat(129)}`, '400 NAME_INVALID'],
    ['a digest that is none', 'GET', '/revocations/sha256:xyz', '400 NAME_INVALID'],
    ['a change id with a dot', 'GET', '/changes/a.b', '400 NAME_INVALID'],
    ['an unknown query member', 'GET', '/tags?limti=5', '400 BODY_INVALID'],
    ['a query member given twice', 'GET', '/tags?limit=1&limit=2', '400 BODY_INVALID'],
    ['a query member called __proto__', 'GET', '/tags?__proto__=1', '400 BODY_INVALID'],
    ['a limit of zero', 'GET', '/tags?limit=0', '400 BODY_INVALID'],
    ['a limit of 1,001', 'GET', '/tags?limit=1001', '400 BODY_INVALID'],
    ['a cursor that is none', 'GET', '/tags?cursor=%2B', '400 BODY_INVALID'],
    ['a cursor with NUL inside', 'GET', '/tags?cursor=YQBi', '400 BODY_INVALID'],
    ['an unknown path', 'GET', '/nothing', '404 ROUTE_UNKNOWN'],
    ['a method the path has not', 'POST', '/tags/1.4.2', '405 METHOD_NOT_ALLOWED'],
    ['an unknown repository', 'GET', '', '404 REPOSITORY_UNKNOWN'],
    ['a digest that is not revoked', 'GET', `/revocations/${digest}`, '404 METADATA_UNKNOWN'],
  ])('answers %s', async (_what, method, path, expected) => {
    const { app } = serverForTest();
    expect(await codeOf(await app.request(`${base}${path}`, { method, headers: bearer }))).toBe(expected);
  });

  it('names the methods a path has', async () => {
    const { app } = serverForTest();
    const response = await app.request(`${base}/tags`, { method: 'PUT', headers: bearer });
    expect(response.headers.get('allow')).toBe('HEAD, GET, POST');
  });

  it('gives an opaque cursor that leads to where the page ended', async () => {
    const { app, calls } = serverForTest();
    const page = pageSchema.parse(
      await (await app.request(`${base}/tags?limit=1`, { headers: bearer })).json(),
    );
    expect(page.next).not.toBe('1.4.2');
    await app.request(`${base}/tags?limit=7&cursor=${page.next}`, { headers: bearer });
    expect(calls.map((call) => call.args[1])).toEqual([{ limit: 1 }, { limit: 7, after: '1.4.2' }]);
  });

  it('finds a role with a slash by path and by query', async () => {
    const { app, calls } = serverForTest();
    await app.request(`${base}/roles/qa%2Fnightly`, { headers: bearer });
    await app.request(`${base}/roles?role=qa/nightly`, { headers: bearer });
    expect(calls).toEqual([
      { name: 'readRole', args: [repository, 'qa/nightly'] },
      { name: 'readRole', args: [repository, 'qa/nightly'] },
    ]);
  });

  it('serves the repository with and without a trailing slash', async () => {
    const { app, calls } = serverForTest();
    await app.request(base, { headers: bearer });
    await app.request(`${base}/`, { headers: bearer });
    expect(calls.map((call) => call.name)).toEqual(['readRepository', 'readRepository']);
  });
});

describe('edits', () => {
  it('hands the use case who calls, in which request, under which conditions', async () => {
    const { app, calls } = serverForTest();
    await app.request(
      `${put}?dryRun=true&supersede=01JD`,
      write('PUT', tagBody, { 'If-Match': '"qa/nightly:57"', 'X-Request-Id': 'abc.1' }),
    );
    expect(calls[0]?.args[0]).toEqual({
      actor: 'token:t1',
      requestId: 'abc.1',
      dryRun: true,
      supersede: '01JD',
      endsOthers: true,
      ifMatch: { role: 'qa/nightly', version: 57 },
    });
  });

  it('lets who may sign supersede its own changes alone', async () => {
    const { app, tokens, calls } = serverForTest();
    tokens.set(sha256(token), administrator({ role: 'signer' }));
    await app.request(`${put}?supersede=01JD`, write('PUT', tagBody));
    expect(calls[0]?.args[0]).toMatchObject({ supersede: '01JD' });
    expect(calls[0]?.args[0]).not.toHaveProperty('endsOthers');
  });

  it.each([
    '*',
    'targets:57',
    '"targets"',
    '"targets:0"',
    '"targets:01"',
    '"targets:9007199254740993"',
    'W/"targets:1"',
  ])('refuses If-Match %s', async (header) => {
    const { app, calls } = serverForTest();
    const response = await app.request(put, write('PUT', tagBody, { 'If-Match': header }));
    expect(await codeOf(response)).toBe('400 BODY_INVALID');
    expect(calls).toEqual([]);
  });

  it('says that a dry run was one, and what it would do', async () => {
    const { app } = serverForTest();
    const response = await app.request(`${put}?dryRun=true`, write('PUT', tagBody));
    expect(await response.json()).toMatchObject({ tag: '1.4.2', dryRun: true, impact: { diff: [] } });
  });

  it('answers 202 and where the change is when signatures are missing', async () => {
    const { app } = serverForTest();
    const response = await app.request(base, write('PUT', {}));
    expect(response.status).toBe(202);
    expect(response.headers.get('location')).toBe(`${base}/changes/01JDQ8M4`);
    expect(await response.json()).toEqual({ change });
  });

  it('names no place for a change that a dry run did not store', async () => {
    const { app } = serverForTest();
    const response = await app.request(`${base}?dryRun=true`, write('PUT', {}));
    expect([response.status, response.headers.get('location')]).toEqual([202, null]);
  });

  it.each([
    [true, 201],
    [false, 200],
  ])('answers a creation where created is %s with %i', async (created, status) => {
    const createRepository: TrustService['createRepository'] = async () => ({
      outcome: 'done',
      created,
      body: {
        repository,
        incarnation: 1,
        dialects: ['tuf'],
        createdAt: '2026-11-21T09:00:00Z',
        versions: { root: 1 },
        expires: {},
        roles: {},
        delegations: [],
        tagCount: 0,
        rootSha256: '',
        openChanges: 0,
        problems: [],
      },
    });
    const { app } = serverForTest({ createRepository });
    expect((await app.request(base, write('PUT', {}))).status).toBe(status);
  });
});

describe('the log', () => {
  it('has a line for every edit by a known caller, done or refused, without the token or the body', async () => {
    const { app, edits } = serverForTest();
    await app.request(put, write('PUT', tagBody, { 'X-Request-Id': 'r-1' }));
    await app.request(`${base}/tags/none`, { method: 'DELETE', headers: bearer });
    await app.request(put, { method: 'DELETE' });
    expect(edits).toEqual([
      'edit {"requestId":"r-1","actor":"token:t1","method":"put","route":"/v2/{repository}/_trust/tags/{tag}","status":200,"tookMs":0}',
      'edit {"requestId":"made-1","actor":"token:t1","method":"delete","route":"/v2/{repository}/_trust/tags/{tag}","status":404,"tookMs":0}',
    ]);
  });
});

describe('Idempotency-Key', () => {
  const keyed = (body: unknown, headers: Record<string, string> = {}) =>
    write('PUT', body, { 'Idempotency-Key': 'k1', ...headers });

  it('answers a repeated request without doing it again', async () => {
    const { app, calls } = serverForTest();
    const first = await (await app.request(base, keyed({}))).text();
    const again = await app.request(base, keyed({}));
    expect([again.status, again.headers.get('location')]).toEqual([202, `${base}/changes/01JDQ8M4`]);
    expect(await again.text()).toBe(first);
    expect(calls).toHaveLength(1);
  });

  it('refuses the key for another body with 422', async () => {
    const { app, calls } = serverForTest();
    await app.request(put, keyed(tagBody));
    const other = await app.request(put, keyed({ ...tagBody, size: 2 }));
    expect(await codeOf(other)).toBe('422 IDEMPOTENCY_CONFLICT');
    expect(calls).toHaveLength(1);
  });

  it('refuses the key for other conditions with 422', async () => {
    const { app } = serverForTest();
    await app.request(put, keyed(tagBody));
    const other = await app.request(put, keyed(tagBody, { 'If-Match': '"targets:2"' }));
    expect(other.status).toBe(422);
  });

  it('does not mix paths, methods or callers', async () => {
    const { app, calls, tokens } = serverForTest();
    const other = `vdm_${'c'.repeat(43)}`;
    tokens.set(sha256(other), administrator({ id: 't2', hash: sha256(other) }));
    await app.request(put, keyed(tagBody));
    await app.request(`${base}/tags/2.0`, keyed(tagBody));
    await app.request(put, { method: 'DELETE', headers: { ...bearer, 'Idempotency-Key': 'k1' } });
    await app.request(put, keyed(tagBody, { Authorization: `Bearer ${other}` }));
    expect(calls.map((call) => call.name)).toEqual(['putTag', 'putTag', 'deleteTag', 'putTag']);
  });

  it('asks for authorisation again before a stored answer is given', async () => {
    const { app, tokens } = serverForTest();
    await app.request(put, keyed(tagBody));
    tokens.set(sha256(token), administrator({ repositories: ['registry.example.com/other'] }));
    expect(await codeOf(await app.request(put, keyed(tagBody)))).toBe('403 DENIED');
  });

  it('answers 409 while the first request is in progress', async () => {
    let finish = (): void => undefined;
    const waiting = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const { app } = serverForTest({
      deleteTag: async (_call, _repository, tag) => {
        await waiting;
        return { outcome: 'done', body: { tag, published: {} } };
      },
    });
    const request = { method: 'DELETE', headers: { ...bearer, 'Idempotency-Key': 'k1' } };
    const first = app.request(put, request);
    expect(await codeOf(await app.request(put, request))).toBe('409 IDEMPOTENCY_CONFLICT');
    finish();
    expect((await first).status).toBe(200);
  });

  it('gives the key back when the request failed', async () => {
    let failures = 1;
    const { app } = serverForTest({
      deleteTag: async (_call, _repository, tag) => {
        if (failures-- > 0) throw new TrustError('VERSION_CONFLICT', 'moved on');
        return { outcome: 'done', body: { tag, published: {} } };
      },
    });
    const request = { method: 'DELETE', headers: { ...bearer, 'Idempotency-Key': 'k1' } };
    expect((await app.request(put, request)).status).toBe(409);
    expect((await app.request(put, request)).status).toBe(200);
  });

  it('keeps no answer of a dry run', async () => {
    const { app, calls } = serverForTest();
    await app.request(`${put}?dryRun=true`, keyed(tagBody));
    expect(await (await app.request(put, keyed(tagBody))).json()).not.toHaveProperty('dryRun');
    expect(calls).toHaveLength(2);
  });

  it('refuses a key of 300 characters', async () => {
    const { app } = serverForTest();
    const response = await app.request(put, write('PUT', tagBody, { 'Idempotency-Key': 'k'.repeat(300) }));
    expect(await codeOf(response)).toBe('400 BODY_INVALID');
  });
});

describe('failures', () => {
  it('hides what was not foreseen behind the request id', async () => {
    const { app, logged } = serverForTest({
      listRoles: async () => {
        throw new Error('password=hunter2');
      },
    });
    const response = await app.request(`${base}/roles`, { headers: { ...bearer, 'X-Request-Id': 'r-7' } });
    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({
      errors: [{ code: 'INTERNAL', message: 'internal error, request r-7' }],
    });
    expect(logged.join()).toContain('hunter2');
  });

  it.each([
    ['away', Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }), 503],
    ['wrong', Object.assign(new Error('no such column'), { code: '42703' }), 500],
  ])('keeps the values of a query out of the log when the database is %s', async (_, cause, status) => {
    const { app, logged } = serverForTest(
      {},
      {
        authenticator: {
          authenticate: () => Promise.reject(new DrizzleQueryError('select $1', ['hash-of-a-token'], cause)),
        },
      },
    );
    expect((await app.request(`${base}/roles`, { headers: bearer })).status).toBe(status);
    expect(logged.join()).toContain('DatabaseError');
    expect(logged.join()).not.toContain('hash-of-a-token');
  });

  it('answers 503 and when to come back while the database is away', async () => {
    const { app } = serverForTest({
      listRoles: async () => {
        throw new DatabaseError('UNAVAILABLE', { message: 'connect ECONNREFUSED 10.0.0.7:5432' });
      },
    });
    const response = await app.request(`${base}/roles`, { headers: bearer });
    expect(response.headers.get('retry-after')).toBe('1');
    const text = await response.text();
    expect([response.status, text.includes('DATABASE_UNAVAILABLE'), text.includes('10.0.0.7')]).toEqual([
      503,
      true,
      false,
    ]);
  });

  it('answers BUSY instead of taking more than it can', async () => {
    let finish = (): void => undefined;
    const waiting = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const { app } = serverForTest(
      {
        listRoles: async () => {
          await waiting;
          return [];
        },
      },
      { concurrency: { read: 1, edit: 1, batch: 1, manifest: 1 } },
    );
    const first = app.request(`${base}/roles`, { headers: bearer });
    await Promise.resolve();
    const second = app.request(`${base}/roles`, { headers: bearer });
    expect((await app.request('/healthz')).status).toBe(200);
    const busy = await second;
    expect(busy.headers.get('retry-after')).toBe('1');
    expect(await codeOf(busy)).toBe('503 BUSY');
    finish();
    expect((await first).status).toBe(200);
    expect((await app.request(`${base}/roles`, { headers: bearer })).status).toBe(200);
  });

  it.each([
    ['a line feed', 'a b'],
    ['200 characters', 'a'.repeat(200)],
  ])('makes a request id of its own instead of one with %s', async (_what, id) => {
    const { app, calls } = serverForTest();
    const response = await app.request(put, write('PUT', tagBody, { 'X-Request-Id': id }));
    expect(response.headers.get('x-request-id')).toBe('made-1');
    expect(calls[0]?.args[0]).toMatchObject({ requestId: 'made-1' });
  });
});
