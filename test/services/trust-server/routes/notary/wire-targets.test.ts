/** Paths and methods of the Notary wire, hostile ones included: each has an answer that its clients can read. */
import { createTrustServer } from '@vidimus/trust-server';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { serverParts } from '../../trust-server-for-test.ts';
import { repository, token, tuf, upload, wireForTest } from './wire-for-test.ts';

const documentSchema = z.looseObject({
  paths: z.record(z.string(), z.record(z.string(), z.looseObject({ tags: z.array(z.string()) }))),
});

const { app, done } = wireForTest();
/** As a client sends it: `Request` would tidy the path. */
const raw = (target: string, init: RequestInit = {}) =>
  app.request('http://localhost/', init, {
    incoming: { url: target, socket: { remoteAddress: '10.0.0.1' } },
  });

describe('a name that is none', () => {
  it.each([
    ['upper case', '/v2/registry.example.com/Shop/_trust/tuf/root.json'],
    ['no host', '/v2/alice/_trust/tuf/root.json'],
    ['a dot-dot segment', '/v2/registry.example.com/../shop/_trust/tuf/root.json'],
    ['an encoded dot-dot segment', '/v2/registry.example.com/%2e%2e/shop/_trust/tuf/root.json'],
    ['a dot-dot segment in a role', `${tuf}/targets/../root.json`],
    ['an encoded dot-dot segment in a role', `${tuf}/targets%2F..%2Froot.json`],
    ['a second /_trust/', `/v2/${repository}/_trust/tuf/_trust/tuf/root.json`],
    ['a second /_trust/ in the name', `/v2/${repository}/_trust/x/_trust/tuf/root.json`],
    ['an empty segment', `/v2/registry.example.com//shop/_trust/tuf/root.json`],
    ['an empty segment in a role', `${tuf}/targets//a.json`],
    ['an encoded empty segment', `${tuf}/targets%2F%2Fa.json`],
    ['NUL', `${tuf}/ro%00ot.json`],
    ['a doubly encoded slash', `${tuf}/targets%252Fa.json`],
    ['bad percent-encoding', `${tuf}/%zz.json`],
    ['bad UTF-8', `${tuf}/%ff.json`],
    ['a backslash', `${tuf}/targets%5Ca.json`],
    ['300 bytes', `/v2/registry.example.com/${'a'.repeat(300)}/_trust/tuf/root.json`],
  ])('is refused for %s, with a reason that clients show', async (_name, target) => {
    for (const init of [{}, { method: 'POST', headers: { Authorization: `Bearer ${token}` } }]) {
      const answer = await raw(target, init);
      const body = await answer.text();
      expect([answer.status, JSON.parse(body).errors]).toEqual([
        400,
        [
          {
            code: 'INVALID_GUN',
            message: 'The server does not support actions on images of this name.',
            detail: { Name: 'ErrValidation', Error: { Msg: expect.any(String) } },
          },
        ],
      ]);
    }
  });

  it('beside the wire is refused as everywhere', async () => {
    const answer = await raw('/v2/registry.example.com/Shop/_trust/tags');
    expect([answer.status, (await answer.text()).includes('NAME_INVALID')]).toEqual([400, true]);
  });

  it('reaches no use case', () => {
    expect(done).toEqual([]);
  });
});

describe('any target and method on the wire', () => {
  it('get an answer that its clients can read to the end', async () => {
    const piece = fc.constantFrom(
      ...[
        'root',
        'targets',
        'timestamp',
        'a',
        '.json',
        '.key',
        '/',
        '%2F',
        '..',
        '1.',
        '.',
        '%',
        '%00',
        '%25',
        '\\',
      ],
      ...['_trust', '0'.repeat(64), '?records=', '&', 'x'.repeat(300), '~'],
    );
    const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS');
    const tail = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''));
    await fc.assert(
      fc.asyncProperty(method, fc.constantFrom('tuf/', 'changefeed'), tail, async (verb, kind, rest) => {
        const answer = await raw(`/v2/${repository}/_trust/${kind}${rest}`, { method: verb });
        expect([200, 400, 401, 404, 405]).toContain(answer.status);
        const body = await answer.text();
        if (answer.status === 200 || body === '') return;
        expect(Buffer.byteLength(body)).toBeLessThan(1_024);
        expect(JSON.parse(body).errors).toHaveLength(1);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a path that is none', () => {
  it.each([
    ['GET', `/v2/${repository}/_trust/tuf`],
    ['GET', `/v2/${repository}/_trust/tuf/`],
    ['PUT', `/v2/${repository}/_trust/tuf/`],
    ['POST', `/v2/${repository}/_trust/tuf`],
    ['GET', `/v2/${repository}/_trust/changefeed/more`],
    ['GET', '/_notary_server/other'],
  ])('%s %s is 404 or 405, never another shape', async (method, target) => {
    const answer = await raw(target, { method });
    const body = await answer.text();
    if (answer.status === 405) expect(body).toBe('');
    else {
      expect([answer.status, body]).toEqual([
        404,
        '{"errors":[{"code":"METADATA_NOT_FOUND","message":"You have requested metadata that does not exist."}]}\n',
      ]);
    }
  });

  it.each([
    ['PATCH', `${tuf}/root.json`, 'HEAD, GET, POST'],
    ['OPTIONS', `${tuf}/`, 'POST, DELETE'],
    ['PUT', `${tuf}/root.json`, 'HEAD, GET, POST'],
    ['POST', `${tuf}/root.json`, 'GET, HEAD'],
    ['DELETE', `/v2/${repository}/_trust/changefeed`, 'HEAD, GET'],
    ['PATCH', '/_notary_server/other', ''],
  ])('%s %s is 405 without a body', async (method, target, allow) => {
    const answer = await raw(target, { method, headers: { Authorization: `Bearer ${token}` } });
    expect([answer.status, await answer.text(), answer.headers.get('allow')]).toEqual([405, '', allow]);
  });
});

describe('a server without the wire', () => {
  it('has none of its routes', async () => {
    const bare = createTrustServer(serverParts());
    for (const path of [`${tuf}/root.json`, '/v2/', '/_notary_server/health', '/v2/_trust/registry-token']) {
      const answer = await bare.request(path);
      expect([answer.status, (await answer.text()).includes('ROUTE_UNKNOWN')]).toEqual([404, true]);
    }
    expect((await bare.request(`${tuf}/`, upload([]))).status).toBe(404);
  });
});

describe('the document', () => {
  it('shows the wire under a tag of its own', async () => {
    const document = documentSchema.parse(await (await app.request('/openapi.json')).json());
    const tagged = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods)
        .filter(([, { tags }]) => tags.includes('notary'))
        .map(([method]) => `${method.toUpperCase()} ${path}`),
    );
    expect(tagged.sort()).toEqual([
      'DELETE /v2/{repository}/_trust/tuf/',
      'GET /_notary_server/health',
      'GET /v2/',
      'GET /v2/_trust/changefeed',
      'GET /v2/_trust/registry-token',
      'GET /v2/{repository}/_trust/changefeed',
      'GET /v2/{repository}/_trust/tuf/{file}',
      'POST /v2/{repository}/_trust/tuf/',
      'POST /v2/{repository}/_trust/tuf/{file}',
    ]);
  });
});
