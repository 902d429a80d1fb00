/** The organisation's directory in memory: entries by pattern, signed as any repository's targets are. */
import { encodeCanonical } from '@vidimus/canonical-json';
import { sha256Hex } from '@vidimus/crypto';
import type { TestKey } from './tuf-keys.ts';
import { define, type Json, type JsonMap, map, TufSimulator } from './tuf-simulator.ts';

/** A directory that names nobody, with an empty list of revoked digests. */
export function makeDirectory(): TufSimulator {
  const directory = new TufSimulator({ repository: '_directory' });
  directory.document('targets')['targets'] = {};
  directory.delegate('targets', 'revocations', { paths: ['sha256:*'], terminating: true });
  directory.publishAll();
  return directory;
}

/** Writes an entry as it stands; nothing is current before `publishAll`. */
export function nameIn(directory: TufSimulator, pattern: string, entry: JsonMap): void {
  const bytes = encodeCanonical(JSON.parse(JSON.stringify(entry)));
  const target: JsonMap = { length: bytes.length, hashes: { sha256: sha256Hex(bytes) }, custom: entry };
  define(map(directory.document('targets'), 'targets'), pattern, target);
}

/** An entry that names root keys of one dialect. */
export function rootsOf(
  keys: readonly TestKey[],
  threshold = 1,
  more: JsonMap = {},
  dialect = 'tuf',
): JsonMap {
  return { roots: { [dialect]: { keyIds: keys.map(({ keyId }) => keyId), threshold } }, ...more };
}

/** Recovery keys as entries, roots and anchor files write them. */
export function recoveryOf(keys: readonly TestKey[], threshold = 1): JsonMap {
  const entries = keys.map(({ keyId, declared }): [string, Json] => [
    keyId,
    JSON.parse(JSON.stringify(declared)),
  ]);
  return { keys: Object.fromEntries(entries), threshold };
}

/** Lists a digest as revoked. */
export function revokeIn(directory: TufSimulator, digest: string): void {
  const hashes = { sha256: digest.slice('sha256:'.length) };
  const custom = { reason: 'a hole', at: '2026-11-20T17:31:00Z' };
  define(map(directory.document('revocations'), 'targets'), digest, { length: 0, hashes, custom });
}
