import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readServeSettings } from '../../../../packages/cli/src/serve/serve-settings.ts';

const directory = mkdtempSync(join(tmpdir(), 'vdm-rotation-'));
afterAll(() => rmSync(directory, { recursive: true }));

function rotationIn(yaml: string) {
  const config = join(directory, 'config.yaml');
  writeFileSync(config, `version: 1\nservice: ${yaml}\n`);
  return readServeSettings({ config }, {}).service.rotation;
}

describe('the schedule of rotations', () => {
  it('is empty when nothing is said', () => {
    expect(rotationIn('{}')).toEqual({});
  });

  it('names online roles and the age of their keys', () => {
    expect(rotationIn('{rotation: {timestamp: 90d, snapshot: 36h}}')).toEqual({
      timestamp: 90 * 86_400_000,
      snapshot: 36 * 3_600_000,
    });
  });

  it.each([
    ['root, which is never rotated by a clock', '{rotation: {root: 90d}}'],
    ['a role that is not there', '{rotation: {everybody: 90d}}'],
    ['no time at all', '{rotation: {timestamp: 0d}}'],
    ['seconds, of which each would be a new root', '{rotation: {timestamp: 30s}}'],
    ['a number', '{rotation: {timestamp: 90}}'],
  ])('refuses %s', (_, yaml) => {
    expect(() => rotationIn(yaml)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });
});
