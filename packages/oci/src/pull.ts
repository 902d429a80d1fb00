/**
 * Pulls one image, by digest, into an OCI image layout. Everything is fetched and proven in a staging directory
 * inside the layout, then moved, then named: a failure or a crash at any point leaves no name for anything
 * incomplete.
 */
import { mkdir, mkdtemp, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isDigest, type Platform } from '@vidimus/reference';
import { type ImageClosure, readAllClosures, readClosure } from './closure.ts';
import type { Descriptor } from './descriptor.ts';
import { OciError } from './errors.ts';
import { blobFile, nameImage, openLayout, prepareLayout, writing } from './layout.ts';
import type { Manifest } from './manifest.ts';
import type { RegistryClient } from './registry-client.ts';

/** Blobs fetched at the same time. */
const CONCURRENT_BLOBS = 3;
const STAGING_PREFIX = '.pull-';

export interface PullRequest {
  readonly client: RegistryClient;
  /** Normalised, host included. */
  readonly repository: string;
  /** The judged digest of manifest or index; a tag is not accepted here. With size and type when they are known. */
  readonly image: Pick<Descriptor, 'digest'> & Partial<Descriptor>;
  /** Only the image for this platform; absent: everything that an index lists and we can read. */
  readonly platform?: Platform;
  readonly directory: string;
  /** What `index.json` calls it, usually the tag. */
  readonly name: string;
  readonly onProgress?: (progress: PullProgress) => void;
}

/** Told when a blob starts (0 bytes), grows, or was already there (`reused`). */
export interface PullProgress {
  readonly digest: string;
  readonly size: number;
  readonly received: number;
  readonly reused: boolean;
}

export interface PullResult {
  /** What `index.json` names: the judged document, or with `platform` the image chosen from it. */
  readonly image: Descriptor;
  readonly closures: readonly ImageClosure[];
  /** Bytes fetched, and bytes that were there already. */
  readonly fetchedBytes: number;
  readonly reusedBytes: number;
}

/** @throws OciError; nothing is named in the layout then, and what this call made is gone */
export async function pullToLayout(request: PullRequest): Promise<PullResult> {
  const { client, repository, image, directory } = request;
  if (!isDigest(image.digest)) {
    throw new OciError('CONFIGURATION_INVALID', 'a pull needs a digest, not a tag', {
      reference: image.digest,
    });
  }
  const read = (descriptor: Descriptor): Promise<Manifest> =>
    client.getManifest(repository, descriptor.digest, descriptor);
  const top = await client.getManifest(repository, image.digest, image);
  const closures = await (request.platform === undefined
    ? readAllClosures(top, read)
    : readClosure(top, request.platform, read).then((one) => [one]));
  const documents = distinct<Manifest>([top, ...closures.flatMap((c) => [...c.indexes, c.image])]);
  const blobs = distinct<Descriptor>(closures.flatMap((c) => [c.image.config, ...c.image.layers]));
  const named = request.platform === undefined ? top : (closures[0]?.image ?? top);

  const isNew = !(await exists(directory));
  let isDone = false;
  try {
    await prepareLayout(directory);
    const bytes = await stage(request, documents, blobs);
    await nameImage(directory, named, request.name);
    isDone = true;
    const { mediaType, digest, size } = named;
    return { image: { mediaType, digest, size }, closures, ...bytes };
  } finally {
    if (isNew && !isDone) await rm(directory, { recursive: true, force: true });
  }
}

async function stage(
  request: PullRequest,
  documents: readonly Manifest[],
  blobs: readonly Descriptor[],
): Promise<Pick<PullResult, 'fetchedBytes' | 'reusedBytes'>> {
  const { client, repository, directory, onProgress } = request;
  const present = await presentBlobs(directory, blobs);
  const missing = blobs.filter(({ digest }) => !present.has(digest));
  for (const { digest, size } of blobs) {
    if (present.has(digest)) onProgress?.({ digest, size, received: size, reused: true });
  }
  const staging = await writing(directory, () => mkdtemp(join(directory, STAGING_PREFIX)));
  try {
    await forEachOf(missing, CONCURRENT_BLOBS, async (blob, signal) => {
      const { digest, size } = blob;
      const report = (received: number): void => onProgress?.({ digest, size, received, reused: false });
      report(0);
      const target = stagedFile(staging, digest);
      await writing(directory, () => writeNew(target, client.readBlob(repository, blob, signal), report));
    });
    await writing(directory, async () => {
      for (const { digest, bytes } of documents) await writeNew(stagedFile(staging, digest), [bytes]);
      for (const { digest } of [...missing, ...documents]) {
        const target = blobFile(directory, digest);
        await mkdir(dirname(target), { recursive: true });
        await rename(stagedFile(staging, digest), target);
      }
    });
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return { fetchedBytes: sum(missing) + sum(documents), reusedBytes: sum(blobs) - sum(missing) };
}

/** Blobs of an earlier pull are used again only if their bytes are still the right ones. */
async function presentBlobs(directory: string, blobs: readonly Descriptor[]): Promise<ReadonlySet<string>> {
  const layout = await openLayout(directory);
  const present = new Set<string>();
  for (const blob of blobs) {
    if ((await layout.blobSize(blob.digest)) === blob.size && (await isIntact(layout.readBlob(blob)))) {
      present.add(blob.digest);
    }
  }
  return present;
}

async function isIntact(bytes: AsyncIterable<Uint8Array>): Promise<boolean> {
  try {
    for await (const _ of bytes);
    return true;
  } catch (error) {
    if (error instanceof OciError) return false;
    throw error;
  }
}

function stagedFile(staging: string, digest: string): string {
  return join(staging, digest.replace(':', '-'));
}

async function writeNew(
  file: string,
  chunks: AsyncIterable<Uint8Array> | readonly Uint8Array[],
  report: (received: number) => void = () => undefined,
): Promise<void> {
  const handle = await open(file, 'wx');
  try {
    let received = 0;
    for await (const chunk of chunks) {
      await handle.writeFile(chunk);
      received += chunk.length;
      report(received);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Bounded concurrency; the first failure stops the others and is the one that is thrown. */
async function forEachOf<T>(
  items: readonly T[],
  concurrency: number,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const queue = items.values();
  let failure: { readonly error: unknown } | undefined;
  const worker = async (): Promise<void> => {
    for (const item of queue) {
      if (stop.signal.aborted) return;
      try {
        await work(item, stop.signal);
      } catch (error) {
        failure ??= { error };
        stop.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  if (failure !== undefined) throw failure.error;
}

function distinct<T extends Descriptor>(items: readonly T[]): readonly T[] {
  return [...new Map(items.map((item) => [item.digest, item])).values()];
}

function sum(items: readonly Descriptor[]): number {
  return items.reduce((bytes, { size }) => bytes + size, 0);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
