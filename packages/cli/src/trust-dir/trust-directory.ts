/** What Docker's and notary's directories hold: private keys, and the metadata their clients saw last. */
import { join } from 'node:path';
import { parseKeyFile, type TrustKeyFile } from './key-file.ts';
import { readPlainFile, walkPlainFiles } from './plain-files.ts';

const maxKeyFileBytes = 65_536;
/** As much as the client's workflow would read of a root. */
const maxMetadataBytes = 512_000;

export interface TrustDirectory {
  readonly path: string;
  readonly keys: readonly TrustKeyFile[];
  /** Repositories whose metadata is cached, as the programs spell them, with the newest root they verified. */
  readonly cachedRoots: ReadonlyMap<string, Uint8Array>;
  /** Files that look as if they mattered and were not read. */
  readonly leftOut: readonly { readonly path: string; readonly why: string }[];
}

/** Reads one directory; one that is not there is empty. Opens no key, so it needs no passphrase. */
export function readTrustDirectory(path: string): TrustDirectory {
  const keys: TrustKeyFile[] = [];
  const leftOut: { path: string; why: string }[] = [];
  const privateFiles = walkPlainFiles(join(path, 'private'));
  leftOut.push(...privateFiles.leftOut);
  for (const file of privateFiles.files) {
    const { bytes, why } = readPlainFile(file.path, maxKeyFileBytes);
    const key = bytes === undefined ? why : parseKeyFile(file.path, file.parts, bytes);
    if (typeof key === 'string') leftOut.push({ path: file.path, why: key });
    else keys.push(key);
  }
  return { path, keys, cachedRoots: cachedRoots(join(path, 'tuf'), leftOut), leftOut };
}

function cachedRoots(
  directory: string,
  leftOut: { path: string; why: string }[],
): ReadonlyMap<string, Uint8Array> {
  const roots = new Map<string, Uint8Array>();
  for (const { path, parts } of walkPlainFiles(directory).files) {
    if (parts.at(-1) !== 'root.json' || parts.at(-2) !== 'metadata' || parts.length < 3) continue;
    const { bytes, why } = readPlainFile(path, maxMetadataBytes);
    if (bytes === undefined) leftOut.push({ path, why });
    else roots.set(parts.slice(0, -2).join('/'), bytes);
  }
  return roots;
}
