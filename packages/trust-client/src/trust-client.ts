/** The client: for a repository, the newest state that its anchor vouches for, and answers from it. */
import { DIRECTORY_NAME, isRepositoryName } from '@vidimus/reference';
import type { ClientCache } from './cache/client-cache.ts';
import { createDirectory, type DirectoryOptions } from './directory/directory.ts';
import type { Warn } from './drive.ts';
import { TrustClientError } from './errors.ts';
import type { HttpLimits } from './http/http-limits.ts';
import { openRepository, type RepositoryTrust } from './repository-trust.ts';
import type { RepositorySettings } from './settings.ts';

/** Something a person should hear about; `code` is stable: OFFLINE, STALE, CLOCK_BEHIND, CACHED_ROOT_DISCARDED, … */
export interface TrustWarning {
  readonly repository: string;
  readonly code: string;
  readonly detail: Readonly<Record<string, string | number>>;
}

export interface TrustClientOptions {
  readonly cache: ClientCache;
  /** What configuration says about a repository; asked once per repository. */
  readonly settingsFor: (repository: string) => RepositorySettings;
  /** How the organisation's directory is set up here; what is pinned in the cache counts without it, too. */
  readonly directory?: DirectoryOptions;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly warn?: (warning: TrustWarning) => void;
  readonly httpLimits?: Partial<HttpLimits>;
}

export interface TrustClient {
  /**
   * The repository's trust data, nothing fetched yet; the same object for the same name.
   * @param repository normalised name
   * @throws TrustClientError OPTIONS_INVALID
   */
  open(repository: string): RepositoryTrust;
  /** Closes idle connections. */
  close(): void;
}

export function createTrustClient(options: TrustClientOptions): TrustClient {
  const open = new Map<string, RepositoryTrust>();
  const { cache, now } = options;
  const httpLimits = options.httpLimits ?? {};
  const warnFor =
    (repository: string): Warn =>
    (code, detail) =>
      options.warn?.({ repository, code, detail });
  const directory = createDirectory({
    cache,
    options: options.directory ?? {},
    open: (settings) =>
      openRepository({
        repository: DIRECTORY_NAME,
        cache,
        settings,
        now,
        warn: warnFor(DIRECTORY_NAME),
        httpLimits,
      }),
  });
  return {
    open(repository) {
      const known = open.get(repository);
      if (known !== undefined) return known;
      if (!isRepositoryName(repository)) {
        throw new TrustClientError('OPTIONS_INVALID', 'not a normalised repository name');
      }
      const trust = openRepository({
        repository,
        cache,
        settings: options.settingsFor(repository),
        now,
        warn: warnFor(repository),
        httpLimits,
        // The directory does not name itself: its own anchor does.
        ...(repository === DIRECTORY_NAME ? {} : { directory }),
      });
      open.set(repository, trust);
      return trust;
    },
    close() {
      for (const trust of open.values()) trust.close();
      directory.close();
    },
  };
}
