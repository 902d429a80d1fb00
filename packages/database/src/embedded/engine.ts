/** PostgreSQL inside this process (PGlite), over a directory that nobody else has open. */
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { PGlite } from '@electric-sql/pglite';
import { syncDirectory, syncTree } from './disk.ts';

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
  // Its waiting for the file system does nothing on Node: the journal is what makes a commit durable.
  return await Engine.create(directory, { relaxedDurability: true });
}
