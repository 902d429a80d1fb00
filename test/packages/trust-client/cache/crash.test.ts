import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Hex } from '@vidimus/crypto';
import { createClientCache, createTrustClient, realDisk } from '@vidimus/trust-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { crashingDisk, Died } from '../../../support/trust-crashing-disk.ts';
import { makeTestBed, refusalOf, type TestBed } from '../../../support/trust-test-bed.ts';
import { ed25519Key } from '../../../support/tuf-keys.ts';
import { REPOSITORY } from '../../../support/tuf-simulator.ts';

let bed: TestBed;

beforeEach(async () => {
  bed = await makeTestBed();
});
afterEach(async () => {
  await bed.close();
});

/** A next root that rotates the timestamp key, and new files of every role. */
function moveOn(): void {
  bed.simulator.setRole('timestamp', [ed25519Key(`timestamp ${bed.simulator.version('root')}`)]);
  bed.simulator.next('root');
  bed.simulator.publishAll();
}

async function refreshAndDie(survives: number): Promise<number> {
  const dying = crashingDisk(survives, () => {
    throw new Died('died');
  });
  const root = bed.simulator.files.get('1.root.json') ?? new Uint8Array();
  const client = createTrustClient({
    cache: createClientCache(bed.cache.directory, dying.disk),
    now: () => bed.simulator.now,
    settingsFor: () => ({ server: bed.server.url, anchor: { kind: 'root', bytes: root } }),
  });
  const outcome = await client
    .open(REPOSITORY)
    .refresh()
    .then(
      () => 'held',
      (error: unknown) => error,
    );
  client.close();
  if (outcome !== 'held' && !(outcome instanceof Died)) throw outcome;
  return dying.operations();
}

/** No process holds a lock of a client that "died" in this very process: its mark names a live process id. */
async function forgetLock(): Promise<void> {
  const lock = join(bed.cache.directory, sha256Hex(Buffer.from(REPOSITORY)), 'lock');
  await realDisk.unlink(lock).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  });
}

describe('a crash between any two writes', () => {
  it('of the first refresh leaves a cache that the next refresh uses', async () => {
    const all = await refreshAndDie(Number.POSITIVE_INFINITY);
    expect(all).toBeGreaterThan(20);
    for (let survives = 0; survives <= all; survives += 1) {
      await bed.close();
      bed = await makeTestBed();
      await refreshAndDie(survives);
      await forgetLock();
      expect((await bed.start().refresh()).versions).toEqual({
        root: 1,
        timestamp: 1,
        snapshot: 1,
        targets: 1,
      });
      expect(bed.warnings, `after ${survives} writes`).toEqual([]);
    }
  });

  it('of a rotation loses nothing that was trusted, and no rollback gets in', async () => {
    for (let survives = 0; ; survives += 2) {
      await bed.close();
      bed = await makeTestBed();
      bed.simulator.publishAll();
      await bed.start().refresh();
      const old = new Map(bed.simulator.files);
      moveOn();
      const done = await refreshAndDie(survives);
      await forgetLock();
      // Offline the cache is whole at every step, or says that it is not: it never judges on a mixture.
      expect((await bed.start().refresh()).versions).toEqual({
        root: 2,
        timestamp: 3,
        snapshot: 3,
        targets: 3,
      });
      for (const [name, bytes] of old) bed.simulator.files.set(name, bytes);
      expect(['THRESHOLD', 'ROLLBACK']).toContain(await refusalOf(bed.start().refresh()));
      if (done <= survives) break;
    }
  }, 60_000);
});

describe('processes', () => {
  const script = new URL('../../../support/trust-refresh-process.ts', import.meta.url).pathname;
  const loader = new URL('../../../../node_modules/tsx/dist/loader.mjs', import.meta.url).href;

  function start(survives?: number): ChildProcess {
    const root = Buffer.from(bed.simulator.files.get('1.root.json') ?? []).toString('base64');
    const { now } = bed.simulator;
    const job = {
      server: bed.server.url,
      repository: REPOSITORY,
      cache: bed.cache.directory,
      root,
      now,
      survives,
    };
    return spawn(process.execPath, ['--conditions=source', '--import', loader, script, JSON.stringify(job)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }

  async function endOf(child: ChildProcess): Promise<{ signal: string | null; output: string }> {
    const chunks: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
    const [, signal] = await once(child, 'close');
    return { signal, output: Buffer.concat(chunks).toString() };
  }

  it.each([1, 9, 17, 25, 31])('killed at write %s leaves a usable cache', async (survives) => {
    expect((await endOf(start(survives))).signal).toBe('SIGKILL');
    expect((await bed.start().refresh()).versions.timestamp).toBe(1);
    const directory = join(bed.cache.directory, sha256Hex(Buffer.from(REPOSITORY)));
    expect(await readdir(directory)).not.toContain('lock');
  });

  it('at the same time all succeed, and the newest stays', async () => {
    bed.simulator.publishAll();
    const children = [start(), start(), start()];
    bed.simulator.publishAll();
    const ends = await Promise.all(children.map(endOf));
    expect(ends.map((end) => end.output)).toEqual(Array(3).fill(JSON.stringify(versions(3))));
    expect((await bed.start().refresh()).versions).toEqual(versions(3));
  });

  it('in one process, interleaved: an older answer never covers a newer one', async () => {
    const timestamps = [bed.simulator.bytes('timestamp')];
    for (let version = 2; version <= 6; version += 1) {
      bed.simulator.publishAll();
      timestamps.push(bed.simulator.bytes('timestamp'));
    }
    // Each client is told another truth: what was the newest at some time.
    let turn = 0;
    bed.server.answer = (request, response) => {
      const name = decodeURIComponent(request.url?.split('/').at(-1) ?? '');
      const told = timestamps[turn++ % timestamps.length];
      const bytes = name === 'timestamp.json' ? told : bed.simulator.files.get(name);
      response.statusCode = bytes === undefined ? 404 : 200;
      response.end(bytes);
    };
    const clients = Array.from({ length: 12 }, () => bed.start());
    const told = await Promise.all(
      clients.map((client) =>
        client.refresh().then(
          (facts) => facts.versions.timestamp,
          () => 0,
        ),
      ),
    );
    const kept = await bed.cache
      .open(REPOSITORY)
      .then(({ metadata }) => metadata.begin().load({ role: 'timestamp' }));
    const newest = JSON.parse(Buffer.from(kept ?? []).toString()).signed.version;
    expect(newest).toBe(Math.max(...told));
  });

  const versions = (version: number) => ({
    root: 1,
    timestamp: version,
    snapshot: version,
    targets: version,
  });
});
