/**
 * Which settings hold for a repository. Files are asked from the most specific to the system's own, but
 * an entry the system marks `final` cannot be overridden. `./vidimus.yaml` is never read: a pull request
 * must not configure its own verifier.
 */
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { compileGlob } from '@vidimus/reference';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import {
  type ClientConfig,
  clientConfigSchema,
  type DirectoryEntry,
  type RegistryEntry,
  type RepositoryEntry,
} from './client-config.ts';
import { readConfigFile } from './read-config-file.ts';

export const systemConfigFile = '/etc/vidimus/config.yaml';

export interface ConfigSources {
  readonly systemFile: string;
  readonly userFile: string | undefined;
  /** From `--config` or `$VIDIMUS_CONFIG`; must exist. */
  readonly namedFile: string | undefined;
}

interface LoadedFile {
  readonly file: string;
  readonly config: ClientConfig;
}

export interface LoadedConfig {
  /** Most specific first: named, user, system. */
  readonly files: readonly LoadedFile[];
  readonly system: LoadedFile | undefined;
}

/** The entry that decides for a repository, with the file relative paths in it start from. */
export interface FoundEntry {
  readonly entry: RepositoryEntry;
  readonly file: string;
}

/** Reads the configuration files there are. @throws CliError CONFIG_INVALID */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const load = (file: string | undefined): LoadedFile[] => {
    const config = file === undefined ? undefined : readConfigFile(file, clientConfigSchema);
    return file === undefined || config === undefined ? [] : [{ file, config }];
  };
  const named = load(sources.namedFile);
  if (sources.namedFile !== undefined && named.length === 0) {
    throw new CliError(
      'CONFIG_INVALID',
      exitCodes.usage,
      `${sources.namedFile} does not exist`,
      'check --config and VIDIMUS_CONFIG',
    );
  }
  const system = load(sources.systemFile)[0];
  return { files: [...named, ...load(sources.userFile), ...(system === undefined ? [] : [system])], system };
}

/** First match in order within a file; the system's match wins where it is final. */
export function findEntry(config: LoadedConfig, repository: string): FoundEntry | undefined {
  const systems = config.system === undefined ? undefined : firstMatch(config.system, repository);
  if (systems?.entry.final === true) return systems;
  for (const file of config.files) {
    const found = firstMatch(file, repository);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The directory in force: the system's own cannot be exchanged for another; else the most specific file's. */
export function findDirectory(
  config: LoadedConfig,
): { readonly entry: DirectoryEntry; readonly file: string } | undefined {
  const files = config.system === undefined ? config.files : [config.system, ...config.files];
  for (const { file, config: content } of files) {
    if (content.directory !== undefined) return { entry: content.directory, file };
  }
  return undefined;
}

/** How to reach a registry; the most specific file that names the host decides. */
export function findRegistry(
  config: LoadedConfig,
  host: string,
): (RegistryEntry & { readonly file: string }) | undefined {
  for (const { file, config: content } of config.files) {
    const entry = Object.hasOwn(content.registries, host) ? content.registries[host] : undefined;
    if (entry !== undefined) return { ...entry, file };
  }
  return undefined;
}

/** A path written in a configuration file, relative to that file. */
export function besideConfig(file: string, path: string): string {
  return resolve(dirname(file), path);
}

/** A token named by an entry. @throws CliError CONFIG_INVALID when it is named but not there */
export function readToken(
  found: { readonly entry: Pick<RepositoryEntry, 'token'>; readonly file: string },
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const token = found.entry.token;
  if (token === undefined) return undefined;
  const text = 'env' in token ? environment[token.env] : readTokenFile(besideConfig(found.file, token.file));
  if (text !== undefined && text.trim() !== '') return text.trim();
  const where = 'env' in token ? `$${token.env}` : token.file;
  throw new CliError(
    'CONFIG_INVALID',
    exitCodes.usage,
    `${found.file} takes the token from ${where}, which is empty`,
  );
}

/** The user's own configuration file, by the XDG rules. */
export function userConfigFile(
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const base =
    environment['XDG_CONFIG_HOME'] || (environment['HOME'] && join(environment['HOME'], '.config'));
  return base ? join(base, 'vidimus', 'config.yaml') : undefined;
}

/** Reads a token file. @throws CliError CONFIG_INVALID */
export function readTokenFile(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new CliError('CONFIG_INVALID', exitCodes.usage, `cannot read the token file ${file}`, undefined, {
      cause,
    });
  }
}

function firstMatch({ file, config }: LoadedFile, repository: string): FoundEntry | undefined {
  const entry = config.repositories.find(({ match }) => compileGlob(match)(repository));
  return entry === undefined ? undefined : { entry, file };
}
