/** What the driver needs of a cache: one run at a time looks, and replaces only what it has seen. */
import type { CacheFile } from '@vidimus/tuf';

export interface MetadataCache {
  /** A fresh view: what it loads is remembered, so that `store` can tell whether somebody came in between. */
  begin(): CacheRun;
}

export interface CacheRun {
  load(file: CacheFile): Promise<Uint8Array | undefined>;
  /**
   * Puts a file in place, whole and durable, unless another process replaced it since this run last saw it:
   * then nothing is written and the answer is `superseded`, so that no older file covers a newer one.
   */
  store(file: CacheFile, bytes: Uint8Array): Promise<'stored' | 'superseded'>;
  /** Removes a file, under the same condition. */
  discard(file: CacheFile): Promise<'discarded' | 'superseded'>;
}
