/** From a request body to strict JSON. Whoever sends it has a token, and may still be anybody's script. */
import { type JsonValue, parseJson } from '@vidimus/canonical-json';
import { TrustError } from '../service.ts';
import { maxBodyDepth, maxBodyValues } from './limits.ts';

/**
 * `curl -d` calls its body a form and `fetch` calls a string plain text unless told otherwise; tokens, not content
 * types, keep browsers out.
 */
const acceptedTypes: ReadonlySet<string> = new Set([
  'application/json',
  'application/x-www-form-urlencoded',
  'text/plain',
]);

/**
 * Reads at most `maxBytes`, counting as they come and never trusting Content-Length alone.
 * @throws TrustError BODY_TOO_LARGE or BODY_INVALID
 */
export async function readBody(request: Request, maxBytes: number): Promise<Uint8Array> {
  assertHeaders(request.headers, maxBytes);
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = request.body?.getReader();
  if (reader === undefined) return new Uint8Array();
  for (;;) {
    const { done, value } = await nextChunk(reader);
    if (done) return Buffer.concat(chunks, length);
    length += value.length;
    if (length > maxBytes) {
      await reader.cancel().catch(() => undefined);
      throw tooLarge(maxBytes);
    }
    chunks.push(value);
  }
}

/**
 * Strict JSON within the limits of depth and count, without NUL: no database keeps it in a text.
 * @throws CanonicalJsonError; TrustError BODY_INVALID
 */
export function parseBody(bytes: Uint8Array, maxBytes: number): JsonValue {
  const value = parseJson(bytes, { maxBytes, maxDepth: maxBodyDepth, maxValues: maxBodyValues });
  // A NUL can only be written as an escape: bodies without one are not walked.
  if (Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes('\\u0000') && holdsNul(value)) {
    throw new TrustError('BODY_INVALID', 'no text and no name of a member may hold a NUL character');
  }
  return value;
}

function holdsNul(value: JsonValue): boolean {
  if (typeof value === 'string') return value.includes('\0');
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([name, member]) => name.includes('\0') || holdsNul(member));
}

function assertHeaders(headers: Headers, maxBytes: number): void {
  if (Number(headers.get('content-length') ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const encoding = headers.get('content-encoding');
  // No decompression: a small body cannot become a large one.
  if (encoding !== null && encoding.toLowerCase() !== 'identity') {
    throw new TrustError('BODY_INVALID', 'a compressed body is not accepted');
  }
  const type = headers.get('content-type');
  if (type === null) return;
  const [name = '', ...parameters] = type.toLowerCase().split(';');
  const charsets = parameters
    .map((parameter) => parameter.trim())
    .filter((text) => text.startsWith('charset='));
  const isUtf8 = charsets.every((text) => /^charset="?utf-8"?$/.test(text));
  if (!acceptedTypes.has(name.trim()) || !isUtf8) {
    throw new TrustError('BODY_INVALID', 'the body must be JSON in UTF-8 (Content-Type: application/json)');
  }
}

async function nextChunk(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<{ done: true; value?: undefined } | { done: false; value: Uint8Array }> {
  try {
    const { done, value } = await reader.read();
    return done || value === undefined ? { done: true } : { done: false, value };
  } catch (cause) {
    // The caller went away: nobody reads this answer, and nothing has happened.
    throw new TrustError('BODY_INVALID', 'the body ended early', {}, { cause });
  }
}

function tooLarge(maxBytes: number): TrustError {
  return new TrustError('BODY_TOO_LARGE', `the body is larger than ${maxBytes} bytes`, { maxBytes });
}
