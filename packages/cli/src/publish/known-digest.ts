/** The digest to sign as its builder told it: in the reference, a digest file, or buildx's metadata file. */
import { isDigest, parseReference, ReferenceFormatError } from '@vidimus/reference';
import { z } from 'zod';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import { readNamedFile } from './bounded-file.ts';

const maxDigestFileBytes = 4096;
const maxMetadataFileBytes = 4 * 1024 * 1024;

export interface KnownDigest {
  /** `sha256:<hex>` */
  readonly digest: string;
  /** As the builder says; the registry must agree. */
  readonly size?: number;
  readonly mediaType?: string;
}

export interface DigestOptions {
  readonly digestFile?: string;
  readonly metadataFile?: string;
}

/** What is to be signed, and under which name. */
export interface Named {
  readonly repository: string;
  readonly tag: string;
  readonly digest?: string | undefined;
}

/** Undefined: only the tag is known. @throws CliError USAGE, DIGEST_FILE_INVALID, METADATA_FILE_INVALID, FILE_UNREADABLE */
export function knownDigest(named: Named, options: DigestOptions): KnownDigest | undefined {
  const { digestFile, metadataFile } = options;
  const sources = [named.digest, digestFile, metadataFile].filter((source) => source !== undefined);
  if (sources.length > 1) {
    throw new CliError(
      'USAGE',
      exitCodes.usage,
      'the digest is given twice: take one of @sha256:…, --digest-file and --metadata-file',
    );
  }
  if (digestFile !== undefined) return readDigestFile(digestFile, named);
  if (metadataFile !== undefined) return readMetadataFile(metadataFile, named);
  return named.digest === undefined ? undefined : { digest: named.digest };
}

/** One line: the digest, or a reference that ends in it, as `podman --digestfile` and `ko` write them. */
function readDigestFile(file: string, named: Named): KnownDigest {
  const text = readNamedFile(file, maxDigestFileBytes).toString('utf8').trim();
  if (isSha256(text)) return { digest: text };
  const { repository, digest } = parseNames(text)[0] ?? {};
  if (digest === undefined) {
    throw invalid('DIGEST_FILE_INVALID', file, 'does not hold sha256: and 64 hex digits, and nothing else');
  }
  if (repository === named.repository) return { digest };
  throw invalid('DIGEST_FILE_INVALID', file, `is about ${repository}, not about ${named.repository}`);
}

const metadataSchema = z.object({
  'containerimage.digest': z.string().refine(isSha256),
  'containerimage.descriptor': z
    .object({ mediaType: z.string(), digest: z.string(), size: z.int().positive() })
    .optional(),
  'image.name': z.string().optional(),
});

/** @see docker/buildx docs/reference/buildx_build.md, --metadata-file */
function readMetadataFile(file: string, named: Named): KnownDigest {
  const metadata = parseMetadata(file);
  const digest = metadata['containerimage.digest'];
  const descriptor = metadata['containerimage.descriptor'];
  if (descriptor !== undefined && descriptor.digest !== digest) {
    throw invalid('METADATA_FILE_INVALID', file, 'names two digests');
  }
  const names = metadata['image.name'];
  if (names !== undefined && !parseNames(names).some((name) => isAbout(name, named))) {
    throw invalid(
      'METADATA_FILE_INVALID',
      file,
      `is about ${names}, not about ${named.repository}:${named.tag}`,
    );
  }
  return descriptor === undefined
    ? { digest }
    : { digest, size: descriptor.size, mediaType: descriptor.mediaType };
}

function parseMetadata(file: string): z.infer<typeof metadataSchema> {
  const text = readNamedFile(file, maxMetadataFileBytes).toString('utf8');
  try {
    return metadataSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw invalid(
      'METADATA_FILE_INVALID',
      file,
      'is not what docker buildx build --push --metadata-file writes for one image',
      cause,
    );
  }
}

/** A build by digest alone has names without tags: then the repository must be the same. */
function isAbout(name: ReturnType<typeof parseReference>, { repository, tag }: Named): boolean {
  return name.repository === repository && (name.implicitTag || name.tag === undefined || name.tag === tag);
}

/** Comma-separated references; what is none is left out. */
function parseNames(text: string): readonly ReturnType<typeof parseReference>[] {
  return text.split(',').flatMap((name) => {
    try {
      return [parseReference(name.trim())];
    } catch (error) {
      if (error instanceof ReferenceFormatError) return [];
      throw error;
    }
  });
}

function isSha256(text: string): boolean {
  return isDigest(text) && text.startsWith('sha256:');
}

function invalid(code: string, file: string, problem: string, cause?: unknown): CliError {
  return new CliError(
    code,
    exitCodes.usage,
    `${file} ${problem}`,
    'or give the digest itself: IMAGE@sha256:…',
    {
      cause,
    },
  );
}
