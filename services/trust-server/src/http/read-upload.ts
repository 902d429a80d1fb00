/** The body of an upload on the Notary wire: bounded in bytes, in time, and in what all uploads together hold. */
import { NotaryError } from '@vidimus/notary';
import { TrustError } from '../service.ts';
import { maxUploadBytes, maxUploadsBytes, uploadTimeoutMs } from './limits.ts';
import { type FormFile, parseMultipart, readBoundary } from './read-multipart.ts';

/** Calls back once after so many milliseconds; the answer cancels it. */
export type After = (ms: number, callback: () => void) => () => void;

export interface UploadReader {
  /**
   * The files of a multipart body.
   * @throws NotaryError MALFORMED_UPLOAD, NamelessPartError, TrustError BUSY
   */
  read(request: Request): Promise<readonly FormFile[]>;
}

/** One for the whole server: it knows what the uploads under way hold in memory. */
export function createUploadReader(after: After = realAfter): UploadReader {
  const held = { bytes: 0 };
  return {
    async read(request) {
      const boundary = readBoundary(request.headers.get('content-type'));
      assertHeaders(request.headers);
      const own = { bytes: 0 };
      const reserve = (length: number): void => {
        own.bytes += length;
        held.bytes += length;
        if (own.bytes > maxUploadBytes) throw tooLarge();
        if (held.bytes > maxUploadsBytes) throw new TrustError('BUSY', 'too many uploads at once, try again');
      };
      try {
        return parseMultipart(await readAll(request, reserve, after), boundary);
      } finally {
        held.bytes -= own.bytes;
      }
    },
  };
}

async function readAll(
  request: Request,
  reserve: (length: number) => void,
  after: After,
): Promise<Uint8Array> {
  const reader = request.body?.getReader();
  if (reader === undefined) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let late = false;
  // Ends the pending read: a client that drips its body holds a place only so long.
  const cancel = after(uploadTimeoutMs, () => {
    late = true;
    reader.cancel().catch(() => undefined);
  });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (late) throw cut(`the upload did not arrive within ${uploadTimeoutMs / 1_000} seconds`);
      if (done) return Buffer.concat(chunks);
      reserve(value.length);
      chunks.push(value);
    }
  } catch (error) {
    await reader.cancel().catch(() => undefined);
    if (error instanceof NotaryError || error instanceof TrustError) throw error;
    // The caller went away: nobody reads this answer, and nothing has happened.
    throw cut('the upload ended early', error);
  } finally {
    cancel();
  }
}

function assertHeaders(headers: Headers): void {
  if (Number(headers.get('content-length') ?? 0) > maxUploadBytes) throw tooLarge();
  const encoding = headers.get('content-encoding');
  // No decompression: a small body cannot become a large one.
  if (encoding !== null && encoding.toLowerCase() !== 'identity') {
    throw cut('a compressed upload is not accepted');
  }
}

function tooLarge(): NotaryError {
  return new NotaryError('MALFORMED_UPLOAD', `the upload is larger than ${maxUploadBytes} bytes`);
}

function cut(reason: string, cause?: unknown): NotaryError {
  return new NotaryError('MALFORMED_UPLOAD', reason, {}, cause === undefined ? {} : { cause });
}

function realAfter(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms);
  timer.unref();
  return () => clearTimeout(timer);
}
