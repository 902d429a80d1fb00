/** Layers made by our own tar writer, read by the real tar. */
import { execFileSync } from 'node:child_process';
import { smallImage } from '@vidimus/oci';
import { parsePlatform } from '@vidimus/reference';
import { expect, it } from 'vitest';

it('makes a layer that tar reads', () => {
  const files = { 'etc/motd': 'hello\n', 'bin/a': new Uint8Array(1024) };
  const image = smallImage({ platform: parsePlatform('linux/amd64'), files });
  const layer = [...image.blobs.values()].at(-1) ?? new Uint8Array();
  const listed = execFileSync('tar', ['-tvf', '-', '--utc'], { input: layer }).toString();
  expect(listed.split('\n').filter(Boolean)).toHaveLength(2);
  expect(execFileSync('tar', ['-xOf', '-', 'etc/motd'], { input: layer }).toString()).toBe('hello\n');
});
