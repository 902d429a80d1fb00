/**
 * The client's cache directory (CONTRACTS C1): one directory per repository, named by the hash of the
 * repository's name, so that no name chosen by anybody becomes a path (T20).
 */
import { join } from 'node:path';
import { sha256Hex } from '@vidimus/crypto';
import { isRepositoryName } from '@vidimus/reference';
import type { DialectName } from '@vidimus/tuf';
import { TrustClientError } from '../errors.ts';
import { sweepTemporaries, writeAtomically } from './atomic-file.ts';
import { withLock } from './cache-lock.ts';
import { openDirectoryCache } from './directory-cache.ts';
import { type Disk, realDisk } from './disk.ts';
import type { MetadataCache } from './metadata-cache.ts';
import { ensureSafeDirectory, isSafeDirectory, readSafeFile } from './safe-path.ts';

const MAX_SMALL_FILE_BYTES = 4 * 1024 * 1024;

/** The files of one repository that are not metadata. */
export type PlainFile = 'anchor.json' | 'state';

/** One repository's directory. */
export interface RepositoryCache {
  readonly repository: string;
  /** `tuf/` or `notary/`: current files by role, and every version of root that was trusted. */
  readonly metadata: MetadataCache;
  read(file: PlainFile): Promise<Uint8Array | undefined>;
  /** Changes a file with no other process in between; `edit` gets what is there. */
  update(file: PlainFile, edit: (before: Uint8Array | undefined) => Uint8Array): Promise<void>;
}

export interface ClientCache {
  readonly directory: string;
  /**
   * Opens a repository's directory, made where missing; `repository` is a normalised name. Each dialect (default
   * `tuf`) has its own metadata there; anchor and state are the repository's.
   * @throws TrustClientError OPTIONS_INVALID, CACHE_UNSAFE, CACHE_FAILED
   */
  open(repository: string, dialect?: DialectName): Promise<RepositoryCache>;
  /**
   * A file of a repository, undefined also where nothing is kept of it; makes nothing.
   * @throws TrustClientError OPTIONS_INVALID, CACHE_UNSAFE, CACHE_FAILED
   */
  peek(repository: string, file: PlainFile): Promise<Uint8Array | undefined>;
  /** Names of the repositories that have a directory, sorted. */
  list(): Promise<readonly string[]>;
}

/** A cache below `directory`; nothing is made before it is needed. */
export function createClientCache(directory: string, disk: Disk = realDisk): ClientCache {
  return {
    directory,
    open: (repository, dialect = 'tuf') => openRepository(directory, repository, dialect, disk),
    peek: (repository, file) => peek(directory, repository, file, disk),
    list: () => listRepositories(directory, disk),
  };
}

async function openRepository(
  root: string,
  repository: string,
  dialect: DialectName,
  disk: Disk,
): Promise<RepositoryCache> {
  const directory = directoryOf(root, repository);
  await ensureSafeDirectory(disk, root);
  await ensureSafeDirectory(disk, directory);
  const files = join(directory, dialect);
  const lockFile = join(directory, 'lock');
  const metadata = await openDirectoryCache({ directory: files, historyDirectory: files, lockFile, disk });
  await sweepTemporaries(disk, directory, Date.now());
  await sweepTemporaries(disk, files, Date.now());
  await nameDirectory(disk, join(directory, 'repository.txt'), repository);

  return {
    repository,
    metadata,
    read: (file) => readSafeFile(disk, join(directory, file), MAX_SMALL_FILE_BYTES),
    update: (file, edit) =>
      withLock(disk, lockFile, async () => {
        const path = join(directory, file);
        await writeAtomically(disk, path, edit(await readSafeFile(disk, path, MAX_SMALL_FILE_BYTES)));
      }),
  };
}

async function peek(
  root: string,
  repository: string,
  file: PlainFile,
  disk: Disk,
): Promise<Uint8Array | undefined> {
  const directory = directoryOf(root, repository);
  for (const path of [root, directory]) if (!(await isSafeDirectory(disk, path))) return undefined;
  return await readSafeFile(disk, join(directory, file), MAX_SMALL_FILE_BYTES);
}

/** @throws TrustClientError OPTIONS_INVALID */
function directoryOf(root: string, repository: string): string {
  if (isRepositoryName(repository)) return join(root, sha256Hex(new TextEncoder().encode(repository)));
  throw new TrustClientError('OPTIONS_INVALID', 'not a normalised repository name');
}

/** For people and for `list`: what the hash stands for. */
async function nameDirectory(disk: Disk, path: string, repository: string): Promise<void> {
  const line = new TextEncoder().encode(`${repository}\n`);
  const present = await readSafeFile(disk, path, MAX_SMALL_FILE_BYTES);
  if (present === undefined || !Buffer.from(present).equals(line)) await writeAtomically(disk, path, line);
}

async function listRepositories(root: string, disk: Disk): Promise<readonly string[]> {
  if (!(await isSafeDirectory(disk, root))) return [];
  const entries = (await disk.readdir(root)).filter((name) => /^[0-9a-f]{64}$/.test(name));
  const names = await Promise.all(entries.map((entry) => nameOf(disk, root, entry)));
  return names.filter((name) => name !== undefined).sort();
}

/** The name a directory belongs to; a name that does not hash to its directory is not believed. */
async function nameOf(disk: Disk, root: string, entry: string): Promise<string | undefined> {
  const bytes = await readSafeFile(disk, join(root, entry, 'repository.txt'), MAX_SMALL_FILE_BYTES);
  const name = bytes && Buffer.from(bytes).toString('utf8').trimEnd();
  if (name === undefined || !isRepositoryName(name)) return undefined;
  return sha256Hex(new TextEncoder().encode(name)) === entry ? name : undefined;
}
