/** Whole or not at all: temporary file, fsync, rename, fsync of the directory. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemCode } from '../errors.ts';
import type { Disk } from './disk.ts';
import { cacheError } from './safe-path.ts';

const FILE_MODE = 0o600;
const TEMPORARY_SUFFIX = '.tmp';
/** A temporary file older than this was left by a process that died. */
const ABANDONED_AFTER_MS = 3_600_000;

/** A finished, durable file that has no name of its own yet. */
export interface StagedFile {
  /** Gives it the name, in place of what had it, durably. */
  publish(path: string): Promise<void>;
  drop(): Promise<void>;
}

/** Writes the bytes beside `path` under a name nobody else uses. @throws TrustClientError CACHE_FAILED */
export async function stage(disk: Disk, directory: string, bytes: Uint8Array): Promise<StagedFile> {
  const temporary = temporaryName(directory);
  try {
    const flags = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW;
    const handle = await disk.open(temporary, flags, FILE_MODE);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    await removeIfThere(disk, temporary);
    throw cacheError(error, temporary);
  }
  return {
    async publish(path) {
      try {
        await disk.rename(temporary, path);
        await syncDirectory(disk, directory);
      } catch (error) {
        throw cacheError(error, path);
      }
    },
    drop: () => removeIfThere(disk, temporary),
  };
}

/** Replaces a file atomically. @throws TrustClientError CACHE_FAILED */
export async function writeAtomically(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  const staged = await stage(disk, dirname(path), bytes);
  try {
    await staged.publish(path);
  } catch (error) {
    await staged.drop();
    throw error;
  }
}

/** A fresh name in the directory, never one that is read as cache content. */
export function temporaryName(directory: string): string {
  return join(directory, `.${randomBytes(12).toString('hex')}${TEMPORARY_SUFFIX}`);
}

/** Removes a file; one that is not there is as good. @throws TrustClientError CACHE_FAILED */
export async function removeIfThere(disk: Disk, path: string): Promise<void> {
  try {
    await disk.unlink(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw cacheError(error, path);
  }
}

/** Removes what processes that died left behind. `now`: milliseconds, of the clock that dates files. */
export async function sweepTemporaries(disk: Disk, directory: string, now: number): Promise<void> {
  const names = await disk.readdir(directory);
  for (const name of names.filter((each) => each.startsWith('.') && each.endsWith(TEMPORARY_SUFFIX))) {
    const path = join(directory, name);
    const abandoned = await isOlderThan(disk, path, now - ABANDONED_AFTER_MS);
    if (abandoned) await removeIfThere(disk, path);
  }
}

async function isOlderThan(disk: Disk, path: string, time: number): Promise<boolean> {
  try {
    return (await disk.lstat(path)).mtimeMs < time;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw cacheError(error, path);
  }
}

/** Makes renames in a directory durable; not every file system knows how. */
async function syncDirectory(disk: Disk, directory: string): Promise<void> {
  const handle = await disk.open(directory, constants.O_RDONLY);
  try {
    await handle.sync();
  } catch (error) {
    if (!['EINVAL', 'EPERM', 'ENOTSUP'].includes(systemCode(error) ?? '')) throw error;
  } finally {
    await handle.close();
  }
}
