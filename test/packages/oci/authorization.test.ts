import { type Credential, createRegistryClient, type RegistryClient } from '@vidimus/oci';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { helloImage } from '../../support/image-builder.ts';
import { type MemoryRegistry, startMemoryRegistry } from '../../support/registry-memory.ts';
import { type RecordedRequest, startServer, type TestServer } from '../../support/registry-server.ts';
import { TEST_CA } from '../../support/registry-tls.ts';

const image = helloImage();
const password: Credential = { kind: 'password', username: 'alice', password: 'pass:word' };
const basicHeader = `Basic ${Buffer.from('alice:pass:word').toString('base64')}`;
const toClose: { close(): unknown }[] = [];
let registry: MemoryRegistry;

beforeEach(async () => {
  registry = await startMemoryRegistry();
  toClose.push(registry);
  registry.add(image, '1.0');
});
afterEach(async () => {
  for (const open of toClose.splice(0).reverse()) await open.close();
});

describe('basic authentication', () => {
  it('sends user name and password when asked, and again without being asked', async () => {
    demand('Basic realm="registry"', (header) => header === basicHeader);
    const client = clientWith(password);
    await client.resolveTag(registry.repository, '1.0');
    await client.resolveTag(registry.repository, '1.0');
    expect(authorizations(registry.requests)).toEqual([undefined, basicHeader, basicHeader]);
  });

  it('is denied without credentials, and after one try with wrong ones', async () => {
    demand('Basic realm="registry"', () => false);
    await expect(clientWith(undefined).resolveTag(registry.repository, '1.0')).rejects.toMatchObject({
      code: 'DENIED',
    });
    await expect(clientWith(password).resolveTag(registry.repository, '1.0')).rejects.toMatchObject({
      code: 'DENIED',
    });
    expect(registry.requests).toHaveLength(3);
  });
});

describe('token authentication', () => {
  it('fetches a token for pulling this repository only, with the credentials', async () => {
    const tokens = await tokenService('{"token":"abc","expires_in":60}');
    demand(
      bearer(`${tokens.origin}/token`, 'repository:shop/web:pull,push,delete'),
      (h) => h === 'Bearer abc',
    );
    await clientWith(password).resolveTag(registry.repository, '1.0');
    expect(tokens.requests[0]?.headers.authorization).toBe(basicHeader);
    const asked = new URL(tokens.requests[0]?.url ?? '', tokens.origin).searchParams;
    expect(Object.fromEntries(asked)).toEqual({ service: 'reg', scope: 'repository:shop/web:pull' });
  });

  it('works for nobody in particular, and takes `access_token` too', async () => {
    const tokens = await tokenService('{"access_token":"abc"}');
    demand(bearer(`${tokens.origin}/token`), (header) => header === 'Bearer abc');
    await clientWith(undefined).resolveTag(registry.repository, '1.0');
    expect(authorizations(tokens.requests)).toEqual([undefined]);
  });

  it('fetches a new token once when the old one is no longer taken', async () => {
    const tokens = await tokenService('{"token":"abc"}');
    let valid = true;
    demand(bearer(`${tokens.origin}/token`), (header) => {
      const taken = valid && header === 'Bearer abc';
      if (header !== undefined) valid = true;
      return taken;
    });
    const client = clientWith(undefined);
    await client.resolveTag(registry.repository, '1.0');
    valid = false;
    await client.resolveTag(registry.repository, '1.0');
    expect(tokens.requests).toHaveLength(2);
  });

  it('exchanges an identity token by POST, without any password', async () => {
    const tokens = await tokenService('{"access_token":"abc"}');
    demand(bearer(`${tokens.origin}/token`), (header) => header === 'Bearer abc');
    await clientWith({ kind: 'identityToken', token: 'refresh' }).resolveTag(registry.repository, '1.0');
    expect(tokens.requests[0]).toMatchObject({ method: 'POST', url: '/token' });
    expect(tokens.requests[0]?.headers.authorization).toBeUndefined();
  });

  it.each([
    ['no token', '{}'],
    ['a token that breaks out of the header', '{"token":"a\\r\\nx: y"}'],
    ['an endless token', JSON.stringify({ token: 'a'.repeat(20_000) })],
    ['HTML', '<html></html>'],
  ])('refuses a token service that answers with %s', async (_, body) => {
    const tokens = await tokenService(body);
    demand(bearer(`${tokens.origin}/token`), () => false);
    await expect(clientWith(undefined).resolveTag(registry.repository, '1.0')).rejects.toMatchObject({
      code: 'UNUSABLE',
    });
  });

  it.each([
    [401, 'DENIED'],
    [403, 'DENIED'],
    [404, 'UNUSABLE'],
    [307, 'UNUSABLE'],
    [500, 'UNUSABLE'],
  ])('maps status %i of the token service', async (status, code) => {
    const tokens = await startServer((_, response) => {
      response.writeHead(status, { location: '/elsewhere' }).end();
    });
    toClose.push(tokens);
    demand(bearer(`${tokens.origin}/token`), () => false);
    await expect(clientWith(password).resolveTag(registry.repository, '1.0')).rejects.toMatchObject({ code });
    expect(tokens.requests).toHaveLength(1);
  });

  it.each([
    ['in the clear', 'http://auth.example.com/token'],
    ['with credentials', 'https://user:pass@auth.example.com/token'],
    ['that is a file', 'file:///etc/passwd'],
    ['that is relative', '/token'],
    ['that is empty', ''],
  ])('refuses a realm %s and sends nothing', async (_, realm) => {
    demand(bearer(realm), () => false);
    await expect(clientWith(password).resolveTag(registry.repository, '1.0')).rejects.toMatchObject({
      code: 'UNUSABLE',
      detail: { reason: 'realm' },
    });
  });

  it('refuses a realm in the clear on another name of this machine when the registry speaks TLS', async () => {
    const secure = await startMemoryRegistry({ tls: true });
    const tokens = await tokenService('{"token":"abc"}');
    toClose.push(secure);
    secure.intercept((_, response) => {
      const realm = tokens.origin.replace('127.0.0.1', 'localhost');
      response.writeHead(401, { 'www-authenticate': bearer(`${realm}/token`) }).end();
      return true;
    });
    const client = createRegistryClient({
      registries: new Map([[secure.host, { ca: TEST_CA }]]),
      credentials: async () => password,
    });
    toClose.push(client);
    await expect(client.resolveTag(secure.repository, '1.0')).rejects.toMatchObject({ code: 'UNUSABLE' });
    expect(tokens.requests).toEqual([]);
  });
});

it('says in a ping what login the registry wants', async () => {
  demand(bearer('https://auth.example.com/token'), () => false);
  expect((await clientWith(undefined).ping(registry.host)).authentication).toBe('bearer');
});

function demand(challenge: string, isTaken: (header: string | undefined) => boolean): void {
  registry.intercept((request, response) => {
    if (isTaken(request.headers.authorization)) return false;
    response.writeHead(401, { 'www-authenticate': challenge }).end();
    return true;
  });
}

function bearer(realm: string, scope = 'x'): string {
  return `Bearer realm="${realm}",service="reg",scope="${scope}"`;
}

async function tokenService(body: string): Promise<TestServer> {
  const server = await startServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'application/json' }).end(body);
  });
  toClose.push(server);
  return server;
}

function clientWith(credential: Credential | undefined): RegistryClient {
  const registries = new Map([[registry.host, { plainHttp: true }]]);
  const client = createRegistryClient({ registries, credentials: async () => credential });
  toClose.push(client);
  return client;
}

function authorizations(requests: readonly RecordedRequest[]): readonly (string | undefined)[] {
  return requests.map(({ headers }) => headers.authorization);
}
