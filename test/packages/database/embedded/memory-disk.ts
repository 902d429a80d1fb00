/** A disk in memory that notes what happens to it, fails on demand, and can lose what was not synced. */
import type { Disk, DiskFile } from '../../../../packages/database/src/embedded/disk.ts';

type Operation = 'append' | 'truncate' | 'sync' | 'create' | 'remove' | 'list';

interface Content {
  bytes: Buffer;
  synced: Buffer;
}

/** Implements Disk; `events` lists operations in the order in which they ended. */
export class MemoryDisk implements Disk {
  readonly files = new Map<string, Content>();
  readonly events: string[] = [];
  /** Called before each operation; what it throws is the operation's error. */
  before: (operation: Operation, name: string) => void | Promise<void> = () => undefined;

  async list(): Promise<readonly string[]> {
    await this.#note('list', '.');
    return [...this.files.keys()];
  }

  read(name: string): Promise<Uint8Array> {
    return Promise.resolve(this.content(name).bytes);
  }

  async open(name: string, how: 'create' | 'append'): Promise<DiskFile> {
    if (how === 'create') {
      if (this.files.has(name)) throw systemError('EEXIST');
      await this.#note('create', name);
      this.files.set(name, { bytes: Buffer.alloc(0), synced: Buffer.alloc(0) });
    }
    const content = this.content(name);
    return {
      append: async (bytes) => {
        // A full disk takes a part of what it is given.
        content.bytes = Buffer.concat([content.bytes, bytes.subarray(0, 7)]);
        await this.#note('append', name);
        content.bytes = Buffer.concat([content.bytes, bytes.subarray(7)]);
      },
      truncate: async (size) => {
        await this.#note('truncate', name);
        content.bytes = content.bytes.subarray(0, size);
      },
      sync: async () => {
        await this.#note('sync', name);
        content.synced = content.bytes;
      },
      close: () => Promise.resolve(),
    };
  }

  async remove(name: string): Promise<void> {
    await this.#note('remove', name);
    this.files.delete(name);
  }

  sync(): Promise<void> {
    return this.#note('sync', '.');
  }

  /** The machine stops: only what was synced is left. */
  losePower(): void {
    for (const content of this.files.values()) content.bytes = content.synced;
    this.before = () => undefined;
  }

  content(name: string): Content {
    const content = this.files.get(name);
    if (content === undefined) throw systemError('ENOENT');
    return content;
  }

  async #note(operation: Operation, name: string): Promise<void> {
    await this.before(operation, name);
    this.events.push(`${operation} ${name}`);
  }
}

/** An error as Node's file system throws it. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: made by the test`), { code });
}
