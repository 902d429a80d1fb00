import { createServer } from 'node:https';
import { createHttpClient, createHttpSource } from '@vidimus/trust-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startHttpServer } from '../../../support/hostile-trust-server.ts';
import { TEST_CA, TEST_CERTIFICATE, TEST_KEY } from '../../../support/registry-tls.ts';
import { errorOf } from '../../../support/trust-test-bed.ts';

const server = createServer({ key: TEST_KEY, cert: TEST_CERTIFICATE });
let url: string;
let location: string | undefined;

beforeEach(async () => {
  location = undefined;
  server.on('request', (_, response) => {
    if (location !== undefined) response.writeHead(302, { location });
    response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  url = `https://127.0.0.1:${address.port}`;
});
afterEach(async () => {
  server.removeAllListeners('request');
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function fetchWith(ca: string | undefined): Promise<unknown> {
  const client = createHttpClient({ server: url, token: 'secret', ...(ca && { ca }) });
  try {
    return await createHttpSource(client, client.server).fetch('timestamp', undefined, 1_000);
  } finally {
    client.close();
  }
}

describe('HTTPS', () => {
  it('trusts the authority it was given', async () => {
    expect(await fetchWith(TEST_CA)).toEqual(Buffer.from('{}'));
  });

  it('trusts no certificate of an unknown authority', async () => {
    const error = await errorOf(fetchWith(undefined));
    expect([error.code, error.detail['cause']]).toEqual(['UNREACHABLE', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE']);
  });

  it('T41: never becomes HTTP by a redirect', async () => {
    const plain = await startHttpServer((_, response) => response.end('{}'));
    location = plain.url;
    expect((await errorOf(fetchWith(TEST_CA))).detail['reason']).toBe('redirect');
    location = url.replace('https:', 'http:');
    expect((await errorOf(fetchWith(TEST_CA))).detail['reason']).toBe('redirect');
    expect(plain.requests).toEqual([]);
    await plain.close();
  });
});
