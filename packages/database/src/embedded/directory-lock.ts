/**
 * One process per data directory. Node has no flock: a Unix socket in the directory is the lock. The kernel
 * refuses connections to it as soon as its process is dead, however it died.
 */
import { randomBytes } from 'node:crypto';
import { link, readdir, rename, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { DatabaseError } from '../errors.ts';
import { toDirectoryError } from './directory-error.ts';

/** A held lock. */
export interface DirectoryLock {
  /** Gives the lock up and removes its socket; idempotent. */
  release(): Promise<void>;
}

const lockName = 'lock.sock';
/** A stale socket is renamed to `lk-` and six hex digits: no longer than lock.sock itself. */
const asideName = /^lk-[0-9a-f]{6}$/;
/** Linux: sun_path has 108 bytes with the terminating NUL; Node cuts longer paths without an error. */
const maxSocketPathBytes = 107;
const maxAttempts = 10;
const nonceBytes = 16;
const answerTimeoutMs = 2_000;
const putBackAttempts = 100;
const putBackPauseMs = 20;

/** Takes the lock of the directory. @throws DatabaseError LOCKED, PATH_TOO_LONG, DIRECTORY_UNWRITABLE */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const path = join(directory, lockName);
  assertPathFits(path);
  const nonce = randomBytes(nonceBytes).toString('hex');
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    const server = await bind(path, nonce);
    if (server === undefined) {
      await clearStale(directory, path);
      continue;
    }
    const lock = toLock(server);
    if (await isUndisputed(directory, path, nonce)) return lock;
    await lock.release();
    throw locked(directory);
  }
  throw locked(directory);
}

/** Listens on the path, or answers undefined when something stands there. */
async function bind(path: string, nonce: string): Promise<Server | undefined> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(nonce);
  });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
  } catch (error) {
    if (codeOf(error) === 'EADDRINUSE') return undefined;
    throw toDirectoryError(error, path);
  }
  server.unref();
  return server;
}

/**
 * Moves a socket that nobody answers out of the way. Between the refused connection and the rename another starter
 * may have bound the same path: a socket that answers under its new name belongs to a living one and goes back.
 */
async function clearStale(directory: string, path: string): Promise<void> {
  if ((await ask(path)) !== undefined) throw locked(directory);
  const aside = join(directory, `lk-${randomBytes(3).toString('hex')}`);
  try {
    await rename(path, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw toDirectoryError(error, path);
  }
  if ((await ask(aside)) === undefined) {
    await rm(aside, { force: true });
    return;
  }
  await putBack(aside, path);
  throw locked(directory);
}

/** Never over another socket: link fails where rename would replace. Whoever bound meanwhile sees `aside` and leaves. */
async function putBack(aside: string, path: string): Promise<void> {
  for (let attempt = 0; attempt < putBackAttempts; attempt += 1) {
    try {
      await link(aside, path);
      await rm(aside, { force: true });
      return;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') return;
      await new Promise((resolve) => setTimeout(resolve, putBackPauseMs));
    }
  }
}

/** True when the path leads to this process and no renamed socket belongs to another living one. */
async function isUndisputed(directory: string, path: string, nonce: string): Promise<boolean> {
  const names = (await readdir(directory)).filter((name) => asideName.test(name));
  for (const name of names) {
    const answer = await ask(join(directory, name));
    if (answer === undefined) await rm(join(directory, name), { force: true });
    else if (answer !== nonce) return false;
  }
  const own = await ask(path);
  return own === nonce || (own === undefined && names.length > 0);
}

/** What the socket says: its owner's nonce, '' when it is alive but slow, undefined when nobody is there. */
async function ask(path: string): Promise<string | undefined> {
  return await new Promise((resolve) => {
    let connected = false;
    let answer = '';
    const socket = connect(path);
    const finish = () => {
      socket.destroy();
      resolve(connected ? answer : undefined);
    };
    socket.setEncoding('latin1');
    socket.setTimeout(answerTimeoutMs, finish);
    socket.on('connect', () => {
      connected = true;
    });
    socket.on('data', (text: string) => {
      answer += text;
      if (answer.length >= 2 * nonceBytes) finish();
    });
    socket.on('end', finish);
    socket.on('error', (error) => {
      // A socket that may not be asked is somebody's: only "refused" and "gone" mean that nobody holds it.
      if (!['ECONNREFUSED', 'ENOENT', 'ENOTSOCK'].includes(codeOf(error) ?? '')) connected = true;
      finish();
    });
  });
}

function toLock(server: Server): DirectoryLock {
  let released: Promise<void> | undefined;
  return {
    release: () => {
      released ??= new Promise((resolve) => server.close(() => resolve()));
      return released;
    },
  };
}

function assertPathFits(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes <= maxSocketPathBytes) return;
  throw new DatabaseError('PATH_TOO_LONG', {
    message: `the path of the lock, ${path}, has ${bytes} bytes; the system allows ${maxSocketPathBytes}`,
    hint: 'choose a data directory with a shorter path, or start in its parent directory with a relative one',
  });
}

function locked(directory: string): DatabaseError {
  return new DatabaseError('LOCKED', {
    message: `another process uses the data directory ${directory}`,
    hint: 'stop it first, or choose another data directory',
  });
}

function codeOf(error: unknown): string | undefined {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  return typeof code === 'string' ? code : undefined;
}
