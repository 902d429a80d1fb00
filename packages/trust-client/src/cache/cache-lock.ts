/**
 * A lock file for the moment between comparing a cached file and replacing it. It appears with its content
 * (written aside, then linked), is held for milliseconds, and one left by a dead process is broken.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { systemCode, TrustClientError } from '../errors.ts';
import { removeIfThere, temporaryName } from './atomic-file.ts';
import type { Disk } from './disk.ts';
import { cacheError, readSafeFile } from './safe-path.ts';

const MAX_WAIT_MS = 10_000;
const RETRY_MS = 10;
/** A live holder of this host is waited for; of anybody else this much silence means dead. */
const FOREIGN_HOLDER_DEAD_AFTER_MS = 60_000;
const MAX_LOCK_BYTES = 1024;

/** Runs `action` while no other process runs one under the same path. @throws TrustClientError CACHE_BUSY */
export async function withLock<T>(
  disk: Disk,
  path: string,
  action: () => Promise<T>,
  maxWaitMs = MAX_WAIT_MS,
): Promise<T> {
  const mark = `${process.pid} ${hostname()} ${randomBytes(12).toString('hex')}`;
  await acquire(disk, path, mark, maxWaitMs);
  try {
    return await action();
  } finally {
    // Not ours any more means that somebody took us for dead; then it is not ours to remove.
    if ((await holderOf(disk, path)) === mark) await removeIfThere(disk, path);
  }
}

async function acquire(disk: Disk, path: string, mark: string, maxWaitMs: number): Promise<void> {
  const giveUpAt = performance.now() + maxWaitMs;
  const temporary = temporaryName(dirname(path));
  await writeMark(disk, temporary, mark);
  try {
    while (!(await tryLink(disk, temporary, path))) {
      if (await breakIfDead(disk, path)) continue;
      if (performance.now() > giveUpAt) {
        throw new TrustClientError('CACHE_BUSY', `${path} is held by another process`, {
          hint: `if no other vidimus runs, remove ${path}`,
        });
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS * (1 + Math.random())));
    }
  } finally {
    await removeIfThere(disk, temporary);
  }
}

/** Not made durable: after a power cut nobody holds a lock. */
async function writeMark(disk: Disk, path: string, mark: string): Promise<void> {
  try {
    const handle = await disk.open(path, 'wx', 0o600);
    try {
      await handle.writeFile(mark);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw cacheError(error, path);
  }
}

async function tryLink(disk: Disk, temporary: string, path: string): Promise<boolean> {
  try {
    await disk.link(temporary, path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw cacheError(error, path);
  }
}

async function holderOf(disk: Disk, path: string): Promise<string | undefined> {
  const bytes = await readSafeFile(disk, path, MAX_LOCK_BYTES);
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8');
}

/** Whether the lock may be tried again at once. */
async function breakIfDead(disk: Disk, path: string): Promise<boolean> {
  const holder = await holderOf(disk, path);
  if (holder === undefined) return true;
  if (!(await isDead(disk, path, holder))) return false;
  // Two who saw the same dead holder: the one who moves away a lock that is alive again puts it back.
  const aside = temporaryName(dirname(path));
  try {
    await disk.rename(path, aside);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return true;
    throw cacheError(error, path);
  }
  if ((await holderOf(disk, aside)) !== holder) await tryLink(disk, aside, path);
  await removeIfThere(disk, aside);
  return true;
}

async function isDead(disk: Disk, path: string, holder: string): Promise<boolean> {
  const [pid, host] = holder.split(' ');
  if (host === hostname() && !isRunning(Number(pid))) return true;
  try {
    return Date.now() - (await disk.lstat(path)).mtimeMs > FOREIGN_HOLDER_DEAD_AFTER_MS;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw cacheError(error, path);
  }
}

function isRunning(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, as somebody else.
    return systemCode(error) === 'EPERM';
  }
}
