/** Any JSON as a manifest that a registry would serve. */
import { sha256Hex } from '@vidimus/crypto';
import type { SmallImage } from '@vidimus/oci';

export const OCI_INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';

/** The document under its true digest; it brings no blobs. */
export function smallDocument(document: unknown, mediaType: string): SmallImage {
  const bytes = new TextEncoder().encode(JSON.stringify(document));
  return {
    mediaType,
    bytes,
    digest: `sha256:${sha256Hex(bytes)}`,
    size: bytes.length,
    blobs: new Map(),
    children: [],
  };
}
