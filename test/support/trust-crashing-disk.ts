/** A disk whose process dies: after so many operations nothing reaches it any more. */
import type { FileHandle } from 'node:fs/promises';
import { type Disk, realDisk } from '@vidimus/trust-client';

export class Died extends Error {}

/** Counts operations that change the disk; the one after `survives` calls `die`, and so does each later one. */
export function crashingDisk(survives: number, die: () => never): { disk: Disk; operations: () => number } {
  let done = 0;
  const step = (): void => {
    done += 1;
    if (done > survives) die();
  };
  const disk: Disk = {
    lstat: realDisk.lstat,
    readdir: realDisk.readdir,
    async open(path, flags, mode) {
      if (isReading(flags)) return await realDisk.open(path, flags, mode);
      step();
      return stepping(await realDisk.open(path, flags, mode), step);
    },
    async mkdir(path, options) {
      step();
      return await realDisk.mkdir(path, { ...toMkdirOptions(options), recursive: true });
    },
    async rename(from, to) {
      step();
      await realDisk.rename(from, to);
    },
    async link(from, to) {
      step();
      await realDisk.link(from, to);
    },
    async unlink(path) {
      step();
      await realDisk.unlink(path);
    },
  } as Disk;
  return { disk, operations: () => done };
}

function isReading(flags: string | number | undefined): boolean {
  return typeof flags === 'number' ? (flags & 3) === 0 : flags === undefined || flags === 'r';
}

function toMkdirOptions(options: unknown): { mode?: number } {
  const hasMode = typeof options === 'object' && options !== null && 'mode' in options;
  return hasMode && typeof options.mode === 'number' ? { mode: options.mode } : {};
}

/** Half the bytes are written before the step counts: a torn write is what a crash leaves. */
function stepping(handle: FileHandle, step: () => void): FileHandle {
  return new Proxy(handle, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      if (name !== 'writeFile' && name !== 'sync') return member.bind(target);
      if (name === 'sync') {
        return async () => {
          step();
          await target.sync();
        };
      }
      return async (content: string | Uint8Array) => {
        const data = Buffer.from(content);
        const half = Math.floor(data.length / 2);
        await target.write(data, 0, half, 0);
        step();
        await target.write(data, half, data.length - half, half);
      };
    },
  });
}
