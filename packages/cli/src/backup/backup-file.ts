/** The file of a backup: written beside its name and put there when it is whole; read once, in pieces. */
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';

/** @throws CliError USAGE when something is there already: a backup is never overwritten */
export async function writeWhole(path: string, bytes: ReadableStream<Uint8Array>): Promise<number> {
  await assertFree(path);
  const temporary = `${path}.${randomBytes(6).toString('hex')}.part`;
  let size = 0;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      const reader = bytes.getReader();
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        await file.writeFile(next.value);
        size += next.value.length;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await assertFree(path);
    await rename(temporary, path);
    await syncDirectory(dirname(path));
    return size;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** @throws CliError USAGE */
export async function readPieces(path: string): Promise<ReadableStream<Uint8Array>> {
  try {
    if ((await stat(path)).isFile()) return toWeb(createReadStream(path));
  } catch (cause) {
    throw new CliError('USAGE', exitCodes.usage, `${path} cannot be read`, undefined, { cause });
  }
  throw new CliError('USAGE', exitCodes.usage, `${path} is not a file`);
}

/** Node's own conversion hands out pieces that the typings of the web do not know. */
function toWeb(stream: Readable): ReadableStream<Uint8Array> {
  const pieces = stream[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const { done, value } = await pieces.next();
      if (done === true) controller.close();
      else controller.enqueue(new Uint8Array(value));
    },
    cancel: () => {
      stream.destroy();
    },
  });
}

async function assertFree(path: string): Promise<void> {
  try {
    await stat(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
    throw error;
  }
  throw new CliError('USAGE', exitCodes.usage, `${path} is there already`, 'name another file');
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
