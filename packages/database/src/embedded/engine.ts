/** PostgreSQL inside this process (PGlite), over a directory that nobody else has open. */
import { existsSync } from 'node:fs';
import { rename, rm, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { PGlite } from '@electric-sql/pglite';
import { isDiskFull } from '../driver-error.ts';
import { DatabaseError } from '../errors.ts';
import { syncDirectory, syncTree } from './disk.ts';

/** One segment of the engine's own log. */
const leastFreeBytes = 16 * 1024 * 1024;

/**
 * Opens the database directory, making it where it is missing. A half-made one is never left under its final name.
 * The engine costs hundreds of megabytes and is only loaded here.
 */
export async function openEngine(directory: string): Promise<PGlite> {
  if (!existsSync(directory)) await createEngine(directory);
  return await startEngine(directory);
}

async function createEngine(directory: string): Promise<void> {
  const unfinished = `${directory}.new`;
  await rm(unfinished, { recursive: true, force: true });
  const engine = await startEngine(unfinished);
  await engine.close();
  await syncTree(unfinished);
  await rename(unfinished, directory);
  await syncDirectory(dirname(directory));
}

async function startEngine(directory: string): Promise<PGlite> {
  const { PGlite: Engine } = await import('@electric-sql/pglite');
  try {
    // Its waiting for the file system does nothing on Node: the journal is what makes a commit durable.
    return await Engine.create(directory, { relaxedDurability: true });
  } catch (error) {
    throw await toStartError(error, directory);
  }
}

/** The engine says only that it did not start; most often it had no room to recover. */
async function toStartError(error: unknown, directory: string): Promise<DatabaseError> {
  const { bavail, bsize } = await statfs(dirname(directory));
  if (isDiskFull(error) || bavail * bsize < leastFreeBytes) {
    return new DatabaseError(
      'DISK_FULL',
      {
        message: `no room to start the database in ${directory}`,
        hint: 'make room on the disk, then start again',
      },
      { cause: error },
    );
  }
  return new DatabaseError(
    'ENGINE_FAILED',
    {
      message: `the embedded database in ${directory} does not start`,
      hint: 'move db/ away: it is made anew from journal/, which holds the last base and all writes since',
    },
    { cause: error },
  );
}
