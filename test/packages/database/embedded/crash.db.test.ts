import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { openDatabase, trustRepositories } from '@vidimus/database';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { copyDataDirectory, copyTemplate } from '../../../support/database-embedded.ts';

const program = fileURLToPath(new URL('./writer-process.ts', import.meta.url));
const node = [process.execPath, '--conditions=source', '--import', 'tsx', program];
const isRoot = process.getuid?.() === 0;
const nobody = 65_534;
/** As root (CI is) everything is writable: the program then runs as somebody else. */
const unprivileged = isRoot ? { uid: nobody } : {};
const kills = 20;
const run = promisify(execFile);

let directory = '';
const children: ChildProcess[] = [];

beforeEach(async () => {
  directory = await copyTemplate();
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(directory, { recursive: true, force: true });
});

interface Writer {
  readonly child: ChildProcess;
  readonly lines: AsyncIterator<string>;
}

function startWriter(args: readonly string[], options: { uid?: number } = {}): Writer {
  const [command = '', ...rest] = [...node, ...args];
  const identity = options.uid === undefined ? {} : { uid: options.uid, gid: options.uid };
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'], ...identity });
  children.push(child);
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}

/** Everything the writer says until it ends. */
async function rest({ lines }: Writer): Promise<readonly string[]> {
  const said: string[] = [];
  for (let line = await lines.next(); line.done !== true; line = await lines.next()) said.push(line.value);
  return said;
}

async function namesIn(path: string): Promise<readonly string[]> {
  const database = await openDatabase({ directory: path });
  const rows = await database.db.select({ name: trustRepositories.repository }).from(trustRepositories);
  await database.close();
  return rows.map(({ name }) => name);
}

/** Polls: the directory may not exist yet, so there is nothing to watch. */
async function untilExists(path: string): Promise<void> {
  while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('kill -9 of a process that writes', () => {
  it(`${kills} times: every acknowledged write is there, none is half there`, async () => {
    const acknowledged: string[] = [];
    const pauses = fc.sample(fc.integer({ min: 0, max: 12 }), { numRuns: kills, seed: 7 });
    for (const [round, pause] of pauses.entries()) {
      const writer = startWriter([directory, `r${round}`]);
      expect((await writer.lines.next()).value).toBe('open');
      for (let seen = 0; seen < pause; seen += 1) {
        const line = await writer.lines.next();
        acknowledged.push(String(line.value));
      }
      writer.child.kill('SIGKILL');
      acknowledged.push(...(await rest(writer)));
    }
    const found = new Set(await namesIn(directory));
    expect(acknowledged.filter((name) => !found.has(name))).toEqual([]);
    expect(acknowledged.length).toBeGreaterThan(kills);
  });

  it('before the database is made leaves a directory that the next start completes', async () => {
    const fresh = join(directory, 'fresh');
    const writer = startWriter([fresh]);
    await untilExists(join(fresh, 'db.new', 'global'));
    writer.child.kill('SIGKILL');
    await rest(writer);
    expect(await namesIn(fresh)).toEqual(expect.any(Array));
  });
});

describe('two processes', () => {
  it('that start together: one holds the directory, the other is told', async () => {
    const writers = [startWriter([directory, 'a']), startWriter([directory, 'b'])];
    const first = await Promise.all(writers.map(async ({ lines }) => String((await lines.next()).value)));
    expect([...first].sort()).toEqual(['error LOCKED', 'open']);
  });
});

describe('a directory that cannot be written', () => {
  it('is refused with its own code', async () => {
    const parent = await mkdtemp(join(tmpdir(), 'vdm-'));
    try {
      const closed = join(parent, 'closed');
      await copyDataDirectory(directory, closed);
      await chmod(parent, 0o755);
      await chmod(closed, 0o555);
      expect(await rest(startWriter([closed], unprivileged))).toEqual(['error DIRECTORY_UNWRITABLE']);
      const missing = join(parent, 'missing');
      expect(await rest(startWriter([missing], unprivileged))).toEqual(['error DIRECTORY_UNWRITABLE']);
    } finally {
      await rm(parent, { recursive: true, force: true });
    }
  });
});

describe.runIf(isRoot)('a disk that runs full', () => {
  it('fails writes with a clear code, and keeps all that were acknowledged', async () => {
    const disk = await mkdtemp(join(tmpdir(), 'vdm-'));
    await run('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', disk]);
    try {
      const data = join(disk, 'data');
      await copyDataDirectory(directory, data);
      const said = await rest(startWriter([data, 'full', '200000']));
      expect(said[0]).toBe('open');
      expect(said.at(-1)).toMatch(/^error (DISK_FULL|READ_ONLY|UNAVAILABLE)$/);
      const acknowledged = said.slice(1, -1);
      expect(acknowledged.length).toBeGreaterThan(5);
      await rm(directory, { recursive: true });
      await copyDataDirectory(data, directory);
      const found = new Set(await namesIn(directory));
      expect(acknowledged.filter((name) => !found.has(name))).toEqual([]);
    } finally {
      await run('umount', [disk]);
      await rm(disk, { recursive: true });
    }
  });

  it('at the very start is refused with DISK_FULL', async () => {
    const disk = await mkdtemp(join(tmpdir(), 'vdm-'));
    await run('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', disk]);
    try {
      expect(await rest(startWriter([join(disk, 'data')]))).toEqual(['error DISK_FULL']);
    } finally {
      await run('umount', [disk]);
      await rm(disk, { recursive: true });
    }
  });
});
