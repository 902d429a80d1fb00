/** Everything that a reference stands for: index, chosen manifest, config and layers, each with its digest. */
import { formatPlatform, matchesPlatform, type Platform } from '@vidimus/reference';
import type { Descriptor } from './descriptor.ts';
import { OciError } from './errors.ts';
import { MAX_CLOSURE_BYTES, MAX_CLOSURE_DOCUMENTS, MAX_CLOSURE_MS, MAX_INDEX_NESTING } from './limits.ts';
import type { ImageIndex, ImageManifest, IndexEntry, Manifest } from './manifest.ts';
import { documentKind } from './media-type.ts';

/** Reads a child document, its digest, size and media type checked against the descriptor. */
export type ReadManifest = (descriptor: Descriptor) => Promise<Manifest>;

/** One image and the indexes that led to it. */
export interface ImageClosure {
  /** As the index lists it; absent where the top document is the image itself. */
  readonly platform?: Platform;
  /** `image`, or what its entry in the index is: attestations are images in form. */
  readonly role: 'image' | 'attestation' | 'unknown';
  /** Outermost first; empty where the top document is the image. */
  readonly indexes: readonly ImageIndex[];
  readonly image: ImageManifest;
  /** Every digest a revocation could name: indexes, manifest, config, layers; each once, outermost first. */
  readonly digests: readonly string[];
}

/**
 * The one image of `top` for a platform: the exact platform first, then the first entry that runs there. For a
 * document that is itself an image the platform is not checked (only its config knows it).
 * @throws OciError PLATFORM_UNKNOWN, DOCUMENT_REFUSED (nesting), and what `read` throws
 */
export async function readClosure(
  top: Manifest,
  wanted: Platform,
  read: ReadManifest,
): Promise<ImageClosure> {
  const indexes: ImageIndex[] = [];
  let document = top;
  let platform: Platform | undefined;
  while (document.kind === 'index') {
    indexes.push(document);
    assertNesting(indexes.length);
    const entry = chooseEntry(document, wanted);
    platform = entry.platform ?? platform;
    document = await read(entry);
  }
  return toClosure(indexes, document, 'image', platform);
}

/**
 * All images of `top`, attestations and unknown children of a readable type included, in the order of the index.
 * @param elapsedMs a running clock in milliseconds
 * @throws OciError DOCUMENT_REFUSED (nesting, too many, a child of another type that engines could run),
 *   UNREACHABLE (too slow), and what `read` throws
 */
export async function readAllClosures(
  top: Manifest,
  read: ReadManifest,
  elapsedMs: () => number = () => performance.now(),
): Promise<readonly ImageClosure[]> {
  return collectClosures(top, read, () => true, elapsedMs);
}

/**
 * The image `readClosure` chooses, then every other one that an engine could choose from the same index: engines
 * differ in variants, and in entries without a platform, and each of them would pull what the index says.
 * @throws OciError as `readClosure` and `readAllClosures`
 */
export async function readPlatformClosures(
  top: Manifest,
  wanted: Platform,
  read: ReadManifest,
  elapsedMs: () => number = () => performance.now(),
): Promise<readonly ImageClosure[]> {
  const chosen = await readClosure(top, wanted, read);
  const mayRun = ({ platform }: IndexEntry): boolean =>
    platform === undefined || matchesPlatform(wanted, platform);
  const others = await collectClosures(top, read, mayRun, elapsedMs);
  return [chosen, ...others.filter(({ image }) => image.digest !== chosen.image.digest)];
}

async function collectClosures(
  top: Manifest,
  read: ReadManifest,
  isWanted: (entry: IndexEntry) => boolean,
  elapsedMs: () => number,
): Promise<readonly ImageClosure[]> {
  if (top.kind === 'image') return [toClosure([], top, 'image', undefined)];
  const found: ImageClosure[] = [];
  const start = elapsedMs();
  let documents = 0;
  let bytes = 0;
  const visit = async (indexes: readonly ImageIndex[], index: ImageIndex): Promise<void> => {
    assertNesting(indexes.length + 1);
    for (const entry of index.entries.filter(isWanted)) {
      if (!isReadable(entry)) continue;
      documents += 1;
      bytes += entry.size;
      if (documents > MAX_CLOSURE_DOCUMENTS || bytes > MAX_CLOSURE_BYTES) throw refused('lists too much');
      // Each answer within its own time-out, a thousand of them could still take a day.
      if (elapsedMs() - start > MAX_CLOSURE_MS) throw tooSlow();
      const child = await read(entry);
      const path = [...indexes, index];
      if (child.kind === 'index') await visit(path, child);
      else found.push(toClosure(path, child, entry.kind === 'index' ? 'image' : entry.kind, entry.platform));
    }
  };
  await visit([], top);
  return found;
}

/**
 * The entry of an index for a platform: a nested index only when no image of this one fits.
 * @throws OciError PLATFORM_UNKNOWN
 */
export function chooseEntry(index: ImageIndex, wanted: Platform): IndexEntry {
  const images = index.entries.filter((entry) => entry.kind === 'image' && entry.platform !== undefined);
  const fits = images.filter(({ platform }) => platform !== undefined && matchesPlatform(wanted, platform));
  const name = formatPlatform(wanted);
  const exact = fits.find(({ platform }) => platform !== undefined && formatPlatform(platform) === name);
  const nested = index.entries.filter(
    ({ kind, platform }) => kind === 'index' && (platform === undefined || matchesPlatform(wanted, platform)),
  );
  const chosen = exact ?? fits[0] ?? (nested.length === 1 ? nested[0] : undefined);
  if (chosen !== undefined) return chosen;
  const offered = platformsOf(index).map(formatPlatform).join(', ');
  throw new OciError('PLATFORM_UNKNOWN', `the index has no image for ${name}`, {
    wanted: name,
    offered,
    index: index.digest,
  });
}

/** The platforms of an index's runnable entries, in its order, each once. */
export function platformsOf(index: ImageIndex): readonly Platform[] {
  const byName = new Map<string, Platform>();
  for (const { kind, platform } of index.entries) {
    if (kind !== 'image' || platform === undefined) continue;
    const name = formatPlatform(platform);
    if (!byName.has(name)) byName.set(name, platform);
  }
  return [...byName.values()];
}

/**
 * False for a child of another type that is for no platform. For any other platform some engines choose by platform
 * alone and believe the registry's `Content-Type`: what nobody here could read must not be run there.
 * @throws OciError DOCUMENT_REFUSED
 */
function isReadable({ mediaType, platform }: IndexEntry): boolean {
  if (documentKind(mediaType) !== undefined) return true;
  if (platform?.os === 'unknown' && platform.architecture === 'unknown') return false;
  throw refused('lists a child that is neither image nor index');
}

function tooSlow(): OciError {
  return new OciError('UNREACHABLE', 'the registry took too long over the images of an index', {
    reason: 'timeout',
    limit: 'closure',
  });
}

function toClosure(
  indexes: readonly ImageIndex[],
  image: ImageManifest,
  role: ImageClosure['role'],
  platform: Platform | undefined,
): ImageClosure {
  const parts = [...indexes, image, image.config, ...image.layers];
  return {
    ...(platform === undefined ? {} : { platform }),
    role,
    indexes,
    image,
    digests: [...new Set(parts.map((part) => part.digest))],
  };
}

function assertNesting(indexes: number): void {
  if (indexes > MAX_INDEX_NESTING) throw refused('nests indexes too deeply');
}

function refused(problem: string): OciError {
  return new OciError('DOCUMENT_REFUSED', `the index ${problem}`);
}
