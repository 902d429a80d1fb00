/** Stands in for a server that cannot be reached: nothing new, and the timestamp the cache has. */
import type { MetadataCache } from './cache/metadata-cache.ts';
import type { TrustClientError } from './errors.ts';
import type { MetadataSource } from './http/metadata-source.ts';

/**
 * The workflow then checks the cached files as it always does: signatures, expiry, versions. A file the
 * cache lacks fails as the server did.
 */
export function createOfflineSource(cache: MetadataCache, why: TrustClientError): MetadataSource {
  return {
    async fetch(role) {
      if (role === 'root') return undefined;
      const timestamp = role === 'timestamp' ? await cache.begin().load({ role }) : undefined;
      if (timestamp === undefined) throw why;
      return timestamp;
    },
  };
}
