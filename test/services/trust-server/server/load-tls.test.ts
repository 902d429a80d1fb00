import { readFile } from 'node:fs/promises';
import { createServer, get } from 'node:https';
import { fileURLToPath } from 'node:url';
import { getRequestListener } from '@hono/node-server';
import { type ListenerErrorCode, listenerOptions, loadTls } from '@vidimus/trust-server';
import { describe, expect, it } from 'vitest';
import { serverForTest } from '../trust-server-for-test.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
const certFile = fixture('localhost.cert.pem');
const keyFile = fixture('localhost.key.pem');
const parts = { readFile, now: Date.UTC(2027, 0, 1) };

describe('loadTls', () => {
  it('gives undefined only when TLS was not asked for', async () => {
    expect(await loadTls({ certFile: undefined, keyFile: undefined }, parts)).toBeUndefined();
  });

  // T29: each of these must stop the start; none may end in plain HTTP.
  it.each<[string, { certFile: string | undefined; keyFile: string | undefined }, number, ListenerErrorCode]>(
    [
      [
        'a certificate path that leads nowhere',
        { certFile: '/nonexistent', keyFile },
        parts.now,
        'TLS_FILE_UNREADABLE',
      ],
      [
        'a key path that leads nowhere',
        { certFile, keyFile: '/nonexistent' },
        parts.now,
        'TLS_FILE_UNREADABLE',
      ],
      ['an empty path', { certFile: '', keyFile }, parts.now, 'TLS_FILE_UNREADABLE'],
      ['a certificate without its key', { certFile, keyFile: undefined }, parts.now, 'TLS_INVALID'],
      ['a key without its certificate', { certFile: undefined, keyFile }, parts.now, 'TLS_INVALID'],
      ['a key where the certificate belongs', { certFile: keyFile, keyFile }, parts.now, 'TLS_INVALID'],
      ['a certificate where the key belongs', { certFile, keyFile: certFile }, parts.now, 'TLS_INVALID'],
      ['text that is neither', { certFile: fixture('README.md'), keyFile }, parts.now, 'TLS_INVALID'],
      [
        'the key of another certificate',
        { certFile, keyFile: fixture('other.key.pem') },
        parts.now,
        'TLS_MISMATCH',
      ],
      ['a certificate not valid yet', { certFile, keyFile }, Date.UTC(2020, 0, 1), 'TLS_EXPIRED'],
      ['a certificate valid no more', { certFile, keyFile }, Date.UTC(2200, 0, 1), 'TLS_EXPIRED'],
    ],
  )('refuses %s', async (_what, files, now, code) => {
    await expect(loadTls(files, { readFile, now })).rejects.toMatchObject({ code });
  });

  it('gives what node:https serves with', async () => {
    const tls = await loadTls({ certFile, keyFile }, parts);
    if (tls === undefined) throw new Error('TLS was asked for');
    const listener = getRequestListener(serverForTest().app.fetch, { overrideGlobalObjects: false });
    const server = createServer(
      { ...listenerOptions, ...tls, cert: Buffer.from(tls.cert), key: Buffer.from(tls.key) },
      listener,
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('not listening');
    const status = await new Promise((resolve, reject) => {
      get(
        {
          host: 'localhost',
          family: 4,
          port: address.port,
          path: '/healthz',
          ca: tls.cert.toString(),
          agent: false,
        },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      ).on('error', reject);
    });
    await new Promise((resolve) => server.close(resolve));
    expect(status).toBe(200);
  });
});
