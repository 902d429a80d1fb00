/**
 * Metadata files in a directory, safe against crashes and against other processes doing the same.
 *
 * Readers never see half a file (rename). Writers compare and replace under a lock held for the rename
 * alone; a writer whose view is old writes nothing.
 */
import { join } from 'node:path';
import { sha256Hex } from '@vidimus/crypto';
import type { CacheFile } from '@vidimus/tuf';
import { removeIfThere, stage } from './atomic-file.ts';
import { withLock } from './cache-lock.ts';
import { type Disk, realDisk } from './disk.ts';
import { cacheFileName } from './file-name.ts';
import type { CacheRun, MetadataCache } from './metadata-cache.ts';
import { ensureSafeDirectory, readSafeFile } from './safe-path.ts';

/** Larger than any file the workflow stores; a planted giant is refused, not read. */
const MAX_CACHED_BYTES = 64 * 1024 * 1024;

export interface DirectoryCacheOptions {
  /** Current files, one per role. */
  readonly directory: string;
  /** Versions of root; may be the same directory. */
  readonly historyDirectory: string;
  /** Not in `directory` if its `*.json` must all be metadata. */
  readonly lockFile: string;
  readonly disk?: Disk;
}

/**
 * Opens the cache, making its directories (0700) where missing.
 * @throws TrustClientError CACHE_UNSAFE if another user could have written there
 */
export async function openDirectoryCache(options: DirectoryCacheOptions): Promise<MetadataCache> {
  const disk = options.disk ?? realDisk;
  await ensureSafeDirectory(disk, options.directory);
  await ensureSafeDirectory(disk, options.historyDirectory);
  return { begin: () => beginRun(options, disk) };
}

function beginRun(options: DirectoryCacheOptions, disk: Disk): CacheRun {
  /** Path to the digest of what this run last saw there; undefined for nothing. Owned by this run alone. */
  const seen = new Map<string, string | undefined>();

  const read = (path: string): Promise<Uint8Array | undefined> => readSafeFile(disk, path, MAX_CACHED_BYTES);
  const look = async (path: string): Promise<Uint8Array | undefined> => {
    const bytes = await read(path);
    seen.set(path, digestOf(bytes));
    return bytes;
  };

  return {
    load: (file) => look(pathOf(options, file)),

    async store(file, bytes) {
      const path = pathOf(options, file);
      if (!seen.has(path)) await look(path);
      const digest = sha256Hex(bytes);
      const staged = await stage(disk, directoryOf(options, file), bytes);
      try {
        return await withLock(disk, options.lockFile, async () => {
          const present = digestOf(await read(path));
          // Another process may have stored the very same file: that is as good.
          if (present !== digest && present !== seen.get(path)) return 'superseded';
          if (present !== digest) await staged.publish(path);
          seen.set(path, digest);
          return 'stored';
        });
      } finally {
        await staged.drop();
      }
    },

    async discard(file) {
      const path = pathOf(options, file);
      if (!seen.has(path)) await look(path);
      return await withLock(disk, options.lockFile, async () => {
        const present = digestOf(await read(path));
        if (present !== undefined && present !== seen.get(path)) return 'superseded';
        await removeIfThere(disk, path);
        seen.set(path, undefined);
        return 'discarded';
      });
    },
  };
}

function digestOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes && sha256Hex(bytes);
}

function directoryOf(options: DirectoryCacheOptions, file: CacheFile): string {
  return file.version === undefined ? options.directory : options.historyDirectory;
}

function pathOf(options: DirectoryCacheOptions, file: CacheFile): string {
  return join(directoryOf(options, file), cacheFileName(file));
}
