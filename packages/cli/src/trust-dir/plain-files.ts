/**
 * Walks a directory of somebody else's program: plain files only, never through a symbolic link, and never more
 * than so many entries. What is left out is said.
 */
import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const maxEntries = 50_000;
const maxDepth = 24;

export interface FoundFile {
  /** Absolute, or as the directory was given. */
  readonly path: string;
  /** Components below the directory that was walked; the last is the file's name. */
  readonly parts: readonly string[];
}

export interface Walk {
  readonly files: readonly FoundFile[];
  /** Paths that were not followed or are beyond a limit, with the reason. */
  readonly leftOut: readonly { readonly path: string; readonly why: string }[];
}

/** Every plain file below a directory, in order of name; none where there is no directory. */
export function walkPlainFiles(directory: string): Walk {
  const files: FoundFile[] = [];
  const leftOut: { path: string; why: string }[] = [];
  let entries = 0;
  const visit = (path: string, parts: readonly string[]): void => {
    for (const entry of listOf(path, leftOut)) {
      entries += 1;
      if (entries > maxEntries) return;
      const below = [...parts, entry.name];
      const file = join(path, entry.name);
      if (entry.isSymbolicLink()) leftOut.push({ path: file, why: 'is a symbolic link' });
      else if (entry.isFile()) files.push({ path: file, parts: below });
      else if (entry.isDirectory() && below.length < maxDepth) visit(file, below);
      else leftOut.push({ path: file, why: entry.isDirectory() ? 'is too deep' : 'is no plain file' });
    }
  };
  visit(directory, []);
  if (entries > maxEntries) leftOut.push({ path: directory, why: `has more than ${maxEntries} entries` });
  return { files, leftOut };
}

/** The bytes of a plain file, or why it was not read. The name may have become a link or a pipe meanwhile. */
export function readPlainFile(
  path: string,
  maxBytes: number,
): { readonly bytes: Uint8Array; readonly why?: never } | { readonly bytes?: never; readonly why: string } {
  let file: number | undefined;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stats = fstatSync(file);
    if (!stats.isFile()) return { why: 'is no plain file' };
    if (stats.size > maxBytes) return { why: `has more than ${maxBytes} bytes` };
    return { bytes: readFileSync(file) };
  } catch (error) {
    return { why: `cannot be read (${codeOf(error)})` };
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function listOf(path: string, leftOut: { path: string; why: string }[]) {
  try {
    return readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') leftOut.push({ path, why: `cannot be read (${codeOf(error)})` });
    return [];
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}
