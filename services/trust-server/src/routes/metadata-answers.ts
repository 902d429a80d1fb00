/**
 * Answers to metadata reads, made once per stored file: a GET then costs a look-up and no more than a bare
 * server's. Nothing here may set a header afterwards.
 */
import { toPlain } from '../http/plain-bytes.ts';
import type { MetadataFile, MetadataName } from '../service.ts';

interface ResponseParts {
  readonly status: number;
  readonly headers: Record<string, string>;
}

/** A file ready to be sent. */
export interface PreparedFile {
  readonly etag: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly full: ResponseParts;
  readonly notModified: ResponseParts;
}

/** How long a client may believe that the next root is not there yet: CONTRACTS says at most 60 s. */
const missingRootSeconds = 30;

/**
 * Prepares a file. Only where anybody may read may a shared cache keep it (DESIGN section 5).
 * @param isPublic - whether anonymous reads are on
 */
export function prepareFile(file: MetadataFile, name: MetadataName, isPublic: boolean): PreparedFile {
  const etag = `"${file.sha256}"`;
  const scope = isPublic ? 'public' : 'private';
  const fresh = name.version === undefined ? `${scope}, no-cache` : `${scope}, max-age=31536000, immutable`;
  const validators = { ETag: etag, 'Cache-Control': fresh };
  const bytes = toPlain(file.bytes);
  return {
    etag,
    bytes,
    full: {
      status: 200,
      headers: {
        'Content-Type': 'application/json',
        'Content-Length': String(bytes.length),
        'X-Content-Type-Options': 'nosniff',
        ...validators,
      },
    },
    notModified: { status: 304, headers: validators },
  };
}

const missingText = JSON.stringify({
  errors: [{ code: 'METADATA_UNKNOWN', message: 'there is no such metadata file' }],
});

/** The 404 that ends every client's walk along the roots, and all others. */
export function missingFile(name: MetadataName | undefined, isPublic: boolean): Response {
  const brief = `${isPublic ? 'public' : 'private'}, max-age=${missingRootSeconds}`;
  return new Response(missingText, {
    status: 404,
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': name?.role === 'root' ? brief : 'no-store',
      'X-Content-Type-Options': 'nosniff',
    },
  });
}
