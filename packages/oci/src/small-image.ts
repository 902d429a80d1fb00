/** Small images made in memory, the same bytes every time: for the demo and for tests, not a build tool. */
import { sha256Hex } from '@vidimus/crypto';
import type { Platform } from '@vidimus/reference';
import type { Descriptor } from './descriptor.ts';
import { DOCKER_INDEX, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from './media-type.ts';
import { tarOf } from './tar.ts';

/** A document and every blob below it, all in memory. */
export interface SmallImage extends Descriptor {
  readonly bytes: Uint8Array;
  /** Children before parents; empty for the manifest of one image. */
  readonly children: readonly SmallImage[];
  /** Config and layers of an image by digest. */
  readonly blobs: ReadonlyMap<string, Uint8Array>;
}

export interface SmallImageRequest {
  readonly platform: Platform;
  /** Absolute path without the leading slash -> content; all files are mode 0755, owned by root, of 1970. */
  readonly files: Readonly<Record<string, Uint8Array | string>>;
  readonly command?: readonly string[];
  readonly format?: 'oci' | 'docker';
}

export interface SmallIndexEntry {
  readonly image: SmallImage;
  readonly platform?: Platform;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** One image with one uncompressed layer. */
export function smallImage(request: SmallImageRequest): SmallImage {
  const docker = request.format === 'docker';
  const layer = tarOf(request.files);
  const config = json({
    created: '1970-01-01T00:00:00Z',
    architecture: request.platform.architecture,
    os: request.platform.os,
    ...(request.platform.variant === undefined ? {} : { variant: request.platform.variant }),
    config: { Cmd: request.command ?? ['/bin/sh'], Env: ['PATH=/bin'] },
    rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
    history: [{ created: '1970-01-01T00:00:00Z', created_by: 'vidimus small image' }],
  });
  const mediaType = docker ? DOCKER_MANIFEST : OCI_MANIFEST;
  const bytes = json({
    schemaVersion: 2,
    mediaType,
    config: describe(
      docker ? 'application/vnd.docker.container.image.v1+json' : 'application/vnd.oci.image.config.v1+json',
      config,
    ),
    layers: [
      describe(
        docker ? 'application/vnd.docker.image.rootfs.diff.tar' : 'application/vnd.oci.image.layer.v1.tar',
        layer,
      ),
    ],
  });
  const blobs = new Map([config, layer].map((blob) => [digestOf(blob), blob]));
  return { ...describe(mediaType, bytes), bytes, children: [], blobs };
}

/** An index over images or other indexes. */
export function smallIndex(
  entries: readonly SmallIndexEntry[],
  format: 'oci' | 'docker' = 'oci',
): SmallImage {
  const mediaType = format === 'docker' ? DOCKER_INDEX : OCI_INDEX;
  const bytes = json({
    schemaVersion: 2,
    mediaType,
    manifests: entries.map(({ image, platform, annotations }) => ({
      mediaType: image.mediaType,
      digest: image.digest,
      size: image.size,
      ...(annotations === undefined ? {} : { annotations }),
      ...(platform === undefined ? {} : { platform: platformJson(platform) }),
    })),
  });
  return {
    ...describe(mediaType, bytes),
    bytes,
    children: entries.map(({ image }) => image),
    blobs: new Map(),
  };
}

/** The image's documents, children before parents, each once. */
export function documentsOf(image: SmallImage): readonly SmallImage[] {
  const all = [...image.children.flatMap(documentsOf), image];
  return [...new Map(all.map((document) => [document.digest, document])).values()];
}

function platformJson(platform: Platform): Readonly<Record<string, string>> {
  const { os, architecture, variant, osVersion } = platform;
  return {
    architecture,
    os,
    ...(variant === undefined ? {} : { variant }),
    ...(osVersion === undefined ? {} : { 'os.version': osVersion }),
  };
}

function describe(mediaType: string, bytes: Uint8Array): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${sha256Hex(bytes)}`;
}

function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
