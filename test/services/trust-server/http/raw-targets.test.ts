/** Over a socket: a URL parser on either side would hide what an attacker can write. */
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { listenerOptions } from '@vidimus/trust-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { base, repository, serverForTest, token } from '../trust-server-for-test.ts';

const { app, calls } = serverForTest();
let server: Server;

beforeAll(async () => {
  server = createServer(listenerOptions, getRequestListener(app.fetch, { overrideGlobalObjects: false }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

/** Sends one request line as it is and gives back everything that comes. */
function send(line: string, headers = ''): Promise<string> {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  return new Promise((resolve, reject) => {
    const socket = connect(address.port, '127.0.0.1');
    let answer = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      answer += chunk;
    });
    socket.on('end', () => resolve(answer));
    socket.on('error', reject);
    socket.write(
      `${line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n${headers}\r\n`,
    );
  });
}

describe('the raw request target', () => {
  it.each([
    ['dot-dot between two names', 'GET /v2/a.example/../b.example/c/_trust/'],
    ['dot-dot that would reach a real route', `GET /v2/x/../${repository}/_trust/tags`],
    ['an encoded dot-dot', `GET /v2/x/%2e%2e/${repository}/_trust/tags`],
    ['a dot segment', `GET /v2/./${repository}/_trust/tags`],
    ['two slashes', `GET //v2/${repository}/_trust/tags`],
    ['an encoded NUL', `GET ${base}/tags/a%00`],
    ['an encoded slash', 'GET /v2/registry.example.com%2Fshop%2Fweb/_trust/tags'],
    ['a double encoding', `GET ${base}/roles/a%252fb`],
    ['a second /_trust/', `GET ${base}/tags/_trust/tags`],
    ['bad percent-encoding', `GET ${base}/tags/%zz`],
    ['3 kB', `GET ${base}/tags?cursor=${'a'.repeat(3_000)}`],
    ['an absolute form', `GET http://other.example${base}/tags`],
    ['dot-dot in a write', `DELETE /v2/x/../${repository}/_trust/tags/1.4.2`],
  ])('refuses %s with 400 NAME_INVALID and no redirect', async (_what, line) => {
    calls.length = 0;
    const answer = await send(line);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('"code":"NAME_INVALID"');
    expect(answer).not.toMatch(/^location:/im);
    expect(calls).toEqual([]);
  });

  it.each([
    ['a raw backslash', `GET /v2/x\\..\\${repository}/_trust/tags`],
    ['a raw NUL', `GET ${base}/tags/\u0000`],
  ])('refuses %s before it comes to us', async (_what, line) => {
    calls.length = 0;
    expect(await send(line)).toMatch(/^HTTP\/1\.1 400 /);
    expect(calls).toEqual([]);
  });

  it('refuses headers beyond the limit', async () => {
    expect(await send(`GET ${base}/tags`, `X-Long: ${'a'.repeat(17_000)}\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('serves a repository with raw slashes and a port', async () => {
    calls.length = 0;
    expect(await send('GET /v2/localhost:5000/shop/web/_trust/tags')).toMatch(/^HTTP\/1\.1 200 /);
    expect(calls[0]?.args[0]).toBe('localhost:5000/shop/web');
  });

  it('answers HEAD with the headers of GET and no body', async () => {
    const answer = await send(`HEAD ${base}/tags`);
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer.endsWith('\r\n\r\n')).toBe(true);
  });

  it('counts a chunked body as it comes', async () => {
    const chunk = 'a'.repeat(65_536);
    const chunks = `10000\r\n${chunk}\r\n`.repeat(20);
    const answer = await send(
      `PUT ${base}/tags/1.0`,
      `Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n${chunks}0\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain('BODY_TOO_LARGE');
  });
});
