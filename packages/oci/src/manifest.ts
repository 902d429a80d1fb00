/**
 * Manifests and indexes, read so that no other reader can see something else in the same bytes. The bytes are in
 * the attacker's hands even when they are signed: a publisher signs what a build made.
 */
import {
  CanonicalJsonError,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJson,
} from '@vidimus/canonical-json';
import { sha256Hex } from '@vidimus/crypto';
import { isDigest, type Platform, parsePlatform, ReferenceFormatError } from '@vidimus/reference';
import { z } from 'zod';
import type { Descriptor } from './descriptor.ts';
import { OciError } from './errors.ts';
import { MAX_DOCUMENT_DEPTH, MAX_INDEX_ENTRIES, MAX_LAYERS, MAX_MANIFEST_BYTES } from './limits.ts';
import { DOCKER_INDEX, DOCKER_MANIFEST, documentKind } from './media-type.ts';

/** The manifest of one image. `digest` is the SHA-256 of `bytes`, `size` their number. */
export interface ImageManifest extends Descriptor {
  readonly kind: 'image';
  readonly bytes: Uint8Array;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** An index or Docker manifest list. `digest` is the SHA-256 of `bytes`, `size` their number. */
export interface ImageIndex extends Descriptor {
  readonly kind: 'index';
  readonly bytes: Uint8Array;
  readonly entries: readonly IndexEntry[];
}

export type Manifest = ImageManifest | ImageIndex;

/** One child of an index. Only `image` entries can be run. */
export interface IndexEntry extends Descriptor {
  /**
   * `attestation`: BuildKit's, for `attests`. `unknown`: a media type that we do not read, or the platform
   * unknown/unknown. An entry with a real platform is an `image` whatever its annotations say, because clients
   * choose by platform.
   */
  readonly kind: 'image' | 'index' | 'attestation' | 'unknown';
  readonly platform?: Platform;
  /** Digest of the image that an attestation is about. */
  readonly attests?: string;
}

const digest = z.string().refine(isDigest);
const size = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const descriptor = z.looseObject({ mediaType: z.string().min(1).max(255), digest, size });
const platform = z.looseObject({
  os: z.string().min(1),
  architecture: z.string().min(1),
  variant: z.string().optional(),
  'os.version': z.string().optional(),
});
const indexEntry = descriptor.extend({
  platform: platform.optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});
const imageSchema = z.looseObject({ config: descriptor, layers: z.array(descriptor).max(MAX_LAYERS) });
const indexSchema = z.looseObject({ manifests: z.array(indexEntry).max(MAX_INDEX_ENTRIES) });

const REFERENCE_TYPE = 'vnd.docker.reference.type';
const REFERENCE_DIGEST = 'vnd.docker.reference.digest';

/**
 * Reads a document of one of the four known media types.
 * @param mediaType what the registry's `Content-Type`, or the descriptor that led here, says
 * @throws OciError DOCUMENT_REFUSED or TOO_LARGE
 * @see OCI image-spec manifest.md, image-index.md; CVE-2021-41190 for why the type must be unambiguous
 */
export function parseManifest(bytes: Uint8Array, mediaType: string): Manifest {
  const kind = documentKind(mediaType);
  if (kind === undefined)
    throw refused('has a media type that is neither image manifest nor index', { mediaType });
  const document = readDocument(bytes);
  assertUnambiguous(document, mediaType, kind);
  const self = { mediaType, digest: `sha256:${sha256Hex(bytes)}`, size: bytes.length, bytes };
  if (kind === 'image') {
    const { config, layers } = check(imageSchema, document);
    return { kind, ...self, config: toDescriptor(config), layers: layers.map(toDescriptor) };
  }
  return { kind, ...self, entries: check(indexSchema, document).manifests.map(toEntry) };
}

function readDocument(bytes: Uint8Array): JsonObject {
  if (bytes.length > MAX_MANIFEST_BYTES) {
    throw new OciError('TOO_LARGE', `a manifest of ${bytes.length} bytes`, { maxBytes: MAX_MANIFEST_BYTES });
  }
  try {
    const value = parseJson(bytes, {
      maxBytes: MAX_MANIFEST_BYTES,
      maxDepth: MAX_DOCUMENT_DEPTH,
      numbers: 'any',
    });
    if (isJsonObject(value)) return value;
  } catch (cause) {
    if (!(cause instanceof CanonicalJsonError)) throw cause;
    throw refused(`is not strict JSON (${cause.message})`, { json: cause.code }, cause);
  }
  throw refused('is no object');
}

/** DESIGN "Digests and platforms": one document must not be two things to two readers. */
function assertUnambiguous(document: JsonObject, mediaType: string, kind: 'index' | 'image'): void {
  assertPlainNames(document);
  const has = (name: string): boolean => document[name] !== undefined;
  if (document['schemaVersion'] !== 2 || has('fsLayers') || has('history') || has('signatures')) {
    throw refused('is of schema 1 or of no known schema');
  }
  if (has('manifests') && (has('layers') || has('config'))) throw refused('is an image and an index at once');
  if (has(kind === 'index' ? 'layers' : 'manifests') || has('blobs'))
    throw refused('is not what its type says');
  const own = document['mediaType'];
  const mustSay = mediaType === DOCKER_MANIFEST || mediaType === DOCKER_INDEX;
  if (own === undefined ? mustSay : own !== mediaType) {
    throw refused('calls itself another media type than it was served as', {
      served: mediaType,
      own: typeof own === 'string' ? own.slice(0, 255) : 'none',
    });
  }
}

const structNames: readonly string[] = [
  ...[
    'schemaVersion',
    'mediaType',
    'artifactType',
    'config',
    'layers',
    'manifests',
    'subject',
    'annotations',
  ],
  ...['fsLayers', 'history', 'signatures', 'blobs'],
  ...['digest', 'size', 'urls', 'data', 'platform'],
  ...['os', 'architecture', 'variant', 'os.version', 'os.features', 'features'],
];
const nameByFold = new Map(structNames.map((name) => [fold(name), name]));

/**
 * Go's decoder matches member names without regard to case (with Unicode folding: U+017F is an `s`), so
 * `Layers` would be layers to containerd and nothing to us. Annotations are maps, not structs: left alone.
 */
function assertPlainNames(value: JsonValue): void {
  if (Array.isArray(value)) for (const item of value) assertPlainNames(item);
  if (!isJsonObject(value)) return;
  const seen = new Set<string>();
  for (const [name, member] of Object.entries(value)) {
    const folded = fold(name);
    const known = nameByFold.get(folded);
    if (seen.has(folded) || (known !== undefined && known !== name)) {
      throw refused('has members that differ only in case', { member: name.slice(0, 64) });
    }
    seen.add(folded);
    if (name !== 'annotations') assertPlainNames(member);
  }
}

function fold(name: string): string {
  return name.toUpperCase().toLowerCase();
}

function toEntry(entry: z.infer<typeof indexEntry>): IndexEntry {
  const base = toDescriptor(entry);
  const kind = documentKind(entry.mediaType);
  const offered = entry.platform === undefined ? undefined : toPlatform(entry.platform);
  const platformPart = offered === undefined ? {} : { platform: offered };
  if (kind === undefined) return { ...base, kind: 'unknown', ...platformPart };
  if (kind === 'index') return { ...base, kind: 'index', ...platformPart };
  if (offered?.os !== 'unknown' || offered.architecture !== 'unknown') {
    return { ...base, kind: 'image', ...platformPart };
  }
  if (entry.annotations?.[REFERENCE_TYPE] !== 'attestation-manifest') {
    return { ...base, kind: 'unknown', ...platformPart };
  }
  const attests = entry.annotations[REFERENCE_DIGEST];
  const subject = attests !== undefined && isDigest(attests) ? { attests } : {};
  return { ...base, kind: 'attestation', ...platformPart, ...subject };
}

function toPlatform(offered: z.infer<typeof platform>): Platform {
  const version = offered['os.version'];
  const os = version === undefined || version === '' ? offered.os : `${offered.os}(${version})`;
  const variant = offered.variant === undefined || offered.variant === '' ? '' : `/${offered.variant}`;
  try {
    return parsePlatform(`${os}/${offered.architecture}${variant}`);
  } catch (cause) {
    if (!(cause instanceof ReferenceFormatError)) throw cause;
    throw refused('lists a platform that is none', {}, cause);
  }
}

function toDescriptor({ mediaType, digest, size }: z.infer<typeof descriptor>): Descriptor {
  return { mediaType, digest, size };
}

function check<T>(schema: z.ZodType<T>, document: JsonObject): T {
  const parsed = schema.safeParse(document);
  if (parsed.success) return parsed.data;
  const at = parsed.error.issues[0]?.path.join('.') ?? '';
  throw refused(`is not as the specification says, at ${at || 'the top'}`, { at });
}

function refused(problem: string, detail: Readonly<Record<string, string>> = {}, cause?: unknown): OciError {
  return new OciError('DOCUMENT_REFUSED', `the image document ${problem}`, detail, { cause });
}
