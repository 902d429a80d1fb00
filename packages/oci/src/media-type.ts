/** The four kinds of document that we read, and what they are called. */

export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const DOCKER_INDEX = 'application/vnd.docker.distribution.manifest.list.v2+json';
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';

const kinds: ReadonlyMap<string, 'index' | 'image'> = new Map([
  [OCI_INDEX, 'index'],
  [DOCKER_INDEX, 'index'],
  [OCI_MANIFEST, 'image'],
  [DOCKER_MANIFEST, 'image'],
]);

/** What a registry is told we read; nothing here is schema 1. */
export const ACCEPTED_MEDIA_TYPES: readonly string[] = [...kinds.keys()];

/** Whether a media type names an index or the manifest of one image; undefined: neither. */
export function documentKind(mediaType: string): 'index' | 'image' | undefined {
  return kinds.get(mediaType);
}

/** A `Content-Type` without its parameters; undefined when there is none. */
export function bareMediaType(header: string | undefined): string | undefined {
  const bare = header?.split(';', 1)[0]?.trim().toLowerCase();
  return bare === '' ? undefined : bare;
}
