/**
 * `multipart/form-data` (RFC 7578) from a body that is all there: the files of an upload on the Notary wire. What
 * a lenient reader would skip (a part without a name, a header it cannot read) is refused: a skipped part would be
 * an upload published without one of its files. Everything here was written by a stranger.
 */
import { NotaryError } from '@vidimus/notary';
import { maxPartHeaderBytes, maxUploadParts } from './limits.ts';

export interface FormFile {
  /** As the client wrote it; not empty. */
  readonly filename: string;
  readonly bytes: Uint8Array;
}

/** What the upload was: a file without a name has an error of its own on this wire. */
export class NamelessPartError extends Error {}

/**
 * The boundary of a `Content-Type`.
 * @throws NotaryError MALFORMED_UPLOAD when it is no multipart/form-data
 */
export function readBoundary(contentType: string | null): string {
  const [, quoted, plain] =
    /^multipart\/form-data *; *boundary=(?:"([^"\\]{1,70})"|([^\s";,]{1,70})) *$/i.exec(contentType ?? '') ??
    [];
  const boundary = quoted ?? plain;
  // RFC 2046 5.1.1: these characters, and no blank at the end.
  if (boundary === undefined || !/^[0-9A-Za-z'()+_,\-./:=? ]+$/.test(boundary) || boundary.endsWith(' ')) {
    throw malformed('expected Content-Type: multipart/form-data with a boundary');
  }
  return boundary;
}

/**
 * The files in order; each is a copy, so that a file kept does not keep the upload.
 * @throws NotaryError MALFORMED_UPLOAD
 * @throws NamelessPartError for a part without a file name
 */
export function parseMultipart(body: Uint8Array, boundary: string): readonly FormFile[] {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
  const files: FormFile[] = [];
  let at = skipFirstDelimiter(text, delimiter);
  for (;;) {
    if (startsWith(text, at, '--')) {
      assertEnd(text, at + 2);
      return files;
    }
    if (!startsWith(text, at, '\r\n')) throw malformed('a boundary is not followed by a line');
    if (files.length === maxUploadParts) throw malformed(`more than ${maxUploadParts} files in one upload`);
    const headersEnd = text.subarray(at, at + maxPartHeaderBytes).indexOf('\r\n\r\n');
    if (headersEnd < 0) throw malformed('a part has no headers, or too many');
    const start = at + headersEnd + 4;
    const end = text.indexOf(delimiter, start - 2);
    if (end < 0) throw malformed('the upload ends before its last boundary');
    const filename = readFilename(text.subarray(at + 2, at + headersEnd));
    files.push({ filename, bytes: new Uint8Array(text.subarray(start, Math.max(start, end))) });
    at = end + delimiter.length;
  }
}

/** Nothing comes before the first boundary but the line end that some clients write for an empty form. */
function skipFirstDelimiter(text: Buffer, delimiter: Buffer): number {
  const first = delimiter.subarray(2);
  if (text.subarray(0, first.length).equals(first)) return first.length;
  if (text.subarray(0, delimiter.length).equals(delimiter)) return delimiter.length;
  throw malformed('the upload does not begin with its boundary');
}

/** What follows the last boundary would be read by nobody, or by somebody else. */
function assertEnd(text: Buffer, at: number): void {
  if (at !== text.length && !(startsWith(text, at, '\r\n') && at + 2 === text.length)) {
    throw malformed('the upload goes on after its last boundary');
  }
}

function readFilename(headers: Buffer): string {
  let filename: string | undefined;
  for (const line of decodeHeaders(headers).split('\r\n')) {
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n]*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw malformed('a part has a header that cannot be read');
    const header = name.toLowerCase();
    if (header === 'content-transfer-encoding' && !/^(?:binary|8bit|7bit)$/i.test(value)) {
      throw malformed('a part is encoded; send it as it is');
    }
    if (header !== 'content-disposition') continue;
    if (filename !== undefined) throw malformed('a part has two Content-Disposition headers');
    filename = readDisposition(value);
  }
  if (filename === undefined || filename === '') throw new NamelessPartError();
  return filename;
}

/** `form-data; name="files"; filename="targets/releases"`: slashes count, escapes and other parameters do not occur. */
function readDisposition(value: string): string {
  const [type = '', ...parameters] = value.split(';');
  if (type.trim().toLowerCase() !== 'form-data') throw malformed('a part is no form-data');
  const found = new Map<string, string>();
  for (const parameter of parameters) {
    const [, name, quoted, plain] =
      /^ *(name|filename)=(?:"([^"\\]*)"|([^\s"\\]*)) *$/i.exec(parameter) ?? [];
    if (name === undefined || found.has(name.toLowerCase())) {
      throw malformed('a part has a Content-Disposition that cannot be read');
    }
    found.set(name.toLowerCase(), quoted ?? plain ?? '');
  }
  return found.get('filename') ?? '';
}

function decodeHeaders(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw malformed('a part has headers that are not UTF-8', cause);
  }
}

function startsWith(text: Buffer, at: number, mark: string): boolean {
  return text.toString('latin1', at, at + mark.length) === mark;
}

function malformed(reason: string, cause?: unknown): NotaryError {
  return new NotaryError('MALFORMED_UPLOAD', reason, {}, cause === undefined ? {} : { cause });
}
