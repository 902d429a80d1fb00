import { execFileSync } from 'node:child_process';
import { sha256Hex } from '@vidimus/crypto';
import { smallImage } from '@vidimus/oci';
import { parsePlatform } from '@vidimus/reference';
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

it('makes a layer that tar reads', () => {
  const files = { 'etc/motd': 'hello\n', 'bin/a': new Uint8Array(1024) };
  const image = smallImage({ platform: parsePlatform('linux/amd64'), files });
  const layer = [...image.blobs.values()].at(-1) ?? new Uint8Array();
  const listed = execFileSync('tar', ['-tvf', '-', '--utc'], { input: layer }).toString();
  expect(listed.split('\n').filter(Boolean)).toHaveLength(2);
  expect(execFileSync('tar', ['-xOf', '-', 'etc/motd'], { input: layer }).toString()).toBe('hello\n');
});

it('writes what buildx writes about an image', () => {
  const { index } = buildxIndex();
  expect(JSON.parse(buildxMetadata(index, 'r/x:1'))).toMatchObject({
    'containerimage.digest': index.digest,
    'containerimage.descriptor': { digest: index.digest, size: index.size, mediaType: index.mediaType },
  });
});
