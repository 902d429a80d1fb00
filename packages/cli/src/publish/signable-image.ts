/** What is signed about an image, computed from the registry's bytes and never from its claims. */
import { type Manifest, OciError, platformsOf, type RegistryClient } from '@vidimus/oci';
import { formatPlatform, type Platform, parsePlatform, ReferenceFormatError } from '@vidimus/reference';
import { z } from 'zod';
import { CliError } from '../cli-error.ts';
import { toCliError } from '../failures.ts';
import type { KnownDigest } from './known-digest.ts';

/** Larger image configurations are not read: they only tell platform and age. */
const maxConfigBytes = 1024 * 1024;
/** As many platforms as the service keeps with a tag. */
const maxPlatforms = 64;

export interface SignableImage {
  readonly digest: string;
  readonly size: number;
  readonly mediaType?: string;
  readonly kind?: 'index' | 'image';
  /** `os/architecture[/variant]`; empty when not known. */
  readonly platforms: readonly string[];
  /** Milliseconds since 1970, as the image itself says; indexes say nothing. */
  readonly createdAt?: number;
}

/**
 * Reads the document of a tag or digest, and of a single image its configuration.
 * @throws CliError with the exit code of the registry's failure
 */
export async function readSignableImage(
  registry: RegistryClient,
  repository: string,
  wanted: { readonly tag: string; readonly known: KnownDigest | undefined },
): Promise<SignableImage> {
  const { tag, known } = wanted;
  try {
    const manifest = await registry.getManifest(repository, known?.digest ?? tag, known ?? {});
    const { digest, size, mediaType, kind } = manifest;
    return { digest, size, mediaType, kind, ...(await describe(registry, repository, manifest)) };
  } catch (error) {
    throw explain(error, known !== undefined);
  }
}

async function describe(
  registry: RegistryClient,
  repository: string,
  manifest: Manifest,
): Promise<Pick<SignableImage, 'platforms' | 'createdAt'>> {
  if (manifest.kind === 'index') return { platforms: names(platformsOf(manifest)) };
  if (manifest.config.size > maxConfigBytes) return { platforms: [] };
  const chunks: Uint8Array[] = [];
  for await (const chunk of registry.readBlob(repository, manifest.config)) chunks.push(chunk);
  return readConfig(Buffer.concat(chunks).toString('utf8'));
}

const configSchema = z.object({
  os: z.string(),
  architecture: z.string(),
  variant: z.string().optional(),
  created: z.string().optional(),
});

/** A configuration that says nothing of the kind (charts, other artefacts) is no error. */
function readConfig(text: string): Pick<SignableImage, 'platforms' | 'createdAt'> {
  const config = configSchema.safeParse(parseJson(text));
  if (!config.success) return { platforms: [] };
  const { os, architecture, variant, created } = config.data;
  const createdAt = Date.parse(created ?? '');
  return {
    platforms: names(toPlatforms(`${os}/${architecture}${variant ? `/${variant}` : ''}`)),
    // Reproducible builds say 1970.
    ...(createdAt > 0 ? { createdAt } : {}),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function toPlatforms(text: string): readonly Platform[] {
  try {
    return [parsePlatform(text)];
  } catch (error) {
    if (error instanceof ReferenceFormatError) return [];
    throw error;
  }
}

/** Without versions of the operating system, which the signed notes have no place for; each once. */
function names(platforms: readonly Platform[]): readonly string[] {
  const all = platforms.map(({ os, architecture, variant }) =>
    formatPlatform({ os, architecture, ...(variant === undefined ? {} : { variant }) }),
  );
  return [...new Set(all)].slice(0, maxPlatforms);
}

function explain(error: unknown, digestIsKnown: boolean): unknown {
  if (!(error instanceof OciError)) return error;
  const { code, exit, message } = toCliError(error);
  const isAway = ['UNREACHABLE', 'UNUSABLE', 'DENIED'].includes(code);
  const hint =
    code === 'NOT_FOUND'
      ? 'push it first, and sign what was pushed'
      : isAway && digestIsKnown
        ? 'with --size BYTES of the manifest the registry need not be asked'
        : isAway
          ? 'a registry without TLS or with its own CA is named in the configuration under registries:'
          : undefined;
  return new CliError(code, exit, message, hint, { cause: error });
}
