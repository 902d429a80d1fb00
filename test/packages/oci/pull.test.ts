import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createRegistryClient,
  openLayout,
  type PullProgress,
  type PullRequest,
  type PullResult,
  placeInLayout,
  pullToLayout,
  readAllClosures,
  type SmallImage,
} from '@vidimus/oci';
import { parsePlatform } from '@vidimus/reference';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { statusOnly } from '../../support/hostile-registry.ts';
import { buildxIndex, helloImage } from '../../support/image-builder.ts';
import { type MemoryRegistry, startMemoryRegistry } from '../../support/registry-memory.ts';

const built = buildxIndex();
const image = helloImage();
let registry: MemoryRegistry;
let parent: string;
let directory: string;

beforeEach(async () => {
  parent = mkdtempSync(join(tmpdir(), 'vidimus-pull-'));
  directory = join(parent, 'layout');
  registry = await startMemoryRegistry();
  registry.add(built.index, '1.0');
  registry.add(image, 'hello');
});
afterEach(async () => {
  await registry.close();
  rmSync(parent, { recursive: true });
});

describe('pullToLayout', () => {
  it('pulls everything an index lists, and the layout proves it', async () => {
    const result = await pull(built.index);
    expect(result.image.digest).toBe(built.index.digest);
    const layout = await openLayout(directory);
    const [named] = await layout.images();
    expect(named).toMatchObject({ name: '1.0', digest: built.index.digest, size: built.index.size });
    const top = await layout.readManifest(built.index);
    const closures = await readAllClosures(top, layout.readManifest);
    expect(closures).toHaveLength(4);
    for (const { image } of closures) {
      for (const blob of [image.config, ...image.layers]) {
        for await (const _ of layout.readBlob(blob));
      }
    }
    expect(readdirSync(directory).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  it('pulls one platform and names the image chosen', async () => {
    const result = await pull(built.index, { platform: parsePlatform('linux/arm64') });
    expect(result.image.digest).toBe(built.arm64.digest);
    expect(result.closures.map(({ digests }) => digests[0])).toEqual([built.index.digest]);
    const layout = await openLayout(directory);
    expect(await layout.blobSize(built.amd64.digest)).toBeUndefined();
  });

  it('uses intact blobs again and replaces spoiled ones', async () => {
    const first = await pull(image);
    const [config, layer] = [...image.blobs.keys()];
    const file = blobPath(layer ?? '');
    writeFileSync(file, Buffer.alloc(readFileSync(file).length));
    const before = registry.requests.length;
    const second = await pull(image);
    const fetched = registry.requests.slice(before).filter(({ url }) => url.includes('/blobs/'));
    expect(fetched.map(({ url }) => url)).toEqual([`/v2/shop/web/blobs/${layer}`]);
    expect(second.reusedBytes).toBe(image.blobs.get(config ?? '')?.length);
    expect(first.reusedBytes).toBe(0);
    expect(readFileSync(file)).toEqual(Buffer.from(image.blobs.get(layer ?? '') ?? []));
  });

  it('moves a name and leaves the others', async () => {
    await pull(image, { name: 'a' });
    await pull(image, { name: 'b' });
    await pull(built.index, { name: 'a' });
    const images = await (await openLayout(directory)).images();
    expect(images.map(({ name, digest }) => [name, digest])).toEqual([
      ['b', image.digest],
      ['a', built.index.digest],
    ]);
  });

  it('tells how far it is', async () => {
    const seen: PullProgress[] = [];
    await pull(image, { onProgress: (progress) => seen.push(progress) });
    for (const [digest, bytes] of image.blobs) {
      const own = seen.filter((progress) => progress.digest === digest);
      expect(own[0]?.received).toBe(0);
      expect(own.at(-1)?.received).toBe(bytes.length);
    }
  });

  it('refuses a tag', async () => {
    await expect(pull({ ...image, digest: '1.0' })).rejects.toMatchObject({ code: 'CONFIGURATION_INVALID' });
  });

  it('follows no link that somebody laid where it writes', async () => {
    await placeInLayout(directory, built.index, 'first');
    const precious = join(parent, 'precious.txt');
    writeFileSync(precious, 'x');
    symlinkSync(precious, join(directory, `index.json.${process.pid}.tmp`));
    await placeInLayout(directory, built.index, 'second');
    expect(readFileSync(precious, 'utf8')).toBe('x');
  });

  it('refuses a directory that is something else, and leaves it alone', async () => {
    mkdirSync(directory);
    writeFileSync(join(directory, 'precious.txt'), 'x');
    await expect(pull(image)).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
    expect(readdirSync(directory)).toEqual(['precious.txt']);
  });

  it.each([
    ['of another version', 'oci-layout', '{"imageLayoutVersion":"9"}'],
    ['with a broken mark', 'oci-layout', '{'],
    ['with a broken index', 'index.json', '[]'],
  ])('refuses a layout %s', async (_, name, content) => {
    await pull(image);
    writeFileSync(join(directory, name), content);
    await expect(pull(built.index)).rejects.toMatchObject({ code: 'LAYOUT_INVALID' });
    expect(readFileSync(join(directory, name), 'utf8')).toBe(content);
  });

  it('says that a file is in the way', async () => {
    writeFileSync(directory, 'a file');
    await expect(pull(image)).rejects.toMatchObject({ code: 'LAYOUT_UNWRITABLE' });
    expect(readFileSync(directory, 'utf8')).toBe('a file');
  });
});

describe('a pull that fails', () => {
  const spoilLayer = (): void => {
    const layer = [...image.blobs.keys()].at(-1) ?? '';
    registry.intercept((request, response) => {
      if (request.url?.endsWith(layer) !== true) return false;
      response.end(Buffer.alloc(image.blobs.get(layer)?.length ?? 0, 1));
      return true;
    });
  };

  it('leaves nothing where nothing was', async () => {
    spoilLayer();
    await expect(pull(image)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect(existsSync(directory)).toBe(false);
  });

  it('leaves an earlier layout as it was', async () => {
    await pull(built.amd64, { name: 'before' });
    const before = snapshot();
    spoilLayer();
    const other = helloImage('quite different');
    registry.add(other);
    registry.intercept((request, response) => {
      if (request.url?.includes('/blobs/') !== true) return false;
      return statusOnly(500)(request, response);
    });
    await expect(pull(other)).rejects.toMatchObject({ code: 'UNUSABLE' });
    expect(snapshot()).toEqual(before);
  });

  it('stops the other blobs', async () => {
    const held: (() => void)[] = [];
    registry.intercept((request, response) => {
      if (request.url?.includes('/blobs/') !== true) return false;
      if (held.length === 0) {
        response.writeHead(200).write('{');
        held.push(() => response.end());
      } else {
        response.writeHead(500).end();
      }
      return true;
    });
    await expect(pull(image)).rejects.toMatchObject({ code: 'UNUSABLE' });
    expect(existsSync(directory)).toBe(false);
  });
});

async function pull(what: SmallImage, more: Partial<PullRequest> = {}): Promise<PullResult> {
  const client = createRegistryClient({ registries: new Map([[registry.host, { plainHttp: true }]]) });
  try {
    const { digest, size, mediaType } = what;
    return await pullToLayout({
      client,
      repository: registry.repository,
      image: { digest, size, mediaType },
      directory,
      name: '1.0',
      ...more,
    });
  } finally {
    client.close();
  }
}

function blobPath(digest: string): string {
  return join(directory, 'blobs', digest.replace(':', '/'));
}

function snapshot(): readonly (readonly [string, string])[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.path, entry.name))
    .sort()
    .map((file) => [file, readFileSync(file, 'hex')]);
}
