/** `hashes` members: algorithm name to digest. */
import type { JsonValue } from '@vidimus/canonical-json';
import type { Hashes } from '../model.ts';
import { malformed, readObject, readString } from './shape.ts';

/** Lower-case hex of the right length for the algorithms we know; digests of others are kept as they are. */
const known: ReadonlyMap<string, RegExp> = new Map([
  ['sha256', /^[0-9a-f]{64}$/],
  ['sha512', /^[0-9a-f]{128}$/],
]);

/** An empty object would leave the length as the only check, so it is refused. @throws TufError MALFORMED */
export function readHashes(value: JsonValue | undefined, at: string): Hashes {
  const entries = readObject(value, at);
  const hashes = new Map<string, string>();
  for (const algorithm of Object.keys(entries)) {
    const digest = readString(entries[algorithm], `${at}.${algorithm}`);
    if (known.get(algorithm)?.test(digest) === false) {
      throw malformed(`${at}.${algorithm}`, 'not the lower-case hex of such a digest');
    }
    hashes.set(algorithm, digest);
  }
  if (hashes.size === 0) throw malformed(at, 'empty');
  return hashes;
}
