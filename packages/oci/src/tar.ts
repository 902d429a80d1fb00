/** Writes a tar archive (POSIX ustar) of regular files, byte for byte the same every time. */

const BLOCK_BYTES = 512;
const MAX_NAME_BYTES = 100;
const MODE = '0000755\0';
const ROOT = '0000000\0';

/** Files by path; the directories above them are left to the reader. Paths of at most 100 ASCII characters. */
export function tarOf(files: Readonly<Record<string, Uint8Array | string>>): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const path of Object.keys(files).sort()) {
    const content = files[path] ?? '';
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    parts.push(header(path, bytes.length), bytes, padding(bytes.length));
  }
  parts.push(new Uint8Array(2 * BLOCK_BYTES));
  return new Uint8Array(Buffer.concat(parts));
}

function header(path: string, size: number): Uint8Array {
  if (path.length > MAX_NAME_BYTES || !/^[\x21-\x7e]+$/.test(path)) throw new RangeError(`tar path ${path}`);
  const block = Buffer.alloc(BLOCK_BYTES);
  block.write(path, 0, 'latin1');
  block.write(MODE, 100, 'latin1');
  block.write(ROOT, 108, 'latin1');
  block.write(ROOT, 116, 'latin1');
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  block.write(`${'0'.repeat(11)}\0`, 136, 'latin1');
  // The checksum is computed with its own field full of spaces.
  block.write(' '.repeat(8), 148, 'latin1');
  block.write('0', 156, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  const checksum = block.reduce((sum, byte) => sum + byte, 0);
  block.write(`${checksum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function padding(size: number): Uint8Array {
  return new Uint8Array((BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES);
}
