/**
 * A read-only registry over an image layout: the pull side of the distribution specification, for the demo and
 * tests. Tags live in memory and are moved by whoever made the registry, never by a request.
 */
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { isDigest, isTag } from '@vidimus/reference';
import { blobFile, openLayout } from './layout.ts';
import { MAX_MANIFEST_BYTES } from './limits.ts';
import { documentKind, OCI_INDEX, OCI_MANIFEST } from './media-type.ts';

export interface LayoutRegistry {
  /** For `http.createServer` or `https.createServer`. */
  readonly listener: RequestListener;
  /** Makes a tag of a repository (path without host) name a digest in the layout, or moves it there. */
  readonly pointTag: (path: string, tag: string, digest: string) => void;
  readonly removeTag: (path: string, tag: string) => void;
}

/** `/v2/<path>/manifests/<reference>` or `/v2/<path>/blobs/<digest>`. */
const ROUTE =
  /^\/v2\/([a-z0-9][a-z0-9._/-]{0,254})\/(manifests|blobs)\/([A-Za-z0-9_][A-Za-z0-9_.:-]{0,255})$/;

/** A repository exists once it has had a tag; it then serves every blob of the layout by digest. */
export function createLayoutRegistry(options: { readonly layoutDirectory: string }): LayoutRegistry {
  const { layoutDirectory } = options;
  const repositories = new Map<string, Map<string, string>>();

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    response.setHeader('docker-distribution-api-version', 'registry/2.0');
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405, 'UNSUPPORTED');
    const path = request.url?.split('?', 1)[0] ?? '';
    if (path === '/v2/' || path === '/v2')
      return send(request, response, 'application/json', new TextEncoder().encode('{}'));
    const [, name = '', kind, reference = ''] = ROUTE.exec(path) ?? [];
    const tags = repositories.get(name);
    if (tags === undefined) return refuse(response, 404, 'NAME_UNKNOWN');
    const digest = kind === 'manifests' ? (tags.get(reference) ?? reference) : reference;
    const size = isDigest(digest) ? await (await openLayout(layoutDirectory)).blobSize(digest) : undefined;
    if (size === undefined) {
      return refuse(response, 404, kind === 'manifests' ? 'MANIFEST_UNKNOWN' : 'BLOB_UNKNOWN');
    }
    response.setHeader('docker-content-digest', digest);
    const file = blobFile(layoutDirectory, digest);
    if (kind === 'manifests') {
      const bytes = size > MAX_MANIFEST_BYTES ? undefined : await readFile(file);
      const mediaType = bytes === undefined ? undefined : mediaTypeOf(bytes);
      if (bytes === undefined || mediaType === undefined) return refuse(response, 404, 'MANIFEST_UNKNOWN');
      return send(request, response, mediaType, bytes);
    }
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': size });
    if (request.method === 'HEAD') response.end();
    else
      createReadStream(file)
        .on('error', () => response.destroy())
        .pipe(response);
  };

  return {
    listener: (request, response) => {
      serve(request, response).catch(() => {
        if (response.headersSent) response.destroy();
        else refuse(response, 500, 'UNKNOWN');
      });
    },
    pointTag(path, tag, digest) {
      if (!isTag(tag) || !isDigest(digest)) throw new TypeError('a tag and a digest');
      const tags = repositories.get(path) ?? new Map<string, string>();
      repositories.set(path, tags.set(tag, digest));
    },
    removeTag(path, tag) {
      repositories.get(path)?.delete(tag);
    },
  };
}

/** Our own layout's documents: their field, or what they look like. */
function mediaTypeOf(bytes: Buffer): string | undefined {
  try {
    const document: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof document !== 'object' || document === null) return undefined;
    if ('mediaType' in document && typeof document.mediaType === 'string') {
      return documentKind(document.mediaType) === undefined ? undefined : document.mediaType;
    }
    if ('manifests' in document) return OCI_INDEX;
    return 'layers' in document ? OCI_MANIFEST : undefined;
  } catch {
    return undefined;
  }
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  mediaType: string,
  bytes: Uint8Array,
): void {
  response.writeHead(200, { 'content-type': mediaType, 'content-length': bytes.length });
  response.end(request.method === 'HEAD' ? undefined : bytes);
}

function refuse(response: ServerResponse, status: number, code: string): void {
  const body = JSON.stringify({ errors: [{ code, message: code.toLowerCase().replaceAll('_', ' ') }] });
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}
