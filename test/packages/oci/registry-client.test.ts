import net from 'node:net';
import {
  createRegistryClient,
  type OciErrorCode,
  type RegistryClient,
  type RegistryClientOptions,
} from '@vidimus/oci';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  endlessBody,
  gzipBomb,
  htmlPage,
  otherBytes,
  redirectTo,
  servedAs,
  shortBody,
  silence,
  stalledBody,
  statusOnly,
} from '../../support/hostile-registry.ts';
import { buildxIndex, helloImage } from '../../support/image-builder.ts';
import { type Intercept, type MemoryRegistry, startMemoryRegistry } from '../../support/registry-memory.ts';
import { startServer } from '../../support/registry-server.ts';
import { TEST_CA } from '../../support/registry-tls.ts';

const image = helloImage();
const other = helloImage('other');
const layer = { mediaType: 'application/octet-stream', ...blobOf(image) };
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

function client(options: RegistryClientOptions = {}): RegistryClient {
  const made = createRegistryClient(options);
  toClose.push(made);
  return made;
}

const plain = (...hosts: readonly string[]): RegistryClientOptions => ({
  registries: new Map(hosts.map((host) => [host, { plainHttp: true }])),
});

describe('an honest registry', () => {
  it('resolves a tag to the digest of its bytes', async () => {
    const resolved = await client().resolveTag(registry.repository, '1.0');
    expect(resolved).toEqual({ mediaType: image.mediaType, digest: image.digest, size: image.size });
  });

  it('asks for the head alone where a claim is enough', async () => {
    const claim = await client(plain(registry.host)).headManifest(registry.repository, '1.0');
    expect(claim).toEqual({ mediaType: image.mediaType, digest: image.digest, size: image.size });
    expect(registry.requests.map(({ method }) => method)).toEqual(['HEAD']);
  });

  it('computes the digest from the bytes where the head does not name it', async () => {
    registry.intercept((request, response) => {
      if (request.method === 'HEAD') response.writeHead(200, { 'content-type': image.mediaType }).end();
      else response.writeHead(200, { 'content-type': image.mediaType }).end(image.bytes);
      return true;
    });
    const claim = await client(plain(registry.host)).headManifest(registry.repository, '1.0');
    expect(claim.digest).toBe(image.digest);
  });

  it('reads a blob and proves it', async () => {
    const bytes = await collect(client().readBlob(registry.repository, layer));
    expect(bytes.length).toBe(layer.size);
  });

  it('falls back to plain HTTP on loopback when nothing is configured', async () => {
    expect(await client().ping(registry.host)).toEqual({ url: registry.origin, authentication: 'none' });
  });

  it('does not fall back when the configuration says TLS', async () => {
    const strict = client({ registries: new Map([[registry.host, { plainHttp: false }]]) });
    await expect(strict.ping(registry.host)).rejects.toMatchObject({
      code: 'UNREACHABLE',
      detail: { reason: 'tls' },
    });
  });

  it('reads over TLS with a CA given for the host, and not without it', async () => {
    const secure = await startMemoryRegistry({ tls: true });
    toClose.push(secure);
    secure.add(image, '1.0');
    const trusting = client({ registries: new Map([[secure.host, { ca: TEST_CA }]]) });
    expect((await trusting.resolveTag(secure.repository, '1.0')).digest).toBe(image.digest);
    await expect(client().resolveTag(secure.repository, '1.0')).rejects.toMatchObject({
      code: 'UNREACHABLE',
      detail: { reason: 'tls' },
    });
    expect(secure.requests).toHaveLength(1);
  });

  it('verifies certificates whatever NODE_TLS_REJECT_UNAUTHORIZED says', async () => {
    const secure = await startMemoryRegistry({ tls: true });
    toClose.push(secure);
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      await expect(client().ping(secure.host)).rejects.toMatchObject({ code: 'UNREACHABLE' });
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    }
  });

  it('refuses a CA that is no certificate', async () => {
    const broken = client({ registries: new Map([[registry.host, { ca: 'certainly not' }]]) });
    await expect(broken.ping(registry.host)).rejects.toMatchObject({ code: 'CONFIGURATION_INVALID' });
  });
});

describe('a registry that lies about a manifest', () => {
  const lies: readonly (readonly [string, Intercept, OciErrorCode])[] = [
    ['an HTML login page', htmlPage, 'UNUSABLE'],
    ['a body shorter than announced', shortBody, 'LENGTH_MISMATCH'],
    ['a gzip bomb', gzipBomb, 'UNUSABLE'],
    ['a body without end', endlessBody, 'TOO_LARGE'],
    ['a body that stalls', stalledBody, 'UNREACHABLE'],
    ['silence', silence, 'UNREACHABLE'],
    ['bytes that are not the claimed digest', otherBytes(image.bytes, other.digest), 'DIGEST_MISMATCH'],
    ['a redirect to another host', redirectTo('https://registry.invalid/v2/x/manifests/1'), 'UNUSABLE'],
    ['a redirect without a target', statusOnly(307), 'UNUSABLE'],
    ['a redirect to itself', redirectTo('/v2/shop/web/manifests/1.0'), 'UNUSABLE'],
    ['a redirect to a file', redirectTo('file:///etc/passwd'), 'UNUSABLE'],
    ['status 204', statusOnly(204), 'UNUSABLE'],
    ['status 403', statusOnly(403), 'DENIED'],
    ['status 404', statusOnly(404), 'NOT_FOUND'],
    ['a web page with status 404', statusOnly(404, { 'content-type': 'text/html' }), 'UNUSABLE'],
    ['status 429', statusOnly(429), 'UNUSABLE'],
    ['status 500', statusOnly(500), 'UNUSABLE'],
    [
      'a 401 that asks for a login nobody knows',
      statusOnly(401, { 'www-authenticate': 'Negotiate' }),
      'UNUSABLE',
    ],
    ['a 401 without a challenge', statusOnly(401), 'UNUSABLE'],
    [
      'schema 1',
      servedAs(Buffer.from('{}'), 'application/vnd.docker.distribution.manifest.v1+prettyjws'),
      'DOCUMENT_REFUSED',
    ],
    [
      'another media type in the header than in the body',
      servedAs(image.bytes, buildxIndex().index.mediaType),
      'DOCUMENT_REFUSED',
    ],
  ];

  it.each(lies)('is refused: %s', async (_, lie, code) => {
    registry.intercept(lie);
    const asking = client({
      ...plain(registry.host),
      timeouts: code === 'UNREACHABLE' ? { idleMs: 200 } : {},
    });
    await expect(asking.getManifest(registry.repository, '1.0')).rejects.toMatchObject({ code });
  });

  it('is refused when it serves other bytes for a digest', async () => {
    registry.intercept(servedAs(other.bytes, other.mediaType));
    const asking = client(plain(registry.host)).getManifest(registry.repository, image.digest);
    await expect(asking).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });

  it('is refused when length, type or digest are not the expected ones', async () => {
    const asking = client(plain(registry.host));
    const expected: readonly (readonly [object, OciErrorCode])[] = [
      [{ size: image.size + 1 }, 'LENGTH_MISMATCH'],
      [{ mediaType: buildxIndex().index.mediaType }, 'DOCUMENT_REFUSED'],
      [{ digest: other.digest }, 'DIGEST_MISMATCH'],
    ];
    for (const [expectation, code] of expected) {
      await expect(asking.getManifest(registry.repository, '1.0', expectation)).rejects.toMatchObject({
        code,
      });
    }
  });

  it('is refused when it hides the wrong length by not announcing one', async () => {
    registry.intercept(servedAs(image.bytes, image.mediaType));
    const asking = client(plain(registry.host)).getManifest(registry.repository, '1.0', { size: 7 });
    await expect(asking).rejects.toMatchObject({ code: 'LENGTH_MISMATCH' });
  });

  it('is given up after the total time although bytes keep dripping', async () => {
    registry.intercept((_, response) => {
      response.writeHead(200, { 'content-type': image.mediaType });
      const drip = setInterval(() => response.write(' '), 10);
      response.on('close', () => clearInterval(drip));
      return true;
    });
    const asking = client({ ...plain(registry.host), timeouts: { documentMs: 200 } });
    await expect(asking.getManifest(registry.repository, '1.0')).rejects.toMatchObject({
      code: 'UNREACHABLE',
      detail: { reason: 'timeout', limit: 'total' },
    });
  });
});

describe('nobody there', () => {
  it('is unreachable when nothing listens', async () => {
    const gone = await startServer(() => undefined);
    await gone.close();
    await expect(client().resolveTag(`${gone.host}/a`, 'b')).rejects.toMatchObject({
      code: 'UNREACHABLE',
      detail: { reason: 'connect' },
    });
  });

  it('is asked anew after it came back', async () => {
    const { port } = new URL(registry.origin);
    await registry.close();
    const asking = client();
    await expect(asking.ping(registry.host)).rejects.toMatchObject({ code: 'UNREACHABLE' });
    toClose.push(await startServer((_, response) => response.end('{}'), { port: Number(port) }));
    expect((await asking.ping(registry.host)).authentication).toBe('none');
  });

  it('is given up when the handshake does not come to an end', async () => {
    const mute = net.createServer();
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    toClose.push(mute);
    const address = mute.address();
    const host = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    const asking = client({
      registries: new Map([[host, { plainHttp: false }]]),
      timeouts: { connectMs: 200 },
    });
    await expect(asking.ping(host)).rejects.toMatchObject({
      code: 'UNREACHABLE',
      detail: { reason: 'timeout', limit: 'connect' },
    });
    asking.close();
  });

  it('is unusable when what answers does not speak HTTP', async () => {
    const babble = net.createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.end('220 mail.example.com ESMTP\r\n');
    });
    await new Promise<void>((resolve) => babble.listen(0, '127.0.0.1', resolve));
    toClose.push(babble);
    const address = babble.address();
    const host = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    await expect(client(plain(host)).ping(host)).rejects.toMatchObject({ code: 'UNUSABLE' });
  });

  it('is unreachable when the name does not resolve', async () => {
    await expect(client().resolveTag('registry.invalid/a', 'b')).rejects.toMatchObject({
      code: 'UNREACHABLE',
    });
  });
});

describe('blobs', () => {
  it('come from another host without the Authorization header', async () => {
    const store = await startMemoryRegistry();
    toClose.push(store);
    store.add(image);
    const blob = `/v2/x/blobs/${layer.digest}`;
    registry.intercept((request, response) => {
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
        return true;
      }
      return redirectTo(`${store.origin}${blob}`, /blobs/)(request, response);
    });
    const asking = client({ credentials: async () => ({ kind: 'password', username: 'u', password: 'p' }) });
    expect((await collect(asking.readBlob(registry.repository, layer))).length).toBe(layer.size);
    expect(store.requests).toHaveLength(1);
    expect(store.requests[0]?.headers.authorization).toBeUndefined();
  });

  it('give no credential to a host they were redirected to', async () => {
    const thief = await startServer((_, response) => {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
    });
    toClose.push(thief);
    registry.intercept(redirectTo(`${thief.origin}/blob`, /blobs/));
    const asking = client({ credentials: async () => ({ kind: 'password', username: 'u', password: 'p' }) });
    await expect(collect(asking.readBlob(registry.repository, layer))).rejects.toMatchObject({
      code: 'UNUSABLE',
    });
    expect(thief.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  it('are not fetched in the clear when the registry speaks TLS', async () => {
    const secure = await startMemoryRegistry({ tls: true });
    toClose.push(secure);
    secure.intercept(redirectTo(`${registry.origin}/v2/shop/web/blobs/${layer.digest}`, /blobs/));
    const asking = client({
      registries: new Map([
        [secure.host, { ca: TEST_CA }],
        [registry.host, { plainHttp: true }],
      ]),
    });
    await expect(collect(asking.readBlob(secure.repository, layer))).rejects.toMatchObject({
      code: 'UNUSABLE',
      detail: { reason: 'redirect' },
    });
  });

  const spoiled: readonly (readonly [string, (bytes: Uint8Array) => Uint8Array, OciErrorCode])[] = [
    ['one byte changed', (bytes) => bytes.map((byte, at) => (at === 5 ? byte ^ 1 : byte)), 'DIGEST_MISMATCH'],
    ['one byte missing', (bytes) => bytes.subarray(1), 'LENGTH_MISMATCH'],
    ['one byte too many', (bytes) => Buffer.concat([bytes, Buffer.of(0)]), 'LENGTH_MISMATCH'],
  ];

  it.each(spoiled)('are refused with %s, announced or not', async (_, spoil, code) => {
    const bytes = spoil(image.blobs.get(layer.digest) ?? new Uint8Array());
    for (const announce of [true, false]) {
      registry.intercept((_request, response) => {
        if (announce) response.setHeader('content-length', bytes.length);
        response.writeHead(200).write(bytes);
        response.end();
        return true;
      });
      const read = collect(client(plain(registry.host)).readBlob(registry.repository, layer));
      await expect(read).rejects.toMatchObject({ code });
    }
  });
});

it('refuses a repository or reference that could leave its URL', async () => {
  const asking = client(plain(registry.host));
  await expect(asking.getManifest(`${registry.host}/a/../b`, '1')).rejects.toThrow();
  await expect(asking.getManifest(registry.repository, '../../x')).rejects.toMatchObject({
    code: 'CONFIGURATION_INVALID',
  });
  expect(registry.requests).toEqual([]);
});

function blobOf(from: typeof image): { digest: string; size: number } {
  const [digest, bytes] = [...from.blobs].at(-1) ?? ['', new Uint8Array()];
  return { digest, size: bytes.length };
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}
