/**
 * Embedded databases for tests. Creating one takes seconds, so a migrated template is made once for each set of
 * migrations and copied.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Database, type OpenDatabaseOptions, openDatabase } from '@vidimus/database';

const root = fileURLToPath(new URL('../../', import.meta.url));
const cacheFolder = join(root, 'node_modules', '.cache', 'vidimus-test');
const staleAfterMs = 24 * 60 * 60 * 1000;

/** A database in a temporary data directory. */
export interface EmbeddedForTest {
  readonly database: Database;
  /** The data directory: VERSION, db/, journal/. */
  readonly directory: string;
  /** Closes the database and deletes the directory. */
  close(): Promise<void>;
}

/** An open, migrated, empty embedded database of the caller's own. */
export async function openEmbeddedForTest(options: OpenDatabaseOptions = {}): Promise<EmbeddedForTest> {
  const directory = await copyTemplate();
  const database = await openDatabase({ directory }, options);
  return {
    database,
    directory,
    close: async () => {
      await database.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A migrated data directory that nobody has open; the caller deletes it. Its path is short enough for the lock. */
export async function copyTemplate(): Promise<string> {
  const template = await makeTemplate();
  const directory = await mkdtemp(join(tmpdir(), 'vdm-'));
  await copyDataDirectory(template, directory);
  return directory;
}

/** Copies a data directory without its lock. */
export async function copyDataDirectory(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true, filter: (path) => !/^(lock\.sock|lk-)/.test(basename(path)) });
}

async function makeTemplate(): Promise<string> {
  const template = join(cacheFolder, await templateKey());
  if (existsSync(template)) return template;
  await mkdir(cacheFolder, { recursive: true });
  await removeStale();
  // Made in the temporary directory, whose path is short enough for the lock socket.
  const made = await mkdtemp(join(tmpdir(), 'vdm-'));
  const unfinished = `${template}.${randomBytes(4).toString('hex')}`;
  try {
    await (await openDatabase({ directory: made })).close();
    await copyDataDirectory(made, unfinished);
    await rename(unfinished, template);
  } catch (error) {
    // Another worker was first: its template serves as well.
    if (!existsSync(template)) throw error;
  } finally {
    await rm(made, { recursive: true, force: true });
    await rm(unfinished, { recursive: true, force: true });
  }
  return template;
}

/** Depends on all that shapes a new data directory. */
async function templateKey(): Promise<string> {
  const hash = createHash('sha256');
  const folders = [
    'migrations',
    'migrations/meta',
    'packages/database/src',
    'packages/database/src/embedded',
  ];
  for (const folder of folders) {
    for (const name of (await readdir(join(root, folder))).sort()) {
      const path = join(root, folder, name);
      if ((await stat(path)).isFile()) hash.update(`${folder}/${name}\n`).update(await readFile(path));
    }
  }
  const engine = createRequire(join(root, 'packages/database/src/index.ts')).resolve('@electric-sql/pglite');
  return hash.update(engine).digest('hex').slice(0, 16);
}

async function removeStale(): Promise<void> {
  for (const name of await readdir(cacheFolder)) {
    const path = join(cacheFolder, name);
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && Date.now() - found.mtimeMs > staleAfterMs)
      await rm(path, { recursive: true, force: true });
  }
}
