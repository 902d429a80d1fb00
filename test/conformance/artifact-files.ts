/** Downloaded targets in a directory: one flat file each, whatever the path says (attack T19). */
import { randomUUID } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Hex } from '@vidimus/crypto';
import { type Target, TufError, verifyTargetFile } from '@vidimus/tuf';

/** The bytes kept for a target, if they are still what it lists. */
export async function findArtifact(directory: string, target: Target): Promise<Uint8Array | undefined> {
  try {
    const bytes = await readFile(fileOf(directory, target));
    verifyTargetFile(target, bytes);
    return bytes;
  } catch (error) {
    const isAbsent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (isAbsent || error instanceof TufError) return undefined;
    throw error;
  }
}

/** Keeps verified bytes in place of what was there. */
export async function keepArtifact(directory: string, target: Target, bytes: Uint8Array): Promise<void> {
  const temporary = join(directory, `.${randomUUID()}`);
  await writeFile(temporary, bytes, { flag: 'wx' });
  await rename(temporary, fileOf(directory, target));
}

function fileOf(directory: string, target: Target): string {
  const readable = target.path.replace(/[^A-Za-z0-9_-]/g, '_').slice(-100);
  return join(directory, `${sha256Hex(new TextEncoder().encode(target.path)).slice(0, 32)}-${readable}`);
}
