import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createLayoutRegistry,
  createRegistryClient,
  type LayoutRegistry,
  placeInLayout,
  pullToLayout,
  type RegistryClient,
} from '@vidimus/oci';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { buildxIndex, helloImage } from '../../support/image-builder.ts';
import { startServer, type TestServer } from '../../support/registry-server.ts';

const { index, amd64 } = buildxIndex();
const moved = helloImage('moved', 'linux/amd64', 'docker');
let parent: string;
let registry: LayoutRegistry;
let server: TestServer;
let client: RegistryClient;
let repository: string;

beforeEach(async () => {
  parent = mkdtempSync(join(tmpdir(), 'vidimus-registry-'));
  const layoutDirectory = join(parent, 'layout');
  await placeInLayout(layoutDirectory, index);
  await placeInLayout(layoutDirectory, moved, 'moved');
  registry = createLayoutRegistry({ layoutDirectory });
  server = await startServer(registry.listener);
  client = createRegistryClient();
  repository = `${server.host}/shop/web`;
});
afterEach(async () => {
  client.close();
  await server.close();
  rmSync(parent, { recursive: true });
});

it('serves a tag, moves it and takes it away', async () => {
  registry.pointTag('shop/web', '1.0', index.digest);
  expect(await client.resolveTag(repository, '1.0')).toMatchObject({ digest: index.digest });
  registry.pointTag('shop/web', '1.0', moved.digest);
  expect(await client.headManifest(repository, '1.0')).toEqual({
    digest: moved.digest,
    mediaType: moved.mediaType,
    size: moved.size,
  });
  registry.removeTag('shop/web', '1.0');
  await expect(client.resolveTag(repository, '1.0')).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

it('can be pulled from, by digest, platform by platform', async () => {
  registry.pointTag('shop/web', '1.0', index.digest);
  const directory = join(parent, 'pulled');
  const pulled = await pullToLayout({ client, repository, image: index, directory, name: '1.0' });
  expect(pulled.closures).toHaveLength(4);
  expect(await client.getManifest(repository, amd64.digest)).toMatchObject({ kind: 'image' });
});

it.each(['constructor', '__proto__', 'toString'])('has no tag %s by accident', async (tag) => {
  registry.pointTag('shop/web', '1.0', index.digest);
  await expect(client.resolveTag(repository, tag)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

it('knows no repository that never had a tag', async () => {
  await expect(client.getManifest(repository, index.digest)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

it.each([
  ['PUT', '/v2/shop/web/manifests/1.0', 405],
  ['DELETE', '/v2/shop/web/manifests/1.0', 405],
  ['POST', '/v2/shop/web/blobs/uploads/', 405],
  ['GET', '/v2/shop/web/blobs/..%2f..%2fetc%2fpasswd', 404],
  ['GET', '/v2/shop/web/blobs/sha256:..', 404],
  ['GET', '/v2/shop/web/manifests/../../../oci-layout', 404],
  ['GET', '/', 404],
])('refuses %s %s', async (method, path, status) => {
  registry.pointTag('shop/web', '1.0', index.digest);
  expect((await fetch(`${server.origin}${path}`, { method })).status).toBe(status);
});
