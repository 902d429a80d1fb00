/** Refuses cache directories and files that another user could have written or swapped (T28, NCC-7). */
import { constants, type Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { systemCode, TrustClientError } from '../errors.ts';
import type { Disk } from './disk.ts';

/** Bits of group and others that allow writing. */
const WRITABLE_BY_OTHERS = 0o022;
const DIRECTORY_MODE = 0o700;

/** Makes the directory (0700) if it is missing, then checks it as it is. @throws TrustClientError CACHE_UNSAFE, CACHE_FAILED */
export async function ensureSafeDirectory(disk: Disk, path: string): Promise<void> {
  try {
    await disk.mkdir(path, { recursive: true, mode: DIRECTORY_MODE });
    assertSafe(await disk.lstat(path), path, 'directory');
  } catch (error) {
    throw cacheError(error, path);
  }
}

/** Checks a directory that exists. @returns false if it does not. @throws TrustClientError CACHE_UNSAFE, CACHE_FAILED */
export async function isSafeDirectory(disk: Disk, path: string): Promise<boolean> {
  try {
    assertSafe(await disk.lstat(path), path, 'directory');
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw cacheError(error, path);
  }
}

/** The bytes of a file, or undefined if there is none. @throws TrustClientError CACHE_UNSAFE, CACHE_FAILED */
export async function readSafeFile(
  disk: Disk,
  path: string,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  let handle: FileHandle | undefined;
  try {
    handle = await disk.open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stats = await handle.stat();
    assertSafe(stats, path, 'file');
    if (stats.size > maxBytes) throw new TrustClientError('CACHE_FAILED', `${path} is too large`);
    return await handle.readFile();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw cacheError(error, path);
  } finally {
    await handle?.close();
  }
}

function assertSafe(stats: Stats, path: string, kind: 'file' | 'directory'): void {
  const isKind = kind === 'file' ? stats.isFile() : stats.isDirectory();
  if (!isKind) throw unsafe(path, `is not a plain ${kind}`);
  // Without user ids (Windows) the mode bits say nothing either.
  const own = process.getuid?.();
  if (own === undefined) return;
  if (stats.uid !== own) throw unsafe(path, `belongs to user ${stats.uid}, not ${own}`);
  if ((stats.mode & WRITABLE_BY_OTHERS) !== 0) throw unsafe(path, 'can be written by others');
}

function unsafe(path: string, problem: string): TrustClientError {
  return new TrustClientError('CACHE_UNSAFE', `${path} ${problem}`, {
    detail: { path },
    hint: 'remove it, or make it yours with mode 0700 (directories) or 0600 (files)',
  });
}

/** A system error on the way to `path` as one of this room. */
export function cacheError(error: unknown, path: string): unknown {
  const code = systemCode(error);
  if (error instanceof TrustClientError || code === undefined) return error;
  if (code === 'ELOOP') return unsafe(path, 'is a link');
  if (code === 'ENOTDIR' || code === 'EEXIST') return unsafe(path, 'is not a plain directory');
  return new TrustClientError('CACHE_FAILED', `${path}: ${code}`, {
    cause: error,
    detail: { path, cause: code },
  });
}
