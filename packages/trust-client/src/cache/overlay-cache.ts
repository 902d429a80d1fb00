/** A cache that is looked at and not touched: what a run stores stays in memory. */
import type { CacheFile } from '@vidimus/tuf';
import type { MetadataCache } from './metadata-cache.ts';

export function openOverlay(below: MetadataCache): MetadataCache {
  /** Null: discarded here. */
  const files = new Map<string, Uint8Array | null>();
  const nameOf = ({ role, version }: CacheFile): string => `${version ?? ''}.${role}`;
  return {
    begin() {
      const run = below.begin();
      return {
        async load(file) {
          const own = files.get(nameOf(file));
          return own === undefined ? await run.load(file) : (own ?? undefined);
        },
        async store(file, bytes) {
          files.set(nameOf(file), bytes);
          return 'stored';
        },
        async discard(file) {
          files.set(nameOf(file), null);
          return 'discarded';
        },
      };
    },
  };
}
