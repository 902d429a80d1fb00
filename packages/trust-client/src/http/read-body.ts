/** Reads a response body that may be hostile: never more than a cap, counted after decompression. */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { systemCode, TrustClientError, unusable } from '../errors.ts';

/** Compressed bytes allowed beyond the cap: gzip adds a header, and endless empty members inflate to nothing. */
const GZIP_SLACK_BYTES = 1024;

/**
 * The whole body, decompressed, at most `maxBytes`.
 *
 * @throws TrustClientError UNUSABLE: `too-large`, `length` (ends before Content-Length or mid-chunk), `encoding`
 */
export async function readBody(response: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const gzipped = isGzipped(response);
  const compressedCap = gzipped ? maxBytes + GZIP_SLACK_BYTES : maxBytes;
  const declared = Number(response.headers['content-length'] ?? '0');
  if (declared > compressedCap) throw tooLarge(maxBytes);

  const inflated: Readable = gzipped ? inflate(response, compressedCap) : response;
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of inflated) {
      if (!(chunk instanceof Uint8Array)) throw unusable('encoding', 'the answer is not bytes');
      size += chunk.length;
      if (size > maxBytes) throw tooLarge(maxBytes);
      chunks.push(chunk);
    }
  } catch (error) {
    response.destroy();
    throw bodyError(error);
  }
  // Node ends a response that was cut off without an error in some cases: `complete` is the only sure sign.
  if (!response.complete) throw unusable('length', 'the answer ends before its announced length');
  return Buffer.concat(chunks, size);
}

function isGzipped(response: IncomingMessage): boolean {
  const encoding = (response.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (encoding === 'identity' || encoding === '') return false;
  if (encoding === 'gzip' || encoding === 'x-gzip') return true;
  throw unusable('encoding', 'the answer has a content encoding that was not asked for');
}

function inflate(response: IncomingMessage, compressedCap: number): Readable {
  const gunzip = createGunzip();
  let compressed = 0;
  response.on('data', (chunk: Uint8Array) => {
    compressed += chunk.length;
    if (compressed > compressedCap) gunzip.destroy(tooLarge(compressedCap));
  });
  response.on('error', (error) => gunzip.destroy(error));
  response.on('aborted', () => gunzip.destroy(unusable('length', 'the answer was cut off')));
  response.pipe(gunzip);
  return gunzip;
}

function tooLarge(maxBytes: number): TrustClientError {
  return unusable('too-large', `the answer is larger than ${maxBytes} bytes`, { maxBytes });
}

function bodyError(error: unknown): unknown {
  if (error instanceof TrustClientError) return error;
  const code = systemCode(error);
  if (code?.startsWith('Z_') || code?.startsWith('ERR_ZLIB')) {
    return unusable('encoding', 'the compressed answer is broken', {}, { cause: error });
  }
  return unusable('length', 'the answer was cut off', {}, { cause: error });
}
