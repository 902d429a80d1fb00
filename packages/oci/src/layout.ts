/** An OCI image layout on disk: read with every digest checked, written so that nothing half-done is named. */
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CanonicalJsonError, parseJson } from '@vidimus/canonical-json';
import { isDigest, parseDigest } from '@vidimus/reference';
import { z } from 'zod';
import { assertBytes, assertLength, type Descriptor, verifiedBytes } from './descriptor.ts';
import { OciError } from './errors.ts';
import { MAX_LAYOUT_INDEX_BYTES, MAX_MANIFEST_BYTES } from './limits.ts';
import { type Manifest, parseManifest } from './manifest.ts';
import { OCI_INDEX } from './media-type.ts';

const LAYOUT_FILE = 'oci-layout';
const INDEX_FILE = 'index.json';
const LAYOUT_MARK = '{"imageLayoutVersion":"1.0.0"}';
/** The annotation by which other tools name an image inside a layout (`oci:DIR:NAME`). */
const REF_NAME = 'org.opencontainers.image.ref.name';

const layoutEntry = z.looseObject({
  mediaType: z.string(),
  digest: z.string().refine(isDigest),
  size: z.number().int().min(0),
  annotations: z.record(z.string(), z.string()).optional(),
});
const layoutIndex = z.looseObject({ schemaVersion: z.literal(2), manifests: z.array(layoutEntry) });
type LayoutIndex = z.infer<typeof layoutIndex>;

/** An image that `index.json` names. */
export interface LayoutImage extends Descriptor {
  /** Absent where the entry has no name. */
  readonly name?: string;
}

/** A layout opened for reading. All methods throw OciError LAYOUT_INVALID, DIGEST_MISMATCH or LENGTH_MISMATCH. */
export interface Layout {
  readonly directory: string;
  readonly images: () => Promise<readonly LayoutImage[]>;
  /** A manifest or index with size, digest and media type checked. */
  readonly readManifest: (descriptor: Descriptor) => Promise<Manifest>;
  /** Size of a blob in bytes as the disk says, or undefined when it is not there. */
  readonly blobSize: (digest: string) => Promise<number | undefined>;
  /** A blob's bytes, proven only when the iteration ends without an error. */
  readonly readBlob: (blob: Pick<Descriptor, 'digest' | 'size'>) => AsyncGenerator<Uint8Array>;
}

/**
 * Opens a directory that must be a layout.
 * @throws OciError LAYOUT_INVALID
 */
export async function openLayout(directory: string): Promise<Layout> {
  await readMark(directory);
  const blobSize: Layout['blobSize'] = (digest) => sizeOf(blobFile(directory, digest));
  return {
    directory,
    blobSize,
    images: async () => (await readIndex(directory)).manifests.map(toImage),
    readManifest: async (descriptor) => {
      const size = await blobSize(descriptor.digest);
      if (size === undefined) throw invalid(directory, `has no blob ${descriptor.digest}`);
      if (size > MAX_MANIFEST_BYTES) throw invalid(directory, 'has a manifest beyond the limit');
      const bytes = await readFile(blobFile(directory, descriptor.digest));
      assertLength(bytes, descriptor.size);
      assertBytes(bytes, descriptor);
      return { ...parseManifest(bytes, descriptor.mediaType), digest: descriptor.digest };
    },
    readBlob: (blob) => verifiedBytes(createReadStream(blobFile(directory, blob.digest)), blob),
  };
}

/** Where a digest lies below a layout's directory. The digest is parsed, so it cannot lead elsewhere. */
export function blobFile(directory: string, digest: string): string {
  const { algorithm, hex } = parseDigest(digest);
  return join(directory, 'blobs', algorithm, hex);
}

/**
 * Makes a directory a layout unless it is one; an existing directory must be a layout or empty.
 * @throws OciError LAYOUT_INVALID or LAYOUT_UNWRITABLE
 */
export async function prepareLayout(directory: string): Promise<void> {
  await writing(directory, async () => {
    await mkdir(directory, { recursive: true });
    const names = await readdir(directory);
    if (names.includes(LAYOUT_FILE)) {
      await readMark(directory);
    } else {
      if (names.length > 0) throw invalid(directory, 'is neither empty nor an OCI image layout');
      await writeWhole(join(directory, LAYOUT_FILE), Buffer.from(LAYOUT_MARK));
    }
    await mkdir(join(directory, 'blobs', 'sha256'), { recursive: true });
  });
}

/**
 * Names an image whose blobs are all in place: the last step of a pull. An older entry of the same name goes.
 * One writer at a time: two at once can lose one of the names, never a blob.
 * @throws OciError LAYOUT_INVALID or LAYOUT_UNWRITABLE
 */
export async function nameImage(directory: string, image: Descriptor, name: string): Promise<void> {
  const known = await readIndex(directory);
  const entry = {
    mediaType: image.mediaType,
    digest: image.digest,
    size: image.size,
    annotations: { [REF_NAME]: name },
  };
  const others = known.manifests.filter(
    (other) => other.annotations?.[REF_NAME] !== name && !isSameUnnamed(other, image),
  );
  const index = { ...known, manifests: [...others, entry] };
  await writing(directory, () => writeWhole(join(directory, INDEX_FILE), Buffer.from(JSON.stringify(index))));
}

/** Runs disk work and says which directory could not be written. */
export async function writing<T>(directory: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof Error && 'syscall' in cause && 'code' in cause)) throw cause;
    const reason = String(cause.code);
    throw new OciError(
      'LAYOUT_UNWRITABLE',
      `${directory} cannot be written (${reason})`,
      { directory, reason },
      { cause },
    );
  }
}

/** Writes beside the file, flushes, then renames over it: a reader sees the old bytes or the new ones. */
async function writeWhole(file: string, bytes: Uint8Array): Promise<void> {
  // A name nobody can know, and no link is followed: the directory may be one that others can write.
  const temporary = `${file}.${randomBytes(12).toString('hex')}.tmp`;
  try {
    const handle = await open(temporary, 'wx');
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function readMark(directory: string): Promise<void> {
  const mark = z.looseObject({ imageLayoutVersion: z.literal('1.0.0') });
  const value = await readJson(directory, LAYOUT_FILE);
  if (value === undefined) throw invalid(directory, 'is not an OCI image layout');
  if (!mark.safeParse(value).success) throw invalid(directory, 'is a layout of a version we do not know');
}

async function readIndex(directory: string): Promise<LayoutIndex> {
  const value = await readJson(directory, INDEX_FILE);
  if (value === undefined) return { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] };
  const parsed = layoutIndex.safeParse(value);
  if (!parsed.success) throw invalid(directory, `has a broken ${INDEX_FILE}`);
  return parsed.data;
}

async function readJson(directory: string, name: string): Promise<unknown> {
  const file = join(directory, name);
  const size = await sizeOf(file);
  if (size === undefined) return undefined;
  if (size > MAX_LAYOUT_INDEX_BYTES) throw invalid(directory, `has too large a ${name}`);
  try {
    return parseJson(await readFile(file), {
      maxBytes: MAX_LAYOUT_INDEX_BYTES,
      maxDepth: 16,
      numbers: 'any',
    });
  } catch (cause) {
    if (cause instanceof CanonicalJsonError) throw invalid(directory, `has a broken ${name}`, cause);
    throw cause;
  }
}

async function sizeOf(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) {
      return undefined;
    }
    throw error;
  }
}

function toImage(entry: z.infer<typeof layoutEntry>): LayoutImage {
  const { mediaType, digest, size } = entry;
  const name = entry.annotations?.[REF_NAME];
  return { mediaType, digest, size, ...(name === undefined ? {} : { name }) };
}

function isSameUnnamed(entry: z.infer<typeof layoutEntry>, image: Descriptor): boolean {
  return entry.digest === image.digest && entry.annotations?.[REF_NAME] === undefined;
}

function invalid(directory: string, problem: string, cause?: unknown): OciError {
  return new OciError('LAYOUT_INVALID', `${directory} ${problem}`, { directory }, { cause });
}
