/** Pins a root that was just published: fetched, and taken only if it is the very document expected. */
import { sha256Hex } from '@vidimus/crypto';
import { DIRECTORY_NAME } from '@vidimus/reference';
import { createHttpClient, createHttpSource, metadataUrl } from '@vidimus/trust-client';
import { DEFAULT_LIMITS, tufDialect } from '@vidimus/tuf';
import { CliError } from '../cli-error.ts';
import { openCache } from '../client/open-client.ts';
import { repositorySettings } from '../client/repository-settings.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { toCliError } from '../failures.ts';
import { type Pinning, replaceAnchor } from './anchors.ts';

/** Either hash, lower-case hex, may be what is known of the root. */
export interface ExpectedRoot {
  readonly repository: string;
  readonly version: number;
  /** Hashes of the signed part, of which this must be one. */
  readonly messages?: readonly string[];
  /** Of the whole file. */
  readonly file?: string;
}

/**
 * @throws CliError: the repository exists then, and running the command again pins it
 */
export async function pinPublishedRoot(context: Context, expected: ExpectedRoot): Promise<Pinning> {
  const { repository, version } = expected;
  return await pinVerifiedRoot(context, repository, version, (bytes) => {
    if (isExpected(bytes, expected)) return;
    throw new CliError(
      'ANCHOR_MISMATCH',
      exitCodes.denied,
      `the server's root v${version} of ${repository} is not the one that was signed here`,
    );
  });
}

/** @param assertOwn throws for a root that is not to be pinned @throws as `pinPublishedRoot` */
export async function pinVerifiedRoot(
  context: Context,
  repository: string,
  version: number,
  assertOwn: (bytes: Uint8Array) => void,
): Promise<Pinning> {
  try {
    const bytes = await fetchRoot(context, repository, version);
    assertOwn(bytes);
    return await replaceAnchor(
      openCache(context),
      repository,
      { kind: 'root', bytes },
      'tuf',
      directoryServer(context, repository),
    );
  } catch (error) {
    const failure = toCliError(error);
    const hint = failure.hint ?? 'the repository is published; only the pin is missing: run this again';
    throw new CliError(failure.code, failure.exit, failure.message, hint, { cause: failure.cause });
  }
}

/** The directory has no registry that would say where it is served. */
function directoryServer(context: Context, repository: string): { readonly server?: string } {
  return repository === DIRECTORY_NAME ? { server: repositorySettings(context, repository).server } : {};
}

async function fetchRoot(context: Context, repository: string, version: number): Promise<Uint8Array> {
  const { server, token, ca } = repositorySettings(context, repository);
  const http = createHttpClient({
    server,
    ...(token === undefined ? {} : { token }),
    ...(ca === undefined ? {} : { ca }),
  });
  try {
    const source = createHttpSource(http, metadataUrl(http.server, repository));
    const bytes = await source.fetch('root', version, DEFAULT_LIMITS.rootBytes);
    if (bytes !== undefined) return bytes;
  } finally {
    http.close();
  }
  throw new CliError(
    'UNUSABLE',
    exitCodes.unavailable,
    `${server} does not serve root v${version} of ${repository}`,
  );
}

function isExpected(bytes: Uint8Array, { messages, file }: ExpectedRoot): boolean {
  if (file !== undefined && sha256Hex(bytes) !== file) return false;
  if (messages === undefined) return file !== undefined;
  return messages.includes(sha256Hex(tufDialect.open(bytes, DEFAULT_LIMITS.rootBytes).message));
}
