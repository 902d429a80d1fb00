/**
 * A registry client that believes nothing: manifests and blobs count only once their bytes have the digest they
 * were asked for by. It reads; it never pushes.
 */
import { isDigest, isTag, parseRepository } from '@vidimus/reference';
import { assertBytes, assertLength, type Descriptor, verifiedBytes } from './descriptor.ts';
import { OciError } from './errors.ts';
import { type Answer, announcedLength, bodyChunks, discard, readBody } from './http-exchange.ts';
import { DEFAULT_TIMEOUTS, MAX_MANIFEST_BYTES, type Timeouts } from './limits.ts';
import { type Manifest, parseManifest } from './manifest.ts';
import { ACCEPTED_MEDIA_TYPES, bareMediaType, documentKind } from './media-type.ts';
import { createWire, type RegistryClientOptions, type RegistryPing } from './registry-wire.ts';

/** Repositories are normalised names, host included. Every method throws OciError; see the room's README. */
export interface RegistryClient {
  /** Asks `/v2/`: is there a registry, and what kind of login does it want? */
  ping(registry: string): Promise<RegistryPing>;
  /**
   * What the registry claims the tag to be, cheaply (HEAD; GET where it does not say). A claim, good for
   * showing that a tag has moved; where the digest will be signed or trusted, use `resolveTag`.
   */
  headManifest(repository: string, tag: string): Promise<Descriptor>;
  /** What the tag is now, computed from the bytes. */
  resolveTag(repository: string, tag: string): Promise<Descriptor>;
  /** A manifest or index by tag or digest; with `expected`, of exactly that size and media type. */
  getManifest(repository: string, reference: string, expected?: Partial<Descriptor>): Promise<Manifest>;
  /** A blob's bytes, proven only when the iteration ends without an error. */
  readBlob(repository: string, blob: Descriptor, signal?: AbortSignal): AsyncGenerator<Uint8Array>;
  /** Closes kept connections. */
  close(): void;
}

/** Opens nothing yet; connections are made when first needed and kept until `close`. */
export function createRegistryClient(options: RegistryClientOptions = {}): RegistryClient {
  const timeouts: Timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
  const wire = createWire(options, timeouts);

  const askManifest = (method: 'GET' | 'HEAD', repository: string, reference: string): Promise<Answer> => {
    if (!isTag(reference) && !isDigest(reference)) {
      throw new OciError('CONFIGURATION_INVALID', 'neither a tag nor a digest', { reference });
    }
    const { registry, path } = parseRepository(repository);
    return wire.ask({
      method,
      registry,
      repositoryPath: path,
      path: `${path}/manifests/${reference}`,
      accept: ACCEPTED_MEDIA_TYPES.join(', '),
      redirects: 'same-origin',
      totalMs: timeouts.documentMs,
    });
  };

  const getManifest: RegistryClient['getManifest'] = async (repository, reference, expected = {}) => {
    const answer = await askManifest('GET', repository, reference);
    try {
      const mediaType = manifestMediaType(answer, expected.mediaType);
      const digest = isDigest(reference) ? reference : expected.digest;
      assertAnnounced(answer, expected.size);
      const bytes = await readBody(answer, MAX_MANIFEST_BYTES);
      if (expected.size !== undefined) assertLength(bytes, expected.size);
      for (const claim of [digest, expected.digest, claimedDigest(answer)]) {
        if (claim !== undefined) assertBytes(bytes, { digest: claim });
      }
      const manifest = parseManifest(bytes, mediaType);
      // A sha512 reference is proven above; the document keeps the name it was asked for by.
      return digest === undefined ? manifest : { ...manifest, digest };
    } finally {
      answer.body.destroy();
    }
  };

  const resolveTag: RegistryClient['resolveTag'] = async (repository, tag) => {
    const { mediaType, digest, size } = await getManifest(repository, tag);
    return { mediaType, digest, size };
  };

  return {
    ping: wire.ping,
    getManifest,
    resolveTag,
    async headManifest(repository, tag) {
      const answer = await askManifest('HEAD', repository, tag);
      discard(answer);
      const digest = claimedDigest(answer);
      const size = announcedLength(answer);
      if (digest === undefined || Number.isNaN(size)) return resolveTag(repository, tag);
      return { mediaType: manifestMediaType(answer, undefined), digest, size };
    },
    async *readBlob(repository, blob, signal) {
      const { registry, path } = parseRepository(repository);
      const answer = await wire.ask({
        method: 'GET',
        registry,
        repositoryPath: path,
        path: `${path}/blobs/${blob.digest}`,
        redirects: 'anywhere',
        totalMs: timeouts.blobMs,
        signal,
      });
      assertNoPage(answer);
      assertAnnounced(answer, blob.size);
      yield* verifiedBytes(bodyChunks(answer), blob);
    },
    close: wire.close,
  };
}

function manifestMediaType(answer: Answer, expected: string | undefined): string {
  const mediaType = bareMediaType(answer.headers['content-type']);
  const { host } = answer.url;
  if (mediaType === undefined || documentKind(mediaType) === undefined) {
    const schema1 = mediaType?.startsWith('application/vnd.docker.distribution.manifest.v1') === true;
    throw new OciError(
      schema1 ? 'DOCUMENT_REFUSED' : 'UNUSABLE',
      `${host} answered with ${schema1 ? 'a manifest of schema 1' : 'something that is no manifest'}`,
      { host, mediaType: (mediaType ?? 'none').slice(0, 255) },
    );
  }
  if (expected === undefined || expected === mediaType) return mediaType;
  throw new OciError('DOCUMENT_REFUSED', `${host} serves another media type than was listed`, {
    host,
    mediaType,
    expected,
  });
}

/** The registry's own claim, if it is one that can be checked. */
function claimedDigest(answer: Answer): string | undefined {
  const header = answer.headers['docker-content-digest'];
  return typeof header === 'string' && isDigest(header) ? header : undefined;
}

/** A lie about the length is refused before a byte of the body is read. */
function assertAnnounced(answer: Answer, size: number | undefined): void {
  const announced = announcedLength(answer);
  if (size === undefined || Number.isNaN(announced) || announced === size) return;
  answer.body.destroy();
  const { host } = answer.url;
  throw new OciError('LENGTH_MISMATCH', `${host} announces ${announced} bytes where ${size} are listed`, {
    host,
    expected: size,
    actual: announced,
  });
}

function assertNoPage(answer: Answer): void {
  if (bareMediaType(answer.headers['content-type']) !== 'text/html') return;
  answer.body.destroy();
  const { host } = answer.url;
  throw new OciError('UNUSABLE', `${host} answered with a web page`, { host, reason: 'html' });
}
