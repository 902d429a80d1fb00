import {
  chooseEntry,
  type Descriptor,
  type ImageIndex,
  type Manifest,
  parseManifest,
  platformsOf,
  readAllClosures,
  readClosure,
  readPlatformClosures,
  type SmallImage,
  smallIndex,
} from '@vidimus/oci';
import { formatPlatform, parsePlatform } from '@vidimus/reference';
import { describe, expect, it } from 'vitest';
import { buildxIndex, helloImage } from '../../support/image-builder.ts';

const built = buildxIndex();
const amd64 = parsePlatform('linux/amd64');

describe('readClosure', () => {
  it('goes from the index to the chosen image and names every digest once', async () => {
    const { top, read } = opened(built.index);
    const closure = await readClosure(top, parsePlatform('linux/arm64'), read);
    expect(closure.image.digest).toBe(built.arm64.digest);
    expect(closure.digests).toEqual([built.index.digest, built.arm64.digest, ...built.arm64.blobs.keys()]);
  });

  it('takes a document that is an image as it is', async () => {
    const { top, read } = opened(built.amd64);
    const closure = await readClosure(top, amd64, read);
    expect(closure).toMatchObject({ indexes: [], role: 'image', image: { digest: built.amd64.digest } });
  });

  it('refuses a platform that the index does not list, and says what it lists', async () => {
    const { top, read } = opened(built.index);
    await expect(readClosure(top, parsePlatform('linux/s390x'), read)).rejects.toMatchObject({
      code: 'PLATFORM_UNKNOWN',
      detail: { offered: 'linux/amd64, linux/arm64' },
    });
  });

  it('never chooses an attestation or an unknown child', async () => {
    const { top, read } = opened(built.index);
    await expect(readClosure(top, parsePlatform('unknown/unknown'), read)).rejects.toMatchObject({
      code: 'PLATFORM_UNKNOWN',
    });
  });

  it('follows an index inside an index, and no further', async () => {
    const once = smallIndex([{ image: built.index }]);
    const twice = smallIndex([{ image: once }]);
    const nested = opened(once);
    expect((await readClosure(nested.top, amd64, nested.read)).indexes).toHaveLength(2);
    const deeper = opened(twice);
    await expect(readClosure(deeper.top, amd64, deeper.read)).rejects.toMatchObject({
      code: 'DOCUMENT_REFUSED',
    });
    await expect(readAllClosures(deeper.top, deeper.read)).rejects.toMatchObject({
      code: 'DOCUMENT_REFUSED',
    });
  });
});

describe('readAllClosures', () => {
  it('names images, attestations and unknown children for what they are', async () => {
    const { top, read } = opened(built.index);
    const all = await readAllClosures(top, read);
    expect(all.map(({ role, image }) => [role, image.digest])).toEqual([
      ['image', built.amd64.digest],
      ['image', built.arm64.digest],
      ['attestation', built.attestation.digest],
      ['unknown', built.unknown.digest],
    ]);
  });

  it('refuses children that together are beyond the limit before reading them', async () => {
    const { top, read } = opened(built.index);
    if (top.kind !== 'index') throw new Error('an index');
    const huge = { ...top, entries: top.entries.map((entry) => ({ ...entry, size: 40 * 1024 * 1024 })) };
    await expect(readAllClosures(huge, read)).rejects.toMatchObject({ code: 'DOCUMENT_REFUSED' });
  });

  it('refuses more children than anybody builds, having read no more than the limit', async () => {
    const { top, read } = opened(built.index);
    const entries = Array.from({ length: 1_000 }, () => asIndex(top).entries[0]).flatMap((e) => e ?? []);
    let reads = 0;
    const counted = (descriptor: Descriptor): Promise<Manifest> => {
      reads += 1;
      return read(descriptor);
    };
    await expect(readAllClosures({ ...asIndex(top), entries }, counted)).rejects.toMatchObject({
      code: 'DOCUMENT_REFUSED',
    });
    expect(reads).toBe(500);
  });

  it('gives a registry that trickles answers two minutes for all of them', async () => {
    const { top, read } = opened(built.index);
    let clock = 0;
    const slow = (descriptor: Descriptor): Promise<Manifest> => {
      clock += 50_000;
      return read(descriptor);
    };
    await expect(readAllClosures(top, slow, () => clock)).rejects.toMatchObject({ code: 'UNREACHABLE' });
    expect(clock).toBe(150_000);
  });

  it('refuses a child of an unknown type that an engine could run, not one that is for no platform', async () => {
    const { top, read } = opened(built.index);
    const odd = (at: number): ImageIndex => ({
      ...asIndex(top),
      entries: asIndex(top).entries.map((entry, index) =>
        index === at ? { ...entry, mediaType: 'application/x-odd', kind: 'unknown' } : entry,
      ),
    });
    await expect(readAllClosures(odd(0), read)).rejects.toMatchObject({ code: 'DOCUMENT_REFUSED' });
    expect(await readAllClosures(odd(3), read)).toHaveLength(3);
  });
});

describe('readPlatformClosures', () => {
  it('reads the chosen image first, then what an engine could choose in its place', async () => {
    const [first, twin, silent] = [helloImage('first'), helloImage('twin'), helloImage('silent')];
    const index = smallIndex([
      { image: silent },
      { image: first, platform: amd64 },
      { image: twin, platform: amd64 },
      { image: built.arm64, platform: parsePlatform('linux/arm64') },
    ]);
    const { top, read } = opened(index);
    const closures = await readPlatformClosures(top, amd64, read);
    const found = closures.map(({ image }) => image.digest);
    expect(found).toEqual([first.digest, silent.digest, twin.digest]);
  });
});

describe('chooseEntry', () => {
  it('prefers the exact variant over one that also runs', () => {
    const index = indexOf('linux/arm/v6', 'linux/arm/v7');
    expect(chosen(index, 'linux/arm/v7')).toBe('linux/arm/v7');
    expect(chosen(index, 'linux/arm/v6')).toBe('linux/arm/v6');
    expect(chosen(index, 'linux/arm/v8')).toBe('linux/arm/v6');
  });

  it('never chooses an image that does not say its platform', () => {
    const silent = smallIndex([{ image: helloImage() }]);
    const parsed = parseManifest(silent.bytes, silent.mediaType);
    expect(() => chooseEntry(asIndex(parsed), amd64)).toThrow(
      expect.objectContaining({ code: 'PLATFORM_UNKNOWN' }),
    );
  });
});

it('lists the platforms that can be run', () => {
  const { top } = opened(built.index);
  expect(platformsOf(asIndex(top)).map(formatPlatform)).toEqual(['linux/amd64', 'linux/arm64']);
});

function opened(image: SmallImage): { top: Manifest; read: (descriptor: Descriptor) => Promise<Manifest> } {
  const all = new Map<string, SmallImage>();
  const collect = (document: SmallImage): void => {
    all.set(document.digest, document);
    document.children.forEach(collect);
  };
  collect(image);
  return {
    top: parseManifest(image.bytes, image.mediaType),
    read: async ({ digest, mediaType }) =>
      parseManifest(all.get(digest)?.bytes ?? new Uint8Array(), mediaType),
  };
}

function indexOf(...platforms: readonly string[]): ImageIndex {
  const index = smallIndex(
    platforms.map((name) => ({ image: helloImage(name, name), platform: parsePlatform(name) })),
  );
  return asIndex(parseManifest(index.bytes, index.mediaType));
}

function chosen(index: ImageIndex, wanted: string): string | undefined {
  const { platform } = chooseEntry(index, parsePlatform(wanted));
  return platform === undefined ? undefined : formatPlatform(platform);
}

function asIndex(manifest: Manifest): ImageIndex {
  if (manifest.kind !== 'index') throw new Error('an index');
  return manifest;
}
