/** The images that tests talk about: made in code, the same bytes every time. */
import { type SmallImage, smallImage, smallIndex } from '@vidimus/oci';
import { parsePlatform } from '@vidimus/reference';

/** A linux image whose one file says `text`; other text, other digest. */
export function helloImage(
  text = 'hello',
  platform = 'linux/amd64',
  format: 'oci' | 'docker' = 'oci',
): SmallImage {
  const files = { 'bin/hello': `#!/bin/sh\necho ${text}\n` };
  return smallImage({ platform: parsePlatform(platform), files, command: ['/bin/hello'], format });
}

export interface BuildxIndex {
  readonly index: SmallImage;
  readonly amd64: SmallImage;
  readonly arm64: SmallImage;
  /** BuildKit's provenance about the amd64 image. */
  readonly attestation: SmallImage;
  /** A child for unknown/unknown that nothing explains. */
  readonly unknown: SmallImage;
}

/** What `docker buildx build --platform linux/amd64,linux/arm64` pushes, plus one unknown child. */
export function buildxIndex(text = 'hello'): BuildxIndex {
  const amd64 = helloImage(text, 'linux/amd64');
  const arm64 = helloImage(text, 'linux/arm64');
  const attestation = helloImage(`provenance of ${text}`, 'unknown/unknown');
  const unknown = helloImage(`something about ${text}`, 'unknown/unknown');
  const nowhere = { os: 'unknown', architecture: 'unknown' };
  const index = smallIndex([
    { image: amd64, platform: parsePlatform('linux/amd64') },
    { image: arm64, platform: parsePlatform('linux/arm64') },
    {
      image: attestation,
      platform: nowhere,
      annotations: {
        'vnd.docker.reference.type': 'attestation-manifest',
        'vnd.docker.reference.digest': amd64.digest,
      },
    },
    { image: unknown, platform: nowhere },
  ]);
  return { index, amd64, arm64, attestation, unknown };
}

/** The file that `docker buildx build --push --metadata-file` writes for this image. */
export function buildxMetadata(image: SmallImage, name: string): string {
  return JSON.stringify(
    {
      'buildx.build.ref': 'default/default/vidimus0test0',
      'containerimage.descriptor': {
        mediaType: image.mediaType,
        digest: image.digest,
        size: image.size,
      },
      'containerimage.digest': image.digest,
      'image.name': name,
    },
    null,
    2,
  );
}
