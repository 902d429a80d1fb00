/** The parts a client command works with, wired from its context. */
import type { RegistryClient } from '@vidimus/oci';
import {
  type ClientCache,
  createClientCache,
  createPublishClient,
  createTrustClient,
  type PublishClient,
  type TrustClient,
  type TrustWarning,
} from '@vidimus/trust-client';
import type { Context } from '../context.ts';
import { cacheDirectory } from './client-paths.ts';
import { directoryOptions } from './directory-settings.ts';
import { openRegistry } from './registries.ts';
import { readingSettings, repositorySettings } from './repository-settings.ts';

export interface Client {
  readonly cache: ClientCache;
  readonly trust: TrustClient;
  readonly registry: RegistryClient;
  /** What a person should hear, in the order it came. */
  readonly warnings: readonly TrustWarning[];
  close(): void;
}

/** @param online never judge on the cache alone */
export function openClient(context: Context, online: boolean): Client {
  const warnings: TrustWarning[] = [];
  const cache = openCache(context);
  const registry = openRegistry(context);
  const trust = createTrustClient({
    cache,
    settingsFor: (repository) => readingSettings(context, repository, online),
    directory: directoryOptions(context, online),
    now: context.world.now,
    warn: (warning) => warnings.push(warning),
  });
  return {
    cache,
    trust,
    registry,
    warnings,
    close() {
      trust.close();
      registry.close();
    },
  };
}

/** The cache that flags and environment name. */
export function openCache(context: Context): ClientCache {
  return createClientCache(cacheDirectory(context.options, context.world.environment));
}

/** The REST API of a repository's trust server. */
export function openPublisher(context: Context, repository: string): PublishClient {
  const { server, token, ca } = repositorySettings(context, repository);
  return createPublishClient({
    server,
    ...(token === undefined ? {} : { token }),
    ...(ca === undefined ? {} : { ca }),
  });
}
