/** The data directory: made 0700, marked with a VERSION, used by one process at a time. */
import { chmod, mkdir, open, readdir, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseWarning } from '../database.ts';
import { DatabaseError } from '../errors.ts';
import { toDirectoryError } from './directory-error.ts';
import { type DirectoryLock, lockDirectory } from './directory-lock.ts';
import { syncDirectory } from './disk.ts';

/** A data directory that this process holds. */
export interface DataDirectory {
  readonly path: string;
  /** Gives the directory up; idempotent. */
  close(): Promise<void>;
}

const version = '1';
const maxVersionBytes = 16;
const privateMode = 0o700;
/** What may stand in a directory before its first use without making it somebody else's. */
const ownNames = /^(lock\.sock|lk-[0-9a-f]{6}|VERSION\.new|lost\+found)$/;

/**
 * Makes the directory where it is missing, and takes its lock.
 * @throws DatabaseError LOCKED, NEWER_DIRECTORY, DIRECTORY_INVALID, DIRECTORY_UNWRITABLE, DISK_FULL, PATH_TOO_LONG
 */
export async function openDataDirectory(
  path: string,
  warn: (warning: DatabaseWarning) => void = () => undefined,
): Promise<DataDirectory> {
  try {
    await mkdir(path, { recursive: true, mode: privateMode });
    await assertVersion(path);
    const lock = await lockDirectory(path);
    return await prepare(path, lock, warn);
  } catch (error) {
    throw toDirectoryError(error, path);
  }
}

async function prepare(
  path: string,
  lock: DirectoryLock,
  warn: (warning: DatabaseWarning) => void,
): Promise<DataDirectory> {
  try {
    const foreign = (await readdir(path)).some((name) => !ownNames.test(name));
    const marked = await assertVersion(path);
    if (!marked) await writeVersion(path);
    await keepPrivate(path, marked || !foreign, warn);
    return { path, close: () => lock.release() };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** True when VERSION is there and ours, false in a directory without data. */
async function assertVersion(path: string): Promise<boolean> {
  const text = await readVersion(path);
  if (text === version) return true;
  if (text === undefined) {
    await assertNoData(path);
    return false;
  }
  if (/^[0-9]{1,9}$/.test(text) && Number(text) > Number(version)) {
    throw new DatabaseError('NEWER_DIRECTORY', {
      message: `${path} has version ${text}; this program knows version ${version}`,
      hint: 'a newer version of the program has been here: start that version',
    });
  }
  throw new DatabaseError('DIRECTORY_INVALID', {
    message: `${join(path, 'VERSION')} does not hold a version`,
    hint: 'choose another directory, or restore this one from a backup',
  });
}

async function readVersion(path: string): Promise<string | undefined> {
  try {
    const file = join(path, 'VERSION');
    const { size } = await stat(file);
    return size > maxVersionBytes ? '' : (await readFile(file, 'latin1')).trim();
  } catch (error) {
    if (error instanceof Error && Reflect.get(error, 'code') === 'ENOENT') return undefined;
    throw error;
  }
}

/** A database without VERSION was not made by this program, or lost a file: it is not touched. */
async function assertNoData(path: string): Promise<void> {
  const names = await readdir(path);
  if (!names.includes('db') && !names.includes('journal')) return;
  throw new DatabaseError('DIRECTORY_INVALID', {
    message: `${path} holds a database but no VERSION`,
    hint: 'choose another directory, or restore this one from a backup',
  });
}

async function writeVersion(path: string): Promise<void> {
  const unfinished = join(path, 'VERSION.new');
  const file = await open(unfinished, 'w', 0o600);
  try {
    await file.writeFile(`${version}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(unfinished, join(path, 'VERSION'));
  await syncDirectory(path);
}

/**
 * Private keys lie here, if encrypted ones. A directory that was somebody else's before (`--data /tmp`), or that
 * belongs to another user (a mounted volume), is not closed to others: its operator is told.
 */
async function keepPrivate(
  path: string,
  ours: boolean,
  warn: (warning: DatabaseWarning) => void,
): Promise<void> {
  const { mode } = await stat(path);
  if ((mode & 0o077) === 0) return;
  try {
    if (ours) return await chmod(path, privateMode);
  } catch (error) {
    if (
      !(error instanceof Error) ||
      !['EPERM', 'EROFS', 'EACCES'].includes(String(Reflect.get(error, 'code')))
    )
      throw error;
  }
  warn({ code: 'DIRECTORY_OPEN', message: `other users can enter ${path}: chmod 700 it` });
}
