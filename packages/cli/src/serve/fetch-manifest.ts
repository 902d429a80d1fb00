/** Target bytes for stock TUF clients: only from registries the configuration names, only by digest. */
import { readFileSync } from 'node:fs';
import { createRegistryClient, OciError, type RegistryClient, type RegistryOptions } from '@vidimus/oci';
import { parseRepository } from '@vidimus/reference';
import type { FetchManifest } from '@vidimus/trust-server';
import { CliError } from '../cli-error.ts';
import { besideConfig } from '../config/resolve-config.ts';
import { exitCodes } from '../exit-codes.ts';
import type { ServeSettings } from './serve-settings.ts';

/** @throws CliError CONFIG_INVALID for a CA file that cannot be read */
export function createFetchManifest(settings: ServeSettings): { fetch: FetchManifest; close(): void } {
  const registries = new Map(Object.entries(settings.service.registries).map(toOptions(settings)));
  const client: RegistryClient = createRegistryClient({ registries });
  return {
    close: client.close,
    async fetch(repository, digest) {
      if (!registries.has(parseRepository(repository).registry)) return undefined;
      try {
        return (await client.getManifest(repository, digest)).bytes;
      } catch (error) {
        if (error instanceof OciError) return undefined;
        throw error;
      }
    },
  };
}

function toOptions(settings: ServeSettings) {
  return ([host, entry]: [string, ServeSettings['service']['registries'][string]]): [
    string,
    RegistryOptions,
  ] => [
    host,
    {
      ...(entry.plainHttp === undefined ? {} : { plainHttp: entry.plainHttp }),
      ...(entry.ca === undefined ? {} : { ca: readCa(settings, entry.ca) }),
    },
  ];
}

function readCa({ configFile = '.' }: ServeSettings, path: string): string {
  const file = besideConfig(configFile, path);
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new CliError('CONFIG_INVALID', exitCodes.usage, `cannot read the CA file ${file}`, undefined, {
      cause,
    });
  }
}
