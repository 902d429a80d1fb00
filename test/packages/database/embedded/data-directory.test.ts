import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DatabaseWarning, openDataDirectory } from '@vidimus/database';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let parent = '';
let directory = '';
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'vdm-'));
  directory = join(parent, 'data');
});
afterEach(async () => {
  await rm(parent, { recursive: true, force: true });
});

describe('openDataDirectory', () => {
  it('makes the directory, private, with its version', async () => {
    const opened = await openDataDirectory(directory);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect(await readFile(join(directory, 'VERSION'), 'utf8')).toBe('1\n');
    await opened.close();
    await (await openDataDirectory(directory)).close();
  });

  it('closes its own directory to others, but not one that held something else', async () => {
    await (await openDataDirectory(directory)).close();
    await chmod(directory, 0o755);
    await (await openDataDirectory(directory)).close();
    expect((await stat(directory)).mode & 0o777).toBe(0o700);

    const foreign = join(parent, 'home');
    await mkdir(foreign, { mode: 0o755 });
    await writeFile(join(foreign, 'letters.txt'), '');
    const warnings: DatabaseWarning[] = [];
    await (await openDataDirectory(foreign, (warning) => warnings.push(warning))).close();
    expect((await stat(foreign)).mode & 0o777).toBe(0o755);
    expect(warnings.map(({ code }) => code)).toEqual(['DIRECTORY_OPEN']);
  });

  it.each([
    ['2', 'NEWER_DIRECTORY'],
    ['10\n', 'NEWER_DIRECTORY'],
    ['0', 'DIRECTORY_INVALID'],
    ['one', 'DIRECTORY_INVALID'],
    ['', 'DIRECTORY_INVALID'],
    ['1'.repeat(1_000), 'DIRECTORY_INVALID'],
  ])('refuses version %j', async (version, code) => {
    await mkdir(directory);
    await writeFile(join(directory, 'VERSION'), version);
    await expect(openDataDirectory(directory)).rejects.toMatchObject({ code, hint: expect.any(String) });
  });

  it('refuses a database without version, and a file in the place of the directory', async () => {
    await mkdir(join(directory, 'db'), { recursive: true });
    await expect(openDataDirectory(directory)).rejects.toMatchObject({ code: 'DIRECTORY_INVALID' });
    await writeFile(join(parent, 'file'), '');
    await expect(openDataDirectory(join(parent, 'file'))).rejects.toMatchObject({
      code: 'DIRECTORY_UNWRITABLE',
    });
  });

  it('is held by one at a time', async () => {
    const opened = await openDataDirectory(directory);
    await expect(openDataDirectory(directory)).rejects.toMatchObject({ code: 'LOCKED' });
    await opened.close();
  });
});
