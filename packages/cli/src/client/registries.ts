/** The registry client, configured as the person's files and Docker's and Podman's credentials say. */
import { readFileSync } from 'node:fs';
import {
  createRegistryClient,
  credentialsFromFiles,
  type RegistryClient,
  type RegistryOptions,
} from '@vidimus/oci';
import { CliError } from '../cli-error.ts';
import { besideConfig, findRegistry } from '../config/resolve-config.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { foreignEnvironment } from './foreign-environment.ts';

/** Opens no connection yet. @throws CliError CONFIG_INVALID */
export function openRegistry(context: Context): RegistryClient {
  return createRegistryClient({
    registries: registryOptions(context),
    credentials: credentialsFromFiles({ environment: foreignEnvironment(context.world.environment) }),
  });
}

/** What the configuration says of every registry it names. */
export function registryOptions(context: Context): ReadonlyMap<string, RegistryOptions> {
  const config = context.config();
  const hosts = new Set(config.files.flatMap((file) => Object.keys(file.config.registries)));
  return new Map([...hosts].map((host) => [host, optionsOf(context, host)]));
}

function optionsOf(context: Context, host: string): RegistryOptions {
  const found = findRegistry(context.config(), host);
  if (found === undefined) return {};
  return {
    ...(found.plainHttp === undefined ? {} : { plainHttp: found.plainHttp }),
    ...(found.ca === undefined ? {} : { ca: readCa(besideConfig(found.file, found.ca)) }),
  };
}

function readCa(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new CliError('CONFIG_INVALID', exitCodes.usage, `cannot read the CA file ${file}`, undefined, {
      cause,
    });
  }
}
