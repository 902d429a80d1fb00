/**
 * Files that only their owner may read: checked on each open, written so that a crash leaves the old state or
 * the new one, never followed through a symbolic link that somebody placed.
 */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, link, lstat, mkdir, open, rename, rm, unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { toHex } from '@vidimus/crypto';
import { KeyStoreError } from './errors.ts';
import { draw, type Random } from './key-store.ts';

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

/** Whether a symbolic link at the path itself is the owner's way of mounting secrets, or an attack. */
export type Links = 'follow' | 'refuse';

/**
 * Makes the directory if it is missing and checks that nobody else can look or write into it.
 * @throws KeyStoreError FILE_UNSAFE
 */
export async function ensurePrivateDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: DIRECTORY_MODE });
  // Resolved, because a slash at the end would make a symbolic link look like the directory it leads to.
  const stats = await lstat(resolve(path));
  if (!stats.isDirectory())
    throw new KeyStoreError('FILE_UNSAFE', `${path} is not a directory itself`, { path });
  assertPrivate(path, stats, '0700');
}

/**
 * Contents of a private file; undefined when there is none.
 * @throws KeyStoreError FILE_UNSAFE for a mode, owner, kind or size that a key file never has
 */
export async function readPrivateFile(
  path: string,
  maxBytes: number,
  links: Links,
): Promise<Uint8Array | undefined> {
  const file = await openPrivate(path, O_RDONLY, links);
  if (file === undefined) return undefined;
  try {
    const { size } = await file.stat();
    if (size > maxBytes)
      throw new KeyStoreError('FILE_UNSAFE', `${path} has more than ${maxBytes} bytes`, { path });
    return new Uint8Array(await file.readFile());
  } finally {
    await file.close();
  }
}

/**
 * Writes a file that must not exist yet; whole and on disk when this returns.
 * @throws KeyStoreError KEY_EXISTS
 */
export async function createPrivateFile(path: string, bytes: Uint8Array, random: Random): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${toHex(draw(random, 8))}`);
  const file = await open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, FILE_MODE);
  try {
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    // Unlike a rename, a link never replaces what is there.
    await link(temporary, path);
  } catch (cause) {
    if (isSystemError(cause, 'EEXIST'))
      throw new KeyStoreError('KEY_EXISTS', `${path} exists`, { path }, { cause });
    throw cause;
  } finally {
    await unlink(temporary);
  }
  await syncDirectory(dirname(path));
}

/**
 * Writes a file in the place of the one that is there; after a crash there is the old one or the new one, whole.
 * Files that somebody placed there as a link are replaced, never followed.
 */
export async function replacePrivateFile(path: string, bytes: Uint8Array, random: Random): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${toHex(draw(random, 8))}`);
  const file = await open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, FILE_MODE);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

/** Takes a file away; gone on disk when this returns. */
export async function removePrivateFile(path: string): Promise<void> {
  await rm(path, { force: true });
  await syncDirectory(dirname(path));
}

/** Adds to the end of a private file in one write; on disk when this returns. False when there is no file. */
export async function appendPrivateFile(path: string, bytes: Uint8Array): Promise<boolean> {
  const file = await openPrivate(path, O_WRONLY | O_APPEND, 'refuse');
  if (file === undefined) return false;
  try {
    await file.writeFile(bytes);
    await file.sync();
    return true;
  } finally {
    await file.close();
  }
}

/** The file after its checks, which are made on what was opened and not on the name. */
async function openPrivate(path: string, flags: number, links: Links): Promise<FileHandle | undefined> {
  let file: FileHandle;
  try {
    // Not blocking: a named pipe must not hold the program up.
    file = await open(path, flags | O_NONBLOCK | (links === 'refuse' ? O_NOFOLLOW : 0));
  } catch (cause) {
    if (isSystemError(cause, 'ENOENT')) return undefined;
    if (isSystemError(cause, 'ELOOP')) {
      throw new KeyStoreError('FILE_UNSAFE', `${path} is a symbolic link`, { path }, { cause });
    }
    throw cause;
  }
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new KeyStoreError('FILE_UNSAFE', `${path} is not a file`, { path });
    assertPrivate(path, stats, '0600');
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** T28: keys were found world-readable in every audit of such tools. */
function assertPrivate(path: string, stats: Stats, mode: string): void {
  if ((stats.mode & 0o077) !== 0) {
    throw new KeyStoreError('FILE_UNSAFE', `others may use ${path}: its mode must be ${mode}`, {
      path,
      mode,
    });
  }
  const uid = process.getuid?.();
  if (uid !== undefined && stats.uid !== uid) {
    throw new KeyStoreError('FILE_UNSAFE', `${path} belongs to another user`, { path });
  }
}

/** Makes the directory's new entry survive a power cut, too. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function isSystemError(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
