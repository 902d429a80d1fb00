/** Which trust server a command that names no repository speaks to, and with which token. */
import { readFileSync } from 'node:fs';
import { CliError } from '../cli-error.ts';
import { besideConfig, type FoundEntry, readToken, readTokenFile } from '../config/resolve-config.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';

export interface ServerSettings {
  readonly server: string;
  readonly token?: string;
  /** PEM of its authority. */
  readonly ca?: string;
}

/**
 * The server of flag or environment, else the one that all entries of the configuration name. A token goes only to
 * the server it was given for.
 * @throws CliError USAGE, CONFIG_INVALID
 */
export function serverSettings(context: Context): ServerSettings {
  const { options, world } = context;
  const entries = context
    .config()
    .files.flatMap(({ file, config }) => config.repositories.map((entry) => ({ file, entry })));
  const server = options.server ?? onlyServer(entries);
  if (!URL.canParse(server) || !/^https?:$/.test(new URL(server).protocol)) {
    throw new CliError('USAGE', exitCodes.usage, `${server} is not an http or https URL`, 'check --server');
  }
  const found = entries.find(({ entry }) => isAt(entry.trustServer, server));
  const given =
    options.tokenFile === undefined ? world.environment['VIDIMUS_TOKEN'] : readTokenFile(options.tokenFile);
  const own = options.server === undefined ? undefined : given?.trim();
  const token = own || (found === undefined ? undefined : readToken(found, world.environment));
  return { server, ...(token ? { token } : {}), ...(found === undefined ? {} : caOf(found)) };
}

function onlyServer(entries: readonly FoundEntry[]): string {
  const servers = new Set(entries.flatMap(({ entry }) => entry.trustServer ?? []));
  const [first, second] = servers;
  if (first !== undefined && second === undefined) return first;
  throw new CliError(
    'USAGE',
    exitCodes.usage,
    first === undefined ? 'no trust server is named' : 'the configuration names several trust servers',
    '--server URL or VIDIMUS_SERVER',
  );
}

function caOf({ file, entry }: FoundEntry): { readonly ca?: string } {
  if (entry.ca === undefined) return {};
  const path = besideConfig(file, entry.ca);
  try {
    return { ca: readFileSync(path, 'utf8') };
  } catch (cause) {
    const message = `${file} names ${path}, which cannot be read`;
    throw new CliError('CONFIG_INVALID', exitCodes.usage, message, undefined, { cause });
  }
}

function isAt(configured: string | undefined, server: string): boolean {
  return configured !== undefined && new URL(configured).origin === new URL(server).origin;
}
