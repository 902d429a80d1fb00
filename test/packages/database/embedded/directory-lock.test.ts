import { mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type DirectoryLock,
  lockDirectory,
} from '../../../../packages/database/src/embedded/directory-lock.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vdm-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

/** What a process that was killed leaves behind: a socket that nobody listens on. */
async function leaveStaleSocket(): Promise<void> {
  const elsewhere = join(directory, 'x.sock');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(elsewhere, resolve));
  await rename(elsewhere, join(directory, 'lock.sock'));
  await new Promise((resolve) => server.close(resolve));
}

describe('lockDirectory', () => {
  it('excludes a second holder until it is released', async () => {
    const lock = await lockDirectory(directory);
    await expect(lockDirectory(directory)).rejects.toMatchObject({ code: 'LOCKED' });
    await lock.release();
    await lock.release();
    const next = await lockDirectory(directory);
    await next.release();
    expect(await readdir(directory)).toEqual([]);
  });

  it('takes over a stale socket and leaves nothing of it', async () => {
    await leaveStaleSocket();
    const lock = await lockDirectory(directory);
    expect(await readdir(directory)).toEqual(['lock.sock']);
    await lock.release();
  });

  it('takes over a plain file of that name', async () => {
    await writeFile(join(directory, 'lock.sock'), '');
    const lock = await lockDirectory(directory);
    await lock.release();
  });

  it('lets exactly one of many starters win over a stale socket', async () => {
    for (let round = 0; round < 10; round += 1) {
      await leaveStaleSocket();
      const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => lockDirectory(directory)));
      const held = outcomes.flatMap((outcome): DirectoryLock[] =>
        outcome.status === 'fulfilled' ? [outcome.value] : [],
      );
      expect(held.length).toBeLessThanOrEqual(1);
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'LOCKED' });
      }
      for (const lock of held) await lock.release();
      const after = await lockDirectory(directory);
      await after.release();
    }
  });

  it('respects a holder whose socket somebody moved aside', async () => {
    const lock = await lockDirectory(directory);
    await rename(join(directory, 'lock.sock'), join(directory, 'lk-0a1b2c'));
    await expect(lockDirectory(directory)).rejects.toMatchObject({ code: 'LOCKED' });
    await lock.release();
  });

  it('refuses a path that the system would cut', async () => {
    const deep = join(directory, 'x'.repeat(100));
    await expect(lockDirectory(deep)).rejects.toMatchObject({
      code: 'PATH_TOO_LONG',
      hint: expect.stringContaining('shorter'),
    });
  });
});
