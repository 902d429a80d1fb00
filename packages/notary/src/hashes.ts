/** Hashes as this format writes them: base64 there, hex in the model. */
import type { JsonObject, JsonValue } from '@vidimus/canonical-json';
import { CryptoError, fromBase64, fromHex, toBase64, toHex } from '@vidimus/crypto';
import { fromEntries, type Hashes, malformed, readObject, readString } from '@vidimus/tuf';

const lengths: ReadonlyMap<string, number> = new Map([
  ['sha256', 32],
  ['sha512', 64],
]);

/** Hashes by algorithm, hex; `null` and nothing are an empty list. @throws TufError MALFORMED */
export function readHashes(value: JsonValue | undefined, at: string): Hashes {
  const hashes = new Map<string, string>();
  if (value === undefined || value === null) return hashes;
  const entries = readObject(value, at);
  for (const algorithm of Object.keys(entries)) {
    const digest = readBase64(entries[algorithm], `${at}.${algorithm}`);
    const length = lengths.get(algorithm);
    if (length !== undefined && digest.length !== length) {
      throw malformed(`${at}.${algorithm}`, `${digest.length} bytes where such a digest has ${length}`);
    }
    hashes.set(algorithm, toHex(digest));
  }
  return hashes;
}

export function encodeHashes(hashes: Hashes): JsonObject {
  return fromEntries(hashes, (digest) => toBase64(fromHex(digest)));
}

/** Bytes of strict base64. @throws TufError MALFORMED */
export function readBase64(value: JsonValue | undefined, at: string): Uint8Array {
  const text = readString(value, at);
  try {
    return fromBase64(text);
  } catch (error) {
    if (error instanceof CryptoError) throw malformed(at, 'not base64');
    throw error;
  }
}
