/** The images of the stand-in engine, by every name they have; pushed to and pulled from a real registry. */

import { sha256Hex } from '@vidimus/crypto';
import { OCI_INDEX, OCI_MANIFEST, pushSmallImage, type SmallImage } from '@vidimus/oci';

/** An image as the engine has it: of a pulled one, its document. */
export interface EngineImage {
  readonly digest: string;
  readonly size: number;
  readonly mediaType: string;
  /** Absent for one that was pulled. */
  readonly source?: SmallImage;
}

export interface ImageStore {
  /** Names an image `host/path:tag`, as a build does. */
  load(name: string, image: SmallImage): void;
  find(name: string): EngineImage | undefined;
  /** @returns false when there is no such image */
  tag(name: string, newName: string): boolean;
  /** Uploads what has this name. @throws Error when there is none, or it was never built here */
  push(repository: string, tag: string): Promise<EngineImage>;
  /**
   * Downloads a document and, for a digest, proves it.
   * @param reference - a tag or `sha256:<hex>`
   */
  pull(repository: string, reference: string): Promise<EngineImage>;
}

const accepted = [
  OCI_MANIFEST,
  OCI_INDEX,
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
].join(', ');

/** Every repository is at one plain HTTP registry, whatever host its name has. */
export function createImageStore(registryOrigin: string): ImageStore {
  const images = new Map<string, EngineImage>();
  const push = async (repository: string, tag: string): Promise<EngineImage> => {
    const image = images.get(`${repository}:${tag}`);
    if (image?.source === undefined)
      throw new Error(`An image does not exist locally with the tag: ${repository}`);
    await pushSmallImage(image.source, { origin: registryOrigin, path: pathOf(repository), tag });
    return image;
  };
  const pull = async (repository: string, reference: string): Promise<EngineImage> => {
    const url = `${registryOrigin}/v2/${pathOf(repository)}/manifests/${reference}`;
    const answer = await fetch(url, { headers: { accept: accepted } });
    if (answer.status !== 200) throw new Error(`manifest for ${repository}@${reference} not found`);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    const digest = `sha256:${sha256Hex(bytes)}`;
    if (reference.startsWith('sha256:') && reference !== digest)
      throw new Error('manifest verification failed');
    const image = {
      digest,
      size: bytes.length,
      mediaType: answer.headers.get('content-type') ?? OCI_MANIFEST,
    };
    images.set(nameOf(repository, reference), image);
    return image;
  };
  return {
    load: (name, image) => {
      const { digest, size, mediaType } = image;
      images.set(name, { digest, size, mediaType, source: image });
    },
    find: (name) => images.get(name),
    tag: (name, newName) => {
      const image = images.get(name);
      if (image !== undefined) images.set(newName, image);
      return image !== undefined;
    },
    push,
    pull,
  };
}

/** `host/path@sha256:…` or `host/path:tag`, as clients name it afterwards. */
export function nameOf(repository: string, reference: string): string {
  return reference.startsWith('sha256:') ? `${repository}@${reference}` : `${repository}:${reference}`;
}

function pathOf(repository: string): string {
  return repository.slice(repository.indexOf('/') + 1);
}
