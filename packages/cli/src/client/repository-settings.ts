/** Flags, environment and configuration of one repository, as the trust client takes them. */
import { readFileSync } from 'node:fs';
import { DIRECTORY_NAME, parseRepository } from '@vidimus/reference';
import type { RepositorySettings } from '@vidimus/trust-client';
import { CliError } from '../cli-error.ts';
import { durationToMs, type RepositoryEntry } from '../config/client-config.ts';
import {
  besideConfig,
  type FoundEntry,
  findEntry,
  readToken,
  readTokenFile,
} from '../config/resolve-config.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { configuredDirectory } from './directory-settings.ts';
import { sameOrigin } from './origins.ts';

const { usage } = exitCodes;

/** @throws CliError CONFIG_INVALID or USAGE */
export function repositorySettings(context: Context, repository: string, online = false): RepositorySettings {
  const found = findEntry(context.config(), repository);
  const entry = found?.entry;
  const server = serverFor(context, repository, entry);
  const token = tokenFor(context, server, found);
  const isUsualServer = context.options.server === undefined && entry?.trustServer === undefined;
  return {
    server,
    ...(isUsualServer ? { isUsualServer } : {}),
    online,
    ...(token === undefined ? {} : { token }),
    ...(entry?.dialect === undefined ? {} : { dialect: entry.dialect }),
    ...(repository === DIRECTORY_NAME ? directoryAnchor(context) : anchorOf(found)),
    ...(found?.entry.ca === undefined ? {} : { ca: readFileOf(found, found.entry.ca).toString('utf8') }),
    ...(entry?.foreign === undefined ? {} : { foreign: entry.foreign }),
    ...(entry?.maxTimestampLifetime === undefined
      ? {}
      : { maxTimestampLifetimeMs: durationToMs(entry.maxTimestampLifetime) }),
    ...(entry?.staleFor === undefined ? {} : { staleForMs: durationToMs(entry.staleFor) }),
  };
}

/** The trust server of a repository: flag or environment, configuration, else the registry's own host. */
export function serverFor(context: Context, repository: string, entry: RepositoryEntry | undefined): string {
  const { server } = context.options;
  if (entry?.final === true && entry.trustServer !== undefined) {
    if (server === undefined || sameOrigin(server, entry.trustServer)) return entry.trustServer;
    throw new CliError('USAGE', usage, `the system's configuration fixes the trust server of ${repository}`);
  }
  const chosen = server ?? entry?.trustServer ?? usualServer(context, repository);
  if (URL.canParse(chosen) && /^https?:$/.test(new URL(chosen).protocol)) return chosen;
  throw new CliError(
    'USAGE',
    usage,
    `${chosen} is not an http or https URL`,
    'check --server and VIDIMUS_SERVER',
  );
}

/** Settings of somebody who reads: where the directory is served may be known from its pin alone. */
export function readingSettings(context: Context, repository: string, online: boolean): RepositorySettings {
  if (isServerNamed(context, repository)) return repositorySettings(context, repository, online);
  return { server: 'https://directory.invalid', isUsualServer: true, online, ...directoryAnchor(context) };
}

/** Whether `repositorySettings` knows a server: of the directory only flags, environment and configuration name one. */
export function isServerNamed(context: Context, repository: string): boolean {
  if (repository !== DIRECTORY_NAME || context.options.server !== undefined) return true;
  const entry = findEntry(context.config(), repository)?.entry;
  return entry?.trustServer !== undefined || configuredDirectory(context)?.server !== undefined;
}

/** The registry's own host; the directory has none. @throws CliError USAGE */
function usualServer(context: Context, repository: string): string {
  if (repository !== DIRECTORY_NAME) return `https://${parseRepository(repository).registry}`;
  const server = configuredDirectory(context)?.server;
  if (server !== undefined) return server;
  throw new CliError('USAGE', usage, 'nothing says where the directory is served', 'add --server URL');
}

function directoryAnchor(context: Context): Pick<RepositorySettings, 'anchor'> {
  const anchor = configuredDirectory(context)?.pinned;
  return anchor === undefined ? {} : { anchor };
}

/**
 * A token goes only to the server it was given for: the entry's to the entry's server, that of flag or
 * environment to the server of flag or environment.
 */
function tokenFor(context: Context, server: string, found: FoundEntry | undefined): string | undefined {
  const { options, world } = context;
  const given =
    options.tokenFile === undefined ? world.environment['VIDIMUS_TOKEN'] : readTokenFile(options.tokenFile);
  if (given && options.server !== undefined && sameOrigin(options.server, server)) return given.trim();
  const configured = found?.entry.trustServer;
  if (found?.entry.token === undefined || configured === undefined) return undefined;
  return sameOrigin(configured, server) ? readToken(found, world.environment) : undefined;
}

function anchorOf(found: FoundEntry | undefined): Pick<RepositorySettings, 'anchor'> {
  const anchor = found?.entry.anchor;
  if (found === undefined || anchor === undefined) return {};
  if (anchor === 'directory') return { anchor: { kind: 'directory' } };
  if (anchor === 'firstUse') return { anchor: { kind: 'firstUse' } };
  if ('root' in anchor) return { anchor: { kind: 'root', bytes: readFileOf(found, anchor.root) } };
  if ('certIds' in anchor) return { anchor: { kind: 'certificates', certIds: anchor.certIds } };
  if ('ca' in anchor) {
    return { anchor: { kind: 'authority', caPem: readFileOf(found, anchor.ca).toString('utf8') } };
  }
  return { anchor: { kind: 'keyIds', keyIds: anchor.keyIds, threshold: anchor.threshold } };
}

function readFileOf(found: FoundEntry, path: string): Buffer {
  const file = besideConfig(found.file, path);
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new CliError(
      'CONFIG_INVALID',
      usage,
      `${found.file} names ${file}, which cannot be read`,
      undefined,
      {
        cause,
      },
    );
  }
}
