/** Puts a small image where others can fetch it: into a layout, or into a registry that takes anonymous pushes. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { OciError } from './errors.ts';
import { blobFile, nameImage, prepareLayout, writing } from './layout.ts';
import { documentsOf, type SmallImage } from './small-image.ts';

const PUSH_TIMEOUT_MS = 30_000;

/**
 * Writes an image into a layout, made if it is not there; with a name, `index.json` names it.
 * @throws OciError LAYOUT_INVALID or LAYOUT_UNWRITABLE
 */
export async function placeInLayout(directory: string, image: SmallImage, name?: string): Promise<void> {
  await prepareLayout(directory);
  for (const document of documentsOf(image)) {
    for (const [digest, bytes] of [...document.blobs, [document.digest, document.bytes] as const]) {
      const file = blobFile(directory, digest);
      await writing(directory, async () => {
        await mkdir(dirname(file), { recursive: true });
        await writeFile(file, bytes);
      });
    }
  }
  if (name !== undefined) await nameImage(directory, image, name);
}

export interface PushTarget {
  /** `http://127.0.0.1:5000`; credentials are not sent. */
  readonly origin: string;
  /** Path without the host. */
  readonly path: string;
  readonly tag: string;
}

/**
 * Pushes an image with all below it; only for registries of our own that hold nothing of value.
 * @throws OciError UNUSABLE when the registry does not take it
 * @see OCI distribution-spec, "Pushing blobs" and "Pushing manifests"
 */
export async function pushSmallImage(image: SmallImage, target: PushTarget): Promise<void> {
  const base = `${target.origin}/v2/${target.path}`;
  for (const document of documentsOf(image)) {
    for (const [digest, bytes] of document.blobs) {
      const started = await send(`${base}/blobs/uploads/`, { method: 'POST' }, 202);
      const upload = new URL(started.headers.get('location') ?? '', target.origin);
      upload.searchParams.set('digest', digest);
      const headers = { 'content-type': 'application/octet-stream' };
      await send(upload, { method: 'PUT', headers, body: bytes }, 201);
    }
    const reference = document === image ? target.tag : document.digest;
    const headers = { 'content-type': document.mediaType };
    await send(`${base}/manifests/${reference}`, { method: 'PUT', headers, body: document.bytes }, 201);
  }
}

async function send(
  url: string | URL,
  request: { method: string; headers?: Record<string, string>; body?: Uint8Array },
  wanted: number,
): Promise<Response> {
  const { body, ...rest } = request;
  const response = await fetch(url, {
    ...rest,
    ...(body === undefined ? {} : { body: Buffer.from(body) }),
    redirect: 'error',
    signal: AbortSignal.timeout(PUSH_TIMEOUT_MS),
  });
  await response.arrayBuffer();
  if (response.status === wanted) return response;
  const { host } = new URL(url);
  throw new OciError('UNUSABLE', `${host} did not take the image (${response.status})`, {
    host,
    status: response.status,
  });
}
