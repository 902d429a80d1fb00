/** What another process has in its memory: its parent, or root, may read it. */
import { open, readFile } from 'node:fs/promises';

const chunkBytes = 2 ** 20;

/** How often each needle stands in the readable, written-to memory of a process. */
export async function findInMemory(pid: number, needles: readonly Uint8Array[]): Promise<readonly number[]> {
  const maps = await readFile(`/proc/${pid}/maps`, 'utf8');
  const memory = await open(`/proc/${pid}/mem`, 'r');
  const found = needles.map(() => 0);
  const longest = Math.max(...needles.map((needle) => needle.length));
  try {
    for (const [from, to] of writable(maps)) {
      let rest = Buffer.alloc(0);
      for (let at = from; at < to; at += chunkBytes) {
        const wanted = Math.min(chunkBytes, to - at);
        const chunk = await readAt(memory, at, wanted);
        const text = Buffer.concat([rest, chunk]);
        for (const [i, needle] of needles.entries()) found[i] = (found[i] ?? 0) + count(text, needle);
        // A needle over the border is found once: no whole one fits into what is kept.
        rest = chunk.length < wanted ? Buffer.alloc(0) : text.subarray(-(longest - 1));
      }
    }
  } finally {
    await memory.close();
  }
  return found;
}

/** Heaps and stacks, as numbers: user space ends below 2^47. */
function* writable(maps: string): Iterable<readonly [from: number, to: number]> {
  for (const line of maps.split('\n')) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line);
    if (match === null || line.includes('[vvar')) continue;
    yield [Number.parseInt(match[1] ?? '', 16), Number.parseInt(match[2] ?? '', 16)];
  }
}

async function readAt(
  memory: Awaited<ReturnType<typeof open>>,
  position: number,
  length: number,
): Promise<Buffer> {
  try {
    const { buffer, bytesRead } = await memory.read(Buffer.alloc(length), 0, length, position);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    // A region that went meanwhile, or a device's.
    if (error instanceof Error && 'code' in error && (error.code === 'EIO' || error.code === 'EFAULT')) {
      return Buffer.alloc(0);
    }
    throw error;
  }
}

function count(text: Buffer, needle: Uint8Array): number {
  let found = 0;
  for (let at = text.indexOf(needle); at >= 0; at = text.indexOf(needle, at + 1)) found += 1;
  return found;
}
