/**
 * Answers to reads on the Notary wire, made once per stored file and forgotten with it: bytes as signed, and
 * compressed for who asks. `If-Modified-Since` is not looked at: two publishes fit into one second.
 */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { minGzipBytes } from '../../http/limits.ts';
import { toPlain } from '../../http/plain-bytes.ts';
import type { NotaryFile } from '../../notary-service.ts';

/** `current`: what a role says now. `fixed`: asked for by version or hash. */
export type Lasting = 'current' | 'fixed';

interface ResponseParts {
  readonly status: number;
  readonly headers: Record<string, string>;
}

/** One encoding of a file, ready to be sent. */
export interface Representation {
  readonly etag: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly full: Readonly<Record<Lasting, ResponseParts>>;
  readonly notModified: Readonly<Record<Lasting, ResponseParts>>;
}

export interface PreparedFile {
  readonly identity: Representation;
  /** Undefined where compressing gains nothing; a promise while it is done for the first time. */
  compressed(): Representation | undefined | Promise<Representation | undefined>;
}

/** The peer's times: its clients are used to them. */
const maxAgeSeconds = { current: 300, fixed: 2_592_000 } as const;
/** Sent compressed only below this part of its size. */
const worthwhile = 0.9;
const compress = promisify(gzip);

/** @param isPublic - whether anybody may read: only then may a shared cache keep the file */
export function prepareNotaryFile(file: NotaryFile, isPublic: boolean): PreparedFile {
  const identity = represent(file, toPlain(file.bytes), undefined, isPublic);
  if (file.bytes.length < minGzipBytes) return { identity, compressed: () => undefined };
  let made: Representation | undefined | Promise<Representation | undefined>;
  let begun = false;
  const make = async (): Promise<Representation | undefined> => {
    const bytes = await compress(file.bytes);
    const isWorthwhile = bytes.length < file.bytes.length * worthwhile;
    made = isWorthwhile ? represent(file, toPlain(bytes), 'gzip', isPublic) : undefined;
    return made;
  };
  return {
    identity,
    compressed() {
      if (!begun) {
        begun = true;
        made = make();
      }
      return made;
    },
  };
}

function represent(
  file: NotaryFile,
  bytes: Uint8Array<ArrayBuffer>,
  encoding: 'gzip' | undefined,
  isPublic: boolean,
): Representation {
  // RFC 9110 8.8.3: a strong tag names bytes, so the compressed ones have another.
  const etag = encoding === undefined ? `"${file.sha256}"` : `"${file.sha256}-${encoding}"`;
  const validators = (lasting: Lasting): Record<string, string> => ({
    'Cache-Control': cacheControl(lasting, isPublic),
    'Last-Modified': new Date(file.publishedMs).toUTCString(),
    ETag: etag,
    ...(file.bytes.length < minGzipBytes ? {} : { Vary: 'Accept-Encoding' }),
  });
  const full = (lasting: Lasting): ResponseParts => ({
    status: 200,
    headers: {
      ...validators(lasting),
      'Content-Type': 'text/plain; charset=utf-8',
      'Content-Length': String(bytes.length),
      'X-Content-Type-Options': 'nosniff',
      ...(encoding === undefined ? {} : { 'Content-Encoding': encoding }),
    },
  });
  const notModified = (lasting: Lasting): ResponseParts => ({ status: 304, headers: validators(lasting) });
  return {
    etag,
    bytes,
    full: { current: full('current'), fixed: full('fixed') },
    notModified: { current: notModified('current'), fixed: notModified('fixed') },
  };
}

function cacheControl(lasting: Lasting, isPublic: boolean): string {
  const seconds = maxAgeSeconds[lasting];
  const revalidate = lasting === 'current' ? ', must-revalidate' : '';
  return isPublic
    ? `public, max-age=${seconds}, s-maxage=${seconds}${revalidate}`
    : `private, max-age=${seconds}${revalidate}`;
}

/** Whether the client takes gzip: RFC 9110 12.5.3, where a weight of zero is a refusal. */
export function acceptsGzip(header: string | undefined): boolean {
  if (header === undefined) return false;
  if (header === 'gzip') return true;
  return header
    .split(',')
    .some((part) => /^ *gzip *(?:; *q=(?:1(?:\.0{0,3})?|0\.(?!0{1,3} *$)[0-9]{1,3}) *)?$/i.test(part));
}
