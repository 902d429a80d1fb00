/** The organisation's directory, as configuration, flags and environment set it up. */
import { type DirectoryOptions, parseCarriedAnchor, TrustClientError } from '@vidimus/trust-client';
import { CliError } from '../cli-error.ts';
import { besideConfig, findDirectory, readToken, readTokenFile } from '../config/resolve-config.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { readNamedFile } from '../publish/bounded-file.ts';
import { sameOrigin } from './origins.ts';

/** Largest anchor file, bytes. */
export const maxAnchorFileBytes = 4 * 1024 * 1024;

type CarriedAnchor = ReturnType<typeof parseCarriedAnchor>;

/** The anchor file that configuration names. @throws CliError CONFIG_INVALID */
export function configuredDirectory(context: Context): CarriedAnchor | undefined {
  const found = findDirectory(context.config());
  if (found === undefined) return undefined;
  const file = besideConfig(found.file, found.entry.anchor);
  const anchor = readAnchor(found.file, file);
  if (anchor.repository === '_directory') return anchor;
  throw invalid(found.file, `${file}, which is the anchor of ${anchor.repository} and of no directory`);
}

/** @throws CliError CONFIG_INVALID */
export function directoryOptions(context: Context, online: boolean): DirectoryOptions {
  const configured = configuredDirectory(context);
  const { server } = context.options;
  return {
    online,
    tokenFor: (url) => tokenFor(context, configured?.server, url),
    ...(configured && { configured }),
    ...(server === undefined ? {} : { server }),
  };
}

/** The configured token goes to the directory's own origin, that of the environment to the server named beside it. */
function tokenFor(context: Context, own: string | undefined, server: string): string | undefined {
  const { options, world } = context;
  const given =
    options.tokenFile === undefined ? world.environment['VIDIMUS_TOKEN'] : readTokenFile(options.tokenFile);
  if (given && options.server !== undefined && sameOrigin(options.server, server)) return given.trim();
  const found = findDirectory(context.config());
  if (found?.entry.token === undefined || own === undefined || !sameOrigin(own, server)) return undefined;
  return readToken(found, world.environment);
}

function readAnchor(config: string, file: string): CarriedAnchor {
  try {
    return parseCarriedAnchor(readNamedFile(file, maxAnchorFileBytes));
  } catch (cause) {
    if (!(cause instanceof CliError) && !(cause instanceof TrustClientError)) throw cause;
    throw invalid(config, `${file}: ${cause.message}`, cause);
  }
}

function invalid(config: string, what: string, cause?: unknown): CliError {
  return new CliError(
    'CONFIG_INVALID',
    exitCodes.usage,
    `${config} names ${what}`,
    'where the directory is pinned: vidimus anchor export --directory > acme.anchor.json',
    { cause },
  );
}
