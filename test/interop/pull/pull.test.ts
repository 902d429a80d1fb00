/**
 * The way of an image with nothing made up: docker-registry, skopeo, podman, and a trust server on a socket.
 * Whoever pulls gets the digest that was judged, or nothing.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256Hex } from '@vidimus/crypto';
import { openLayout, placeInLayout, pushSmallImage, type SmallImage, smallImage } from '@vidimus/oci';
import { parsePlatform } from '@vidimus/reference';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordMetadata, startReplay } from '../../../packages/cli/src/demo/replay-server.ts';
import {
  type Machine,
  openMachine,
  openSite,
  type Transcript,
  type TrustSite,
} from '../../cli/publishing-world.ts';
import { pulledSchema } from '../../cli/pulling-schemas.ts';
import { type DockerRegistry, startDockerRegistry } from '../../support/docker-registry.ts';
import { runProgram } from '../../support/foreign-program.ts';
import { buildxIndex, helloImage } from '../../support/image-builder.ts';
import { skopeo, skopeoDigest } from '../../support/skopeo.ts';

/** Debian's busybox-static. */
const busybox = smallImage({
  platform: parsePlatform('linux/amd64'),
  files: { 'bin/busybox': readFileSync('/bin/busybox') },
  command: ['/bin/busybox', 'echo', 'hello'],
});
const web = buildxIndex('web');
const evil = helloImage('not what you signed');
const bad = helloImage('web 1.1 with a hole');

let work: string;
let registry: DockerRegistry;
let site: TrustSite;
let machine: Machine;
let repository: string;
let environment: Record<string, string>;

beforeAll(async () => {
  // Lower case: podman makes an image name out of the path.
  work = join(tmpdir(), `vidimus-interop-pull-${process.pid}`);
  mkdirSync(work);
  environment = { PATH: process.env['PATH'] ?? '', ...podmanStorage(work) };
  registry = await startDockerRegistry();
  repository = `${registry.host}/shop/web`;
  site = await openSite();
  machine = await openMachine(site);
  await placeInLayout(join(work, 'source'), busybox, 'busybox');
  const source = `oci:${join(work, 'source')}:busybox`;
  await skopeo(
    'copy',
    '--preserve-digests',
    '--dest-tls-verify=false',
    source,
    `docker://${repository}:busybox`,
  );
  await push(web.index, '1.0');
  await done('init', repository);
  await done('sign', `${repository}:busybox@${busybox.digest}`);
  await done('sign', `${repository}:1.0@${web.index.digest}`);
});
afterAll(async () => {
  await machine?.close();
  await site?.close();
  await registry?.close();
  if (work !== undefined) rmSync(work, { recursive: true, force: true });
});

/** Storage of its own, in the only way a caller of `vidimus pull` can ask for it: the environment. */
function podmanStorage(directory: string): Record<string, string> {
  const file = join(directory, 'storage.conf');
  const place = (name: string): string => JSON.stringify(join(directory, 'podman', name));
  writeFileSync(file, `[storage]\ndriver = "vfs"\ngraphroot = ${place('root')}\nrunroot = ${place('run')}\n`);
  return { CONTAINERS_STORAGE_CONF: file };
}

const push = (image: SmallImage, tag: string): Promise<void> =>
  pushSmallImage(image, { origin: registry.origin, path: 'shop/web', tag });

const vidimus = (...words: readonly string[]): Promise<Transcript> => machine.run(words, { environment });

async function done(...words: readonly string[]): Promise<Transcript> {
  const transcript = await vidimus(...words);
  if (transcript.exit !== 0) throw new Error(`vidimus ${words.join(' ')}: ${JSON.stringify(transcript)}`);
  return transcript;
}

async function podman(...words: readonly string[]): Promise<string> {
  return (await runProgram('podman', words, environment)).stdout.trim();
}

/** Of the document skopeo finds there, be it an index. */
async function rawDigest(name: string): Promise<string> {
  const { stdout } = await skopeo('inspect', '--raw', name);
  return `sha256:${sha256Hex(new TextEncoder().encode(stdout))}`;
}

/** Everything podman has, by digest. */
async function inPodman(): Promise<readonly string[]> {
  return (await podman('images', '--digests', '--format', '{{.Digest}}'))
    .split('\n')
    .filter((line) => line !== '');
}

describe('an image that is vouched for', () => {
  it('is copied by skopeo, the whole index under the judged digest', async () => {
    const directory = join(work, 'skopeo');
    const { stdout } = await done(
      'pull',
      `${repository}:1.0`,
      '--with',
      'skopeo',
      '--to',
      `oci:${directory}`,
      '--json',
    );
    expect(pulledSchema.parse(JSON.parse(stdout)).pulled).toEqual({
      with: 'skopeo',
      reference: `${repository}@${web.index.digest}`,
      to: `oci:${directory}`,
      retagged: null,
    });
    const layout = await openLayout(directory);
    for (const { digest, size } of [web.index, web.amd64, web.arm64, web.attestation])
      expect(await layout.blobSize(digest)).toBe(size);
    expect(await rawDigest(`oci:${directory}`)).toBe(web.index.digest);
  });

  it('is copied by skopeo for one platform', async () => {
    const directory = join(work, 'skopeo-arm');
    const words = ['--with', 'skopeo', '--platform', 'linux/arm64', '--to', `oci:${directory}`];
    await done('pull', `${repository}:1.0`, ...words);
    expect(await skopeoDigest(`oci:${directory}`)).toBe(web.arm64.digest);
  });

  it('is fetched into a layout that skopeo reads', async () => {
    const directory = join(work, 'own');
    await done('pull', `${repository}:busybox`, '--to', `oci:${directory}`);
    expect(await skopeoDigest(`oci:${directory}:busybox`)).toBe(busybox.digest);
  });

  it('is pulled by podman by digest, and called by the tag afterwards', async () => {
    const { stdout } = await done('pull', `${repository}:busybox`, '--with', 'podman', '--json');
    expect(pulledSchema.parse(JSON.parse(stdout)).pulled).toEqual({
      with: 'podman',
      reference: `${repository}@${busybox.digest}`,
      to: null,
      retagged: `${repository}:busybox`,
    });
    expect(await podman('image', 'inspect', '--format', '{{.Digest}}', `${repository}:busybox`)).toBe(
      busybox.digest,
    );
  });

  it('is pulled by podman out of an index', async () => {
    await done('pull', `${repository}:1.0`, '--with', 'podman', '--platform', 'linux/amd64');
    const found: { Digest: string; RepoDigests: string[]; RepoTags: string[] }[] = JSON.parse(
      await podman('image', 'inspect', `${repository}:1.0`),
    );
    expect(found[0]?.RepoTags).toContain(`${repository}:1.0`);
    expect([found[0]?.Digest, ...(found[0]?.RepoDigests ?? [])].join(' ')).toContain(web.index.digest);
  });
});

describe('what must not be pulled', () => {
  /** Refused by all who pull, and podman has nothing more than before. */
  async function refused(name: string, code: string, ...more: readonly string[]): Promise<void> {
    const before = await inPodman();
    const ways = [
      ['--with', 'podman'],
      ['--with', 'skopeo', '--to', `oci:${join(work, 'refused')}`],
      ['--to', `oci:${join(work, 'refused')}`],
    ];
    for (const way of ways) {
      const { exit, stdout } = await vidimus('pull', `${repository}${name}`, ...way, ...more);
      expect([exit, stdout]).toEqual([1, expect.stringMatching(new RegExp(`^DENIED .*${code}`))]);
    }
    expect(await inPodman()).toEqual(before);
    await expect(openLayout(join(work, 'refused'))).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
  }

  it('is a tag nobody signed', async () => {
    await push(evil, '2.0');
    await refused(':2.0', 'NOT_VOUCHED');
    await refused(`@${evil.digest}`, 'NOT_VOUCHED');
  });

  it('is where somebody moved a signed tag to: the vouched digest comes, or with --strict nothing', async () => {
    await push(evil, '1.0');
    const directory = join(work, 'moved');
    const { stderr } = await done(
      'pull',
      `${repository}:1.0`,
      '--with',
      'skopeo',
      '--to',
      `oci:${directory}`,
    );
    expect(stderr).toMatch(/^WARNING .*TAG_MOVED$/m);
    expect(await rawDigest(`oci:${directory}`)).toBe(web.index.digest);
    await refused(':1.0', 'TAG_MOVED', '--strict');
    await push(web.index, '1.0');
  });

  it('is a digest that was taken back, under its tag and under any other', async () => {
    await push(bad, '1.1');
    await done('sign', `${repository}:1.1@${bad.digest}`);
    await done('pull', `${repository}:1.1`, '--to', `oci:${join(work, 'before')}`);
    await done('revoke', `${repository}@${bad.digest}`, '--reason', 'a hole, exploited');
    await push(bad, 'stable');
    await refused(':1.1', 'DIGEST_REVOKED');
    await refused(':stable', 'DIGEST_REVOKED');
    await refused(`@${bad.digest}`, 'DIGEST_REVOKED');
  });

  it('is a tag that was taken back, and what replayed metadata still says of it', async () => {
    const yesterday = await recordMetadata(site.server.origin, repository);
    await done('revoke', `${repository}:busybox`);
    await refused(':busybox', 'NOT_VOUCHED');
    const replay = await startReplay(yesterday);
    try {
      await refused(':busybox', 'ROLLBACK', '--server', replay.url);
    } finally {
      await replay.close();
    }
  });
});
