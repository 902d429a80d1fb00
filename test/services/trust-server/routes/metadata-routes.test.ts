import type { MetadataFile, TrustService } from '@vidimus/trust-server';
import { describe, expect, it } from 'vitest';
import { base, bearer, codeOf, repository, serverForTest, sha256 } from '../trust-server-for-test.ts';

const fileOf = (text: string): MetadataFile => ({
  bytes: new TextEncoder().encode(text),
  sha256: sha256(text),
});
const files = new Map([
  ['timestamp', fileOf('{"timestamp":1}')],
  ['1.root', fileOf('{"root":1}')],
  ['3.qa/nightly', fileOf('{"qa":3}')],
]);

const readMetadata: TrustService['readMetadata'] = (name, file) =>
  name === repository
    ? files.get(file.version === undefined ? file.role : `${file.version}.${file.role}`)
    : undefined;

const open = serverForTest({ readMetadata });
const closed = serverForTest({ readMetadata }, { publicReads: false });

describe('GET /metadata/<file>', () => {
  it('serves a versioned file byte for byte, for ever', async () => {
    const response = await open.app.request(`${base}/metadata/1.root.json`);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('{"root":1}');
    expect(Object.fromEntries(response.headers)).toEqual({
      'cache-control': 'public, max-age=31536000, immutable',
      'content-length': '10',
      'content-type': 'application/json',
      etag: `"${sha256('{"root":1}')}"`,
      'x-content-type-options': 'nosniff',
    });
  });

  it('serves timestamp.json with an entity tag and no-cache', async () => {
    const response = await open.app.request(`${base}/metadata/timestamp.json`);
    expect(response.headers.get('cache-control')).toBe('public, no-cache');
    expect(response.headers.get('etag')).toBe(`"${sha256('{"timestamp":1}')}"`);
  });

  it('serves a delegated role under its encoded name', async () => {
    const response = await open.app.request(`${base}/metadata/3.qa%2Fnightly.json`);
    expect(await response.text()).toBe('{"qa":3}');
  });

  it.each([
    ['the same tag', (etag: string) => etag],
    ['a weak one', (etag: string) => `W/${etag}`],
    ['one in a list', (etag: string) => `"x", ${etag}`],
    ['any', () => '*'],
  ])('answers 304 without a body to If-None-Match with %s', async (_what, header) => {
    const etag = `"${sha256('{"timestamp":1}')}"`;
    const response = await open.app.request(`${base}/metadata/timestamp.json`, {
      headers: { 'If-None-Match': header(etag) },
    });
    expect(response.status).toBe(304);
    expect(await response.text()).toBe('');
    expect(response.headers.get('etag')).toBe(etag);
  });

  it('answers 200 to If-None-Match with another tag', async () => {
    const response = await open.app.request(`${base}/metadata/timestamp.json`, {
      headers: { 'If-None-Match': '"0"' },
    });
    expect(response.status).toBe(200);
  });

  it('answers HEAD with the length and no body', async () => {
    const response = await open.app.request(`${base}/metadata/1.root.json`, { method: 'HEAD' });
    expect(response.headers.get('content-length')).toBe('10');
    expect(await response.text()).toBe('');
  });

  it('lets nobody believe for more than 60 s that the next root is missing', async () => {
    const response = await open.app.request(`${base}/metadata/2.root.json`);
    const seconds = Number(/max-age=(\d+)/.exec(response.headers.get('cache-control') ?? '')?.[1]);
    expect(seconds).toBeLessThanOrEqual(60);
    expect(await codeOf(response)).toBe('404 METADATA_UNKNOWN');
  });

  it.each([
    ['a version of no file', '9.targets.json'],
    ['version zero', '0.root.json'],
    ['a leading zero', '01.root.json'],
    ['a negative version', '-1.root.json'],
    ['a version beyond 2^53', '9007199254740993.root.json'],
    ['root without a version', 'root.json'],
    ['timestamp with a version', '1.timestamp.json'],
    ['no .json', '1.root'],
    ['a role with control characters', '1.a%0Cb.json'],
    ['__proto__', '1.__proto__.json'],
    ['constructor', '1.constructor.json'],
  ])('answers 404 for %s and forbids keeping it', async (_what, file) => {
    const response = await open.app.request(`${base}/metadata/${file}`);
    if (file.includes('%0C')) return expect(response.status).toBe(400);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await codeOf(response)).toBe('404 METADATA_UNKNOWN');
  });

  it('answers 404 for another repository', async () => {
    const response = await open.app.request('/v2/registry.example.com/other/_trust/metadata/1.root.json');
    expect(response.status).toBe(404);
  });

  it('prepares one file once and a new file anew', async () => {
    let current = fileOf('{"v":1}');
    const { app } = serverForTest({ readMetadata: () => current });
    const read = async () => await (await app.request(`${base}/metadata/timestamp.json`)).text();
    expect([await read(), await read()]).toEqual(['{"v":1}', '{"v":1}']);
    current = fileOf('{"v":2}');
    expect(await read()).toBe('{"v":2}');
  });

  it('waits for a file that is not in memory', async () => {
    const { app } = serverForTest({ readMetadata: async () => fileOf('{}') });
    expect(await (await app.request(`${base}/metadata/timestamp.json`)).text()).toBe('{}');
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('secret');
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('secret');
      },
    ],
  ])('hides what went wrong when the store %s', async (_what, fail) => {
    const { app, logged } = serverForTest({ readMetadata: fail });
    const response = await app.request(`${base}/metadata/timestamp.json`);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('secret');
    expect(logged.join()).toContain('secret');
  });
});

describe('GET /metadata/<file> where anonymous reads are off', () => {
  it('needs a token', async () => {
    const response = await closed.app.request(`${base}/metadata/1.root.json`);
    expect(await codeOf(response)).toBe('401 UNAUTHORIZED');
    expect(closed.calls).toEqual([]);
  });

  it('lets no shared cache keep the answer', async () => {
    const answers = await Promise.all(
      ['1.root.json', 'timestamp.json', '2.root.json'].map((file) =>
        closed.app.request(`${base}/metadata/${file}`, { headers: bearer }),
      ),
    );
    expect(answers.map((response) => response.headers.get('cache-control'))).toEqual([
      'private, max-age=31536000, immutable',
      'private, no-cache',
      'private, max-age=30',
    ]);
  });
});
