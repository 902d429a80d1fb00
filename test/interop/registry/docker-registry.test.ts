/** Our registry client and layouts against the real docker-registry, skopeo and podman. */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createLayoutRegistry,
  createRegistryClient,
  credentialsFromFiles,
  openLayout,
  placeInLayout,
  pullToLayout,
  pushSmallImage,
  type RegistryClient,
  type SmallImage,
  smallImage,
} from '@vidimus/oci';
import { parsePlatform } from '@vidimus/reference';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type DockerRegistry,
  REGISTRY_PASSWORD,
  REGISTRY_USER,
  startDockerRegistry,
} from '../../support/docker-registry.ts';
import { buildxIndex, helloImage } from '../../support/image-builder.ts';
import { createPodman, type Podman } from '../../support/podman.ts';
import { TEST_CA } from '../../support/registry-tls.ts';
import { skopeo, skopeoDigest } from '../../support/skopeo.ts';

const { index, amd64, arm64 } = buildxIndex();
/** Debian's busybox-static. */
const busybox = smallImage({
  platform: parsePlatform('linux/amd64'),
  files: { 'bin/busybox': readFileSync('/bin/busybox') },
  command: ['/bin/busybox', 'echo', 'hello'],
});
const docker = helloImage('in the old format', 'linux/amd64', 'docker');

let work: string;
let registry: DockerRegistry;
let repository: string;
let client: RegistryClient;
let podman: Podman;

beforeAll(async () => {
  // Lower case: podman makes an image name out of the path.
  work = join(tmpdir(), `vidimus-interop-registry-${process.pid}`);
  mkdirSync(work);
  registry = await startDockerRegistry();
  repository = `${registry.host}/shop/web`;
  client = createRegistryClient();
  podman = createPodman();
  const source = join(work, 'source');
  for (const [image, name] of [
    [index, 'index'],
    [busybox, 'busybox'],
  ] as const) {
    await placeInLayout(source, image, name);
    const target = `docker://${repository}:${name}`;
    await skopeo(
      'copy',
      '--all',
      '--preserve-digests',
      '--dest-tls-verify=false',
      `oci:${source}:${name}`,
      target,
    );
  }
  await pushSmallImage(docker, { origin: registry.origin, path: 'shop/web', tag: 'docker' });
});

afterAll(async () => {
  client?.close();
  podman?.close();
  await registry?.close();
  if (work !== undefined) rmSync(work, { recursive: true, force: true });
});

const pushed: readonly (readonly [string, SmallImage])[] = [
  ['index', index],
  ['busybox', busybox],
  ['docker', docker],
];

describe('docker-registry', () => {
  it.each(pushed)('resolves %s to what was pushed, by head and by bytes', async (name, image) => {
    const expected = { digest: image.digest, size: image.size, mediaType: image.mediaType };
    expect(await client.headManifest(repository, name)).toEqual(expected);
    expect(await client.resolveTag(repository, name)).toEqual(expected);
    expect(await skopeoDigest(`docker://${repository}:${name}`, '--tls-verify=false')).toBe(image.digest);
  });

  it('says that it does not have a tag, a digest, a repository', async () => {
    const missing = [
      () => client.headManifest(repository, 'nowhere'),
      () => client.getManifest(repository, `sha256:${'0'.repeat(64)}`),
      () => client.resolveTag(`${registry.host}/nobody/here`, 'latest'),
    ];
    for (const ask of missing) await expect(ask()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it.each(pushed.slice(0, 2))(
    'is pulled into a layout that skopeo and podman read (%s)',
    async (name, image) => {
      const directory = join(work, `pulled-${name}`);
      const { digest } = image;
      await pullToLayout({ client, repository, image: { digest }, directory, name: '1.0' });
      expect(await skopeoDigest(`oci:${directory}:1.0`)).toBe(digest);
      const copied = `dir:${join(work, `copied-${name}`)}`;
      await skopeo('copy', '--all', '--preserve-digests', `oci:${directory}:1.0`, copied);
      if (name === 'busybox') {
        const id = (await podman.run('pull', '--quiet', `oci:${directory}:1.0`)).stdout.trim();
        expect(`sha256:${id}`).toBe([...busybox.blobs.keys()][0]);
      }
    },
  );

  // skopeo 1.9 finds only OCI types in a layout; converting the document would change the vouched digest.
  it('is pulled into a layout in the old format with its digest kept', async () => {
    const directory = join(work, 'pulled-docker');
    await pullToLayout({ client, repository, image: docker, directory, name: '1.0' });
    const layout = await openLayout(directory);
    expect(await layout.images()).toMatchObject([{ digest: docker.digest, mediaType: docker.mediaType }]);
    expect((await layout.readManifest(docker)).kind).toBe('image');
  });

  it('is pulled for one platform', async () => {
    const directory = join(work, 'pulled-arm64');
    const platform = parsePlatform('linux/arm64');
    const image = { digest: index.digest };
    const pulled = await pullToLayout({ client, repository, image, platform, directory, name: '1.0' });
    expect(pulled.image.digest).toBe(arm64.digest);
    expect(await skopeoDigest(`oci:${directory}:1.0`)).toBe(arm64.digest);
  });

  it('gives podman by digest what we resolved', async () => {
    const pinned = `${repository}@${(await client.resolveTag(repository, 'index')).digest}`;
    await podman.run('pull', '--quiet', '--tls-verify=false', '--platform', 'linux/amd64', pinned);
    const { stdout } = await podman.run('image', 'inspect', '--format', '{{json .RepoDigests}}', pinned);
    expect(JSON.parse(stdout)).toContain(`${repository}@${amd64.digest}`);
  });
});

describe('docker-registry with TLS and a login', () => {
  let locked: DockerRegistry;
  const clientOf = (environment: Readonly<Record<string, string>>): RegistryClient =>
    createRegistryClient({
      registries: new Map([[locked.host, { ca: TEST_CA }]]),
      credentials: credentialsFromFiles({ environment }),
    });

  beforeAll(async () => {
    locked = await startDockerRegistry({ tls: true, login: true });
  });
  afterAll(() => locked?.close());

  it('is read with what `skopeo login` wrote, and not without it', async () => {
    const authFile = join(work, 'auth.json');
    const certificates = ['--cert-dir', locked.certificates];
    const credentials = ['--username', REGISTRY_USER, '--password', REGISTRY_PASSWORD];
    await skopeo('login', '--authfile', authFile, ...certificates, ...credentials, locked.host);
    const source = `oci:${join(work, 'source')}:index`;
    const target = `docker://${locked.host}/shop/web:1.0`;
    const to = ['--dest-cert-dir', locked.certificates, '--authfile', authFile];
    await skopeo('copy', '--all', '--preserve-digests', ...to, source, target);

    const known = clientOf({ REGISTRY_AUTH_FILE: authFile });
    expect((await known.ping(locked.host)).authentication).toBe('basic');
    const directory = join(work, 'pulled-locked');
    const image = { digest: index.digest };
    const from = `${locked.host}/shop/web`;
    await pullToLayout({ client: known, repository: from, image, directory, name: '1.0' });
    expect((await (await openLayout(directory)).images())[0]?.digest).toBe(index.digest);
    known.close();

    const stranger = clientOf({});
    await expect(stranger.resolveTag(from, '1.0')).rejects.toMatchObject({ code: 'DENIED' });
    stranger.close();
  });

  it('is unreachable without its CA', async () => {
    const strict = createRegistryClient();
    await expect(strict.ping(locked.host)).rejects.toMatchObject({
      code: 'UNREACHABLE',
      detail: { reason: 'tls' },
    });
    strict.close();
  });
});

describe('our read-only registry', () => {
  it('is read by skopeo and podman', async () => {
    const readOnly = createLayoutRegistry({ layoutDirectory: join(work, 'source') });
    readOnly.pointTag('shop/web', '1.0', index.digest);
    const server = http.createServer(readOnly.listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const host = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    try {
      const copied = `dir:${join(work, 'copied-read-only')}`;
      await skopeo('copy', '--all', '--src-tls-verify=false', `docker://${host}/shop/web:1.0`, copied);
      const pinned = `${host}/shop/web@${index.digest}`;
      await podman.run('pull', '--quiet', '--tls-verify=false', '--platform', 'linux/amd64', pinned);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
