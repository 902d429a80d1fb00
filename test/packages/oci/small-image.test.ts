import { sha256Hex } from '@vidimus/crypto';
import { expect, it } from 'vitest';
import { buildxIndex, buildxMetadata, helloImage } from '../../support/image-builder.ts';

it('makes the same bytes every time, other bytes for other content', () => {
  expect(helloImage().digest).toBe(helloImage().digest);
  expect(helloImage('a').digest).not.toBe(helloImage('b').digest);
  expect(buildxIndex().index.digest).toBe(buildxIndex().index.digest);
});

it('names every blob by its digest', () => {
  const image = helloImage();
  for (const [digest, bytes] of image.blobs) expect(digest).toBe(`sha256:${sha256Hex(bytes)}`);
});

it('writes what buildx writes about an image', () => {
  const { index } = buildxIndex();
  expect(JSON.parse(buildxMetadata(index, 'r/x:1'))).toMatchObject({
    'containerimage.digest': index.digest,
    'containerimage.descriptor': { digest: index.digest, size: index.size, mediaType: index.mediaType },
  });
});
