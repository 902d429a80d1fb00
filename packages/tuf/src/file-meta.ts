/** Length and hashes that a parent lists for bytes: metadata files and target files alike. */
import { hashHex } from '@vidimus/crypto';
import { TufError } from './errors.ts';
import type { FileMeta, Hashes, Target } from './model.ts';

const knownAlgorithms = ['sha256', 'sha512'] as const;

/**
 * Checks a metadata file against what its parent lists, before it is parsed.
 * @throws TufError LENGTH_MISMATCH or HASH_MISMATCH
 * @see TUF 5.5.2, 5.6.2
 */
export function assertFileMeta(role: string, meta: FileMeta, bytes: Uint8Array): void {
  if (meta.length !== undefined) assertLength(role, meta.length, bytes);
  if (meta.hashes !== undefined) assertHashes(role, meta.hashes, bytes);
}

/**
 * Checks the bytes of a target: length, and every hash we know.
 * @throws TufError LENGTH_MISMATCH or HASH_MISMATCH
 * @see TUF 5.7.3
 */
export function verifyTargetFile(target: Target, bytes: Uint8Array): void {
  assertLength(target.path, target.length, bytes);
  assertHashes(target.path, target.hashes, bytes);
}

function assertLength(name: string, length: number, bytes: Uint8Array): void {
  if (bytes.length === length) return;
  throw new TufError('LENGTH_MISMATCH', `${name}: ${bytes.length} bytes where ${length} are listed`, {
    name,
    listed: length,
    found: bytes.length,
  });
}

/** All hashes must agree, not the first known one (attack T26); with none that we know, nothing is checked. */
function assertHashes(name: string, hashes: Hashes, bytes: Uint8Array): void {
  const known = knownAlgorithms.filter((algorithm) => hashes.has(algorithm));
  if (known.length === 0) {
    throw new TufError('HASH_MISMATCH', `${name}: no hash of a known algorithm is listed`, { name });
  }
  for (const algorithm of known) {
    if (hashes.get(algorithm) === hashHex(algorithm, bytes)) continue;
    throw new TufError('HASH_MISMATCH', `${name}: the ${algorithm} differs from the one listed`, {
      name,
      algorithm,
    });
  }
}
