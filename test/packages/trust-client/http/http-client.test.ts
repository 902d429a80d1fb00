import { gzipSync } from 'node:zlib';
import { createHttpClient, createHttpSource, TrustClientError } from '@vidimus/trust-client';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type Handler,
  type RunningServer,
  startHttpServer,
  startRawServer,
  unusedUrl,
} from '../../../support/hostile-trust-server.ts';

const running: RunningServer[] = [];
const soon = { connectTimeoutMs: 1_000, idleTimeoutMs: 60, totalTimeoutMs: 2_000 };
const cap = 1_000;

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()));
});

async function serve(handler: Handler): Promise<RunningServer> {
  const server = await startHttpServer(handler);
  running.push(server);
  return server;
}

async function serveRaw(answer: string | Buffer, after: 'close' | 'hang'): Promise<RunningServer> {
  const server = await startRawServer(answer, after);
  running.push(server);
  return server;
}

async function fetchFrom(url: string, options: { token?: string; limits?: object } = {}) {
  const client = createHttpClient({
    server: url,
    limits: { ...soon, ...options.limits },
    ...tokenOf(options),
  });
  try {
    return await createHttpSource(client, `${client.server}metadata/`).fetch('timestamp', undefined, cap);
  } finally {
    client.close();
  }
}

function tokenOf(options: { token?: string }): { token?: string } {
  return options.token === undefined ? {} : { token: options.token };
}

async function failure(action: Promise<unknown>): Promise<TrustClientError> {
  const error = await action.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof TrustClientError)) throw new Error('expected a TrustClientError', { cause: error });
  return error;
}

const body = (text: string): Buffer => Buffer.from(text);

describe('reading metadata over HTTP', () => {
  it('gives the bytes as sent, with blanks and all', async () => {
    const { url, requests } = await serve((_, response) => response.end('{"a":1} \n'));
    expect(await fetchFrom(url)).toEqual(body('{"a":1} \n'));
    expect(requests).toEqual(['GET /metadata/timestamp.json']);
  });

  it('inflates gzip', async () => {
    const { url } = await serve((_, response) => {
      response.setHeader('content-encoding', 'gzip');
      response.end(gzipSync('{}'));
    });
    expect(await fetchFrom(url)).toEqual(body('{}'));
  });

  it.each([404, 403])('takes %s for "not there"', async (status) => {
    const { url } = await serve((_, response) => {
      response.statusCode = status;
      response.end('<html>nothing here</html>');
    });
    expect(await fetchFrom(url)).toBeUndefined();
  });

  it.each([
    [500, 'UNUSABLE'],
    [502, 'UNUSABLE'],
    [429, 'UNUSABLE'],
    [410, 'UNUSABLE'],
    [204, 'UNUSABLE'],
    [206, 'UNUSABLE'],
    [304, 'UNUSABLE'],
    [401, 'UNAUTHORIZED'],
  ])('takes %s for %s and never for "not there"', async (status, code) => {
    const { url } = await serve((_, response) => {
      response.statusCode = status;
      response.end();
    });
    expect((await failure(fetchFrom(url))).code).toBe(code);
  });

  it('percent-encodes what a role name could do to a URL', async () => {
    const { url, requests } = await serve((_, response) => response.end('{}'));
    const client = createHttpClient({ server: url });
    await createHttpSource(client, `${client.server}metadata/`).fetch('../a b?#%', 3, cap);
    client.close();
    expect(requests).toEqual(['GET /metadata/3...%2Fa%20b%3F%23%25.json']);
  });

  it('sends the token to the server', async () => {
    const { url, tokens } = await serve((_, response) => response.end('{}'));
    await fetchFrom(url, { token: 'vdm_x' });
    expect(tokens).toEqual(['Bearer vdm_x']);
  });

  it('follows a redirect on the same origin', async () => {
    const { url } = await serve((request, response) => {
      if (request.url === '/metadata/timestamp.json') {
        response.writeHead(302, { location: '/elsewhere.json' });
        response.end();
      } else response.end('{"moved":true}');
    });
    expect(await fetchFrom(url)).toEqual(body('{"moved":true}'));
  });
});

describe('T41: a lying transport', () => {
  it('stops a gzip bomb at the cap, counted after decompression', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000, 0x20));
    const { url } = await serve((_, response) => {
      response.setHeader('content-encoding', 'gzip');
      response.end(bomb.subarray(0, 1_900));
    });
    const error = await failure(fetchFrom(url));
    expect([error.code, error.detail['reason']]).toEqual(['UNUSABLE', 'too-large']);
  });

  it('stops endless empty gzip members, which inflate to nothing', async () => {
    const member = gzipSync('');
    const { url } = await serve((_, response) => {
      response.setHeader('content-encoding', 'gzip');
      response.end(Buffer.concat(Array.from({ length: 500 }, () => member)));
    });
    const error = await failure(fetchFrom(url));
    expect([error.code, error.detail['reason']]).toEqual(['UNUSABLE', 'too-large']);
  });

  it.each([
    ['a body over the cap', (r: Parameters<Handler>[1]) => r.end(Buffer.alloc(cap + 1, 0x20)), 'too-large'],
    [
      'a body over the cap in chunks',
      (r: Parameters<Handler>[1]) => {
        r.write(Buffer.alloc(cap, 0x20));
        r.end(' ');
      },
      'too-large',
    ],
    [
      'a login page',
      (r: Parameters<Handler>[1]) => {
        r.setHeader('content-type', 'text/html; charset=utf-8');
        r.end('<!doctype html><title>Log in</title>');
      },
      'html',
    ],
    ['a page that calls itself JSON', (r: Parameters<Handler>[1]) => r.end('\n <html></html>'), 'html'],
    [
      'broken gzip',
      (r: Parameters<Handler>[1]) => {
        r.setHeader('content-encoding', 'gzip');
        r.end('{}');
      },
      'encoding',
    ],
    [
      'gzip that is cut off',
      (r: Parameters<Handler>[1]) => {
        r.setHeader('content-encoding', 'gzip');
        r.end(gzipSync('{"a":"bcdefgh"}').subarray(0, 20));
      },
      'encoding',
    ],
    [
      'an encoding nobody asked for',
      (r: Parameters<Handler>[1]) => {
        r.setHeader('content-encoding', 'br');
        r.end('{}');
      },
      'encoding',
    ],
  ])('refuses %s', async (_, answer, reason) => {
    const { url } = await serve((_request, response) => void answer(response));
    const error = await failure(fetchFrom(url));
    expect([error.code, error.detail['reason']]).toEqual(['UNUSABLE', reason]);
  });

  it.each([
    ['another host', 'http://127.0.0.2:1/'],
    ['another port', 'http://127.0.0.1:1/'],
    ['credentials in the URL', 'http://user:pw@127.0.0.1/'],
    ['no URL', 'http://['],
    ['another scheme', 'file:///etc/passwd'],
  ])('refuses a redirect to %s', async (_, location) => {
    const { url } = await serve((_request, response) => {
      response.writeHead(302, { location });
      response.end();
    });
    const error = await failure(fetchFrom(url, { token: 'secret' }));
    expect([error.code, error.detail['reason']]).toEqual(['UNUSABLE', 'redirect']);
  });

  it('never shows the token to the server it was redirected to', async () => {
    const thief = await serve((_, response) => response.end('{}'));
    const { url } = await serve((_, response) => {
      response.writeHead(307, { location: `${thief.url}/metadata/timestamp.json` });
      response.end();
    });
    await failure(fetchFrom(url, { token: 'secret' }));
    expect(thief.requests).toEqual([]);
  });

  it('ends a circle of redirects', async () => {
    const { url, requests } = await serve((_, response) => {
      response.writeHead(301, { location: '/metadata/timestamp.json' });
      response.end();
    });
    expect((await failure(fetchFrom(url))).detail['reason']).toBe('redirect');
    expect(requests).toHaveLength(4);
  });

  it('refuses a body shorter than its Content-Length', async () => {
    const { url } = await serveRaw('HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"a":1}', 'close');
    const error = await failure(fetchFrom(url));
    expect([error.code, error.detail['reason']]).toEqual(['UNUSABLE', 'length']);
  });

  it('refuses a chunked body that never ends properly', async () => {
    const { url } = await serveRaw(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{"a":1}\r\n',
      'close',
    );
    const error = await failure(fetchFrom(url));
    expect([error.code, error.detail['reason']]).toEqual(['UNUSABLE', 'length']);
  });

  it('refuses what is not HTTP', async () => {
    const { url } = await serveRaw('SSH-2.0-OpenSSH_9.2\r\n', 'close');
    const error = await failure(fetchFrom(url));
    expect([error.code, error.detail['reason']]).toEqual(['UNUSABLE', 'protocol']);
  });

  it.each([
    ['before the answer', ''],
    ['in the middle of it', 'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"a"'],
  ])('gives up on a server that falls silent %s', async (_, answer) => {
    const { url } = await serveRaw(answer, 'hang');
    const error = await failure(fetchFrom(url));
    expect([error.code, error.detail['cause']]).toEqual(['UNREACHABLE', 'timeout']);
  });

  it('gives up on a server that trickles: slow retrieval', async () => {
    const { url } = await serve((_, response) => {
      response.flushHeaders();
      const timer = setInterval(() => response.write(' '), 10);
      response.on('close', () => clearInterval(timer));
    });
    const error = await failure(fetchFrom(url, { limits: { totalTimeoutMs: 600 } }));
    expect([error.code, error.detail['phase']]).toEqual(['UNREACHABLE', 'total']);
  });

  it('says that nobody answers', async () => {
    const error = await failure(fetchFrom(await unusedUrl()));
    expect([error.code, error.detail['cause']]).toEqual(['UNREACHABLE', 'ECONNREFUSED']);
  });

  it('says that a host does not do TLS', async () => {
    const { url } = await serve((_, response) => response.end('{}'));
    expect((await failure(fetchFrom(url.replace('http:', 'https:')))).code).toBe('UNREACHABLE');
  });
});

describe('options of the HTTP client', () => {
  it.each([
    'ftp://trust.example.com',
    'trust.example.com',
    'https://user:password@trust.example.com',
    'https://trust.example.com/?a=b',
    'https://trust.example.com/#a',
    '',
  ])('refuses the server %s', (server) => {
    expect(() => createHttpClient({ server })).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID' }));
  });

  it('refuses a token that would break out of its header', () => {
    expect(() => createHttpClient({ server: 'https://a.example', token: 'a\r\nhost: b' })).toThrow(
      expect.objectContaining({ code: 'OPTIONS_INVALID' }),
    );
  });

  it('refuses a CA file without a certificate', () => {
    expect(() => createHttpClient({ server: 'https://a.example', ca: 'hello' })).toThrow(
      expect.objectContaining({ code: 'OPTIONS_INVALID' }),
    );
  });
});
