/** Descriptors: what one document says about another, and the proof that bytes are what was described. */
import { createHash } from 'node:crypto';
import { hashHex } from '@vidimus/crypto';
import { parseDigest } from '@vidimus/reference';
import { OciError } from './errors.ts';

export interface Descriptor {
  readonly mediaType: string;
  /** `sha256:<hex>` or `sha512:<hex>`. */
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
}

/**
 * Checks whole bytes against a digest.
 * @throws OciError DIGEST_MISMATCH
 */
export function assertBytes(bytes: Uint8Array, expected: Pick<Descriptor, 'digest'>): void {
  const { algorithm, hex } = parseDigest(expected.digest);
  if (hashHex(algorithm, bytes) !== hex) throw wrongDigest(expected.digest);
}

/**
 * Checks whole bytes against a length.
 * @throws OciError LENGTH_MISMATCH
 */
export function assertLength(bytes: Uint8Array, expected: number): void {
  if (bytes.length !== expected) throw wrongLength(expected, bytes.length);
}

/**
 * Passes bytes on while counting and hashing them. The consumer may keep them only once the loop has ended
 * without an error: until then nothing is proven.
 * @throws OciError LENGTH_MISMATCH as soon as there is a byte too many, or at the end; DIGEST_MISMATCH
 */
export async function* verifiedBytes(
  chunks: AsyncIterable<Uint8Array>,
  expected: Pick<Descriptor, 'digest' | 'size'>,
): AsyncGenerator<Uint8Array> {
  const { algorithm, hex } = parseDigest(expected.digest);
  const hash = createHash(algorithm);
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > expected.size) throw wrongLength(expected.size, bytes);
    hash.update(chunk);
    yield chunk;
  }
  if (bytes !== expected.size) throw wrongLength(expected.size, bytes);
  if (hash.digest('hex') !== hex) throw wrongDigest(expected.digest);
}

function wrongLength(expected: number, actual: number): OciError {
  const message = `${actual} bytes or more where ${expected} are signed or listed`;
  return new OciError('LENGTH_MISMATCH', message, { expected, actual });
}

function wrongDigest(digest: string): OciError {
  return new OciError('DIGEST_MISMATCH', `the bytes received are not ${digest}`, { digest });
}
