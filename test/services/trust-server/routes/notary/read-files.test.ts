/** Reads on the Notary wire: bytes, headers, 304, gzip, HEAD, and what is not there. */
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { basic, root, startMs, timestamp, token, tuf, wireForTest } from './wire-for-test.ts';

const notFound = (detail: boolean): string =>
  `{"errors":[{"code":"METADATA_NOT_FOUND","message":"You have requested metadata that does not exist."${detail ? ',"detail":{}' : ''}}]}\n`;

const shared = wireForTest().app;

describe('GET of a file', () => {
  it('gives the stored bytes with the headers of the peer, made valid', async () => {
    const answer = await shared.request(`${tuf}/root.json`);
    expect(new Uint8Array(await answer.arrayBuffer())).toEqual(root.bytes);
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toEqual({
      'cache-control': 'public, max-age=300, s-maxage=300, must-revalidate',
      'content-length': String(root.bytes.length),
      'content-type': 'text/plain; charset=utf-8',
      etag: `"${root.sha256}"`,
      'last-modified': 'Sat, 21 Nov 2026 09:00:00 GMT',
      vary: 'Accept-Encoding',
      'x-content-type-options': 'nosniff',
    });
  });

  it.each([
    ['by hash', `root.${root.sha256}.json`],
    ['by version', '1.root.json'],
    ['by version with zeros before it', '01.root.json'],
  ])('keeps what was asked for %s for 30 days', async (_name, file) => {
    const answer = await shared.request(`${tuf}/${file}`);
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([
      200,
      'public, max-age=2592000, s-maxage=2592000',
    ]);
  });

  it.each([
    'targets/releases.json',
    'targets%2Freleases.json',
    'targets%2freleases.json',
    '1.targets/releases.json',
  ])('finds a delegation as %s', async (file) => {
    expect((await shared.request(`${tuf}/${file}`)).status).toBe(200);
  });

  it('takes an encoded repository name', async () => {
    const path = tuf.replace('registry.example.com/shop/web', 'registry.example.com%2Fshop%2fweb');
    expect((await shared.request(`${path}/root.json`)).status).toBe(200);
  });

  it.each([
    ['an unknown role', 'snapshot.json', true],
    ['an unknown delegation', 'targets/nobody.json', true],
    ['an unknown version', '2.root.json', true],
    ['version 0', '0.root.json', true],
    ['a version beyond all numbers', `${'9'.repeat(30)}.root.json`, true],
    ['an unknown hash', `root.${'0'.repeat(64)}.json`, true],
    ['the hash of another role', `timestamp.${root.sha256}.json`, true],
    ['a hash in upper case', `root.${root.sha256.toUpperCase()}.json`, true],
    ['SHA-512', `root.${'a'.repeat(128)}.json`, true],
    ['a delegation that the model would take for a root', 'targets/root.json', true],
    ['a delegation with a dot', 'targets/a.b.json', false],
    ['no role', 'mirrors.json', false],
    ['no suffix', 'root', false],
    ['a version and a hash', `1.root.${root.sha256}.json`, false],
    ['a negative version', '-1.root.json', false],
    ['a key of a role of the client', 'root.key', false],
    ['a delegation of root', 'root/a.json', false],
  ])('says 404 to %s', async (_name, file, detail) => {
    const answer = await shared.request(`${tuf}/${file}`);
    expect([answer.status, await answer.text()]).toEqual([404, notFound(detail)]);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('says 404 for a repository that is not there, whatever it is called', async () => {
    const { app } = wireForTest();
    for (const name of ['r.example/nothing', 'localhost:5000/constructor', 'localhost:5000/hasownproperty']) {
      expect((await app.request(`/v2/${name}/_trust/tuf/root.json`)).status).toBe(404);
    }
  });

  it('answers HEAD as GET, without the bytes', async () => {
    const { app } = wireForTest();
    for (const file of ['root.json', `root.${root.sha256}.json`, 'snapshot.json', 'timestamp.key']) {
      const headers = { Authorization: `Bearer ${token}` };
      const get = await app.request(`${tuf}/${file}`, { headers });
      const head = await app.request(`${tuf}/${file}`, { method: 'HEAD', headers });
      expect(await head.text()).toBe('');
      expect([head.status, Object.fromEntries(head.headers)]).toEqual([
        get.status,
        Object.fromEntries(get.headers),
      ]);
    }
  });

  it.each([`"${root.sha256}"`, `W/"${root.sha256}"`, `"x", "${root.sha256}"`, '*'])(
    'says 304 to If-None-Match: %s',
    async (known) => {
      const answer = await shared.request(`${tuf}/root.json`, {
        headers: { 'If-None-Match': known },
      });
      expect([answer.status, await answer.text()]).toEqual([304, '']);
      expect([answer.headers.get('etag'), answer.headers.get('vary')]).toEqual([
        `"${root.sha256}"`,
        'Accept-Encoding',
      ]);
    },
  );

  it('does not believe a date, which two publishes of one second share', async () => {
    const headers = { 'If-Modified-Since': new Date(startMs).toUTCString() };
    expect((await shared.request(`${tuf}/root.json`, { headers })).status).toBe(200);
  });

  it('never writes: not for a file, a miss, a probe or a 304', async () => {
    const { app, done } = wireForTest();
    for (const file of ['root.json', 'timestamp.json', 'snapshot.json', 'x', `root.${root.sha256}.json`]) {
      for (const method of ['GET', 'HEAD']) await app.request(`${tuf}/${file}`, { method });
    }
    expect(done).toEqual([]);
  });
});

describe('gzip', () => {
  const get = (file: string, encoding: string, known?: string) =>
    shared.request(`${tuf}/${file}`, {
      headers: { 'Accept-Encoding': encoding, ...(known === undefined ? {} : { 'If-None-Match': known }) },
    });

  it.each(['gzip', 'gzip, deflate', 'deflate, GZIP;q=0.5', 'br;q=1.0, gzip;q=0.001'])(
    'is sent to who says %s, under a tag of its own',
    async (encoding) => {
      const answer = await get('root.json', encoding);
      expect([
        answer.headers.get('content-encoding'),
        answer.headers.get('etag'),
        answer.headers.get('vary'),
      ]).toEqual(['gzip', `"${root.sha256}-gzip"`, 'Accept-Encoding']);
      const body = Buffer.from(await answer.arrayBuffer());
      expect(answer.headers.get('content-length')).toBe(String(body.length));
      expect(new Uint8Array(gunzipSync(body))).toEqual(root.bytes);
    },
  );

  it.each(['', 'identity', 'br', 'gzip;q=0', 'gzip;q=0.000', 'xgzip', '*'])(
    'is not sent to who says %j',
    async (encoding) => {
      const answer = await get('root.json', encoding);
      expect([answer.headers.get('content-encoding'), answer.headers.get('etag')]).toEqual([
        null,
        `"${root.sha256}"`,
      ]);
    },
  );

  it('is not worth it for a small file', async () => {
    const answer = await get('timestamp.json', 'gzip');
    expect(answer.headers.get('content-encoding')).toBeNull();
    expect(answer.headers.get('vary')).toBeNull();
    expect(new Uint8Array(await answer.arrayBuffer())).toEqual(timestamp.bytes);
  });

  it('has its own 304', async () => {
    expect((await get('root.json', 'gzip', `"${root.sha256}-gzip"`)).status).toBe(304);
    expect((await get('root.json', 'gzip', `"${root.sha256}"`)).status).toBe(200);
    expect((await get('root.json', 'br', `"${root.sha256}-gzip"`)).status).toBe(200);
  });

  it('is made once, however many ask at once', async () => {
    const { app } = wireForTest();
    const ask = async () =>
      Buffer.from(
        await (
          await app.request(`${tuf}/root.json`, { headers: { 'Accept-Encoding': 'gzip' } })
        ).arrayBuffer(),
      ).toString('base64');
    const answers = await Promise.all([ask(), ask(), ask()]);
    expect(new Set([...answers, await ask()]).size).toBe(1);
  });
});

describe('where anonymous reads are off', () => {
  const closed = { server: { publicReads: false } };

  it('a read needs a credential, and no shared cache keeps it', async () => {
    const { app } = wireForTest(closed);
    expect((await app.request(`${tuf}/root.json`)).status).toBe(401);
    expect((await app.request(`${tuf}/nothing.json`)).status).toBe(404);
    expect((await app.request(`${tuf}/snapshot.json`)).status).toBe(401);
    const read = await app.request(`${tuf}/root.json`, { headers: { Authorization: basic(token) } });
    expect([read.status, read.headers.get('cache-control')]).toEqual([
      200,
      'private, max-age=300, must-revalidate',
    ]);
  });
});

describe('a service that fails', () => {
  it('is a 500 without internals, and logged; on the way of a promise and off it', async () => {
    for (const readNotary of [
      () => {
        throw new Error('secret');
      },
      () => Promise.reject(new Error('secret')),
    ]) {
      const { app, logged } = wireForTest({ service: { readNotary } });
      const answer = await app.request(`${tuf}/root.json`, { headers: { 'X-Request-Id': 'r1' } });
      expect([answer.status, await answer.text()]).toEqual([
        500,
        '{"errors":[{"code":"UNKNOWN","message":"unknown error","detail":{"request":"r1"}}]}\n',
      ]);
      expect(logged.join()).toContain('secret');
    }
  });
});
