/** An honest registry over images in memory, whose answer to any one request can be replaced. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { documentsOf, type SmallImage } from '@vidimus/oci';
import { startServer, type TestServer } from './registry-server.ts';

/** Returns true when it has dealt with the request itself. */
export type Intercept = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface MemoryRegistry extends TestServer {
  /** `127.0.0.1:<port>/shop/web` */
  readonly repository: string;
  /** Puts an image into the registry; with a tag, the tag points at it. */
  readonly add: (image: SmallImage, tag?: string) => void;
  /** Replaces what is answered from now on; undefined: honest again. */
  readonly intercept: (intercept: Intercept | undefined) => void;
}

export async function startMemoryRegistry(options: { readonly tls?: boolean } = {}): Promise<MemoryRegistry> {
  const manifests = new Map<string, SmallImage>();
  const tags = new Map<string, string>();
  const blobs = new Map<string, Uint8Array>();
  let intercept: Intercept | undefined;

  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    if (intercept?.(request, response) === true) return;
    const [, kind, reference = ''] = /\/(manifests|blobs)\/([^/?]+)/.exec(request.url ?? '') ?? [];
    const manifest = manifests.get(tags.get(reference) ?? reference);
    const blob = blobs.get(reference);
    const head = request.method === 'HEAD';
    if (request.url === '/v2/') {
      response.end('{}');
    } else if (kind === 'manifests' && manifest !== undefined) {
      response.writeHead(200, {
        'content-type': manifest.mediaType,
        'content-length': manifest.size,
        'docker-content-digest': manifest.digest,
      });
      response.end(head ? undefined : manifest.bytes);
    } else if (kind === 'blobs' && blob !== undefined) {
      response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': blob.length });
      response.end(head ? undefined : blob);
    } else {
      response.writeHead(404, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ errors: [{ code: 'MANIFEST_UNKNOWN' }] }));
    }
  };

  const server = await startServer(answer, options);
  return {
    ...server,
    repository: `${server.host}/shop/web`,
    intercept: (next) => {
      intercept = next;
    },
    add: (image, tag) => {
      for (const document of documentsOf(image)) {
        manifests.set(document.digest, document);
        for (const [digest, bytes] of document.blobs) blobs.set(digest, bytes);
      }
      if (tag !== undefined) tags.set(tag, image.digest);
    },
  };
}
