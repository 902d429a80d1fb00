/** From role names, which a repository chooses, to file names that cannot leave their directory. */
import { sha256Hex } from '@vidimus/crypto';
import type { CacheFile } from '@vidimus/tuf';

/** Below the 255 bytes file systems allow, with room for `.json` and the name of a temporary file. */
const MAX_ENCODED = 180;

/**
 * The file name of a role or of one version of root: `root.json`, `7.root.json`, `qa%2Fnightly.json`.
 *
 * Everything but lower-case letters, digits, `_` and `-` is percent-encoded. Dots too: no role is `..`, and no role
 * is taken for a version of root. Upper case too: where the disk does not tell it from lower, a role `Timestamp`
 * would take the place of the file that rollback is noticed by. A name too long for a file becomes `%~` and its SHA-256.
 */
export function cacheFileName(file: CacheFile): string {
  if (file.version !== undefined) return `${file.version}.root.json`;
  return `${encodeRole(file.role)}.json`;
}

function encodeRole(role: string): string {
  const bytes = new TextEncoder().encode(role);
  const encoded = Array.from(bytes, encodeByte).join('');
  return encoded.length <= MAX_ENCODED ? encoded : `%~${sha256Hex(bytes)}`;
}

function encodeByte(byte: number): string {
  const character = String.fromCharCode(byte);
  if (/[a-z0-9_-]/.test(character)) return character;
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}
