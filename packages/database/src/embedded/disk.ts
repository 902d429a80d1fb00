/** The few file operations that durability rests on, as an object so that a test can watch or break them. */
import { type FileHandle, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** A file that only grows at its end, or is cut there. */
export interface DiskFile {
  append(bytes: Uint8Array): Promise<void>;
  truncate(size: number): Promise<void>;
  /** Returns when everything written is on stable storage. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** A directory's files. Names are single components. */
export interface Disk {
  list(): Promise<readonly string[]>;
  read(name: string): Promise<Uint8Array>;
  /** Opens for appending; `create` refuses a file that exists. */
  open(name: string, how: 'create' | 'append'): Promise<DiskFile>;
  remove(name: string): Promise<void>;
  /** Makes created, renamed and removed names durable. */
  sync(): Promise<void>;
}

const syncsAtOnce = 16;

/** The real disk. The directory exists. */
export function openDisk(directory: string): Disk {
  return {
    list: () => readdir(directory),
    read: (name) => readFile(join(directory, name)),
    open: async (name, how) =>
      toDiskFile(await open(join(directory, name), how === 'create' ? 'ax' : 'a', 0o600)),
    remove: (name) => rm(join(directory, name)),
    sync: () => syncDirectory(directory),
  };
}

/** Makes the names in a directory durable. */
export async function syncDirectory(directory: string): Promise<void> {
  await syncPath(directory);
}

async function syncPath(path: string): Promise<number> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
    return (await handle.stat()).size;
  } finally {
    await handle.close();
  }
}

/** Makes every file and directory below `root`, and `root` itself, durable; answers their size in bytes. */
export async function syncTree(root: string): Promise<number> {
  let bytes = 0;
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() || entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
  for (let from = 0; from < paths.length; from += syncsAtOnce) {
    const sizes = await Promise.all(paths.slice(from, from + syncsAtOnce).map(syncPath));
    bytes += sizes.reduce((sum, size) => sum + size, 0);
  }
  await syncPath(root);
  return bytes;
}

function toDiskFile(handle: FileHandle): DiskFile {
  return {
    append: async (bytes) => {
      for (let written = 0; written < bytes.length; ) {
        written += (await handle.write(bytes, written)).bytesWritten;
      }
    },
    truncate: (size) => handle.truncate(size),
    sync: () => handle.datasync(),
    close: () => handle.close(),
  };
}
