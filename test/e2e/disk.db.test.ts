/** A data directory that cannot be written, and a disk that runs full: a clear refusal, and nothing lost. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { copyDataDirectory } from '../support/database-embedded.ts';
import { createServiceBed, lostPublishes, type ServiceBed } from '../support/service-bed.ts';
import { callService, codeOf, createManaged } from '../support/service-calls.ts';
import { startLoad } from '../support/service-load.ts';
import { refusedStart } from '../support/service-process.ts';

const repository = 'registry.example.com/team/app';
const nobody = 65_534;
const isRoot = process.getuid?.() === 0;
const leftBytes = 1_048_576;
const run = promisify(execFile);
/** As root (CI is) everything is writable: the program then runs as somebody else. */
const unprivileged = isRoot ? { uid: nobody } : {};

let bed: ServiceBed;
beforeEach(() => {
  bed = createServiceBed();
});
afterEach(() => bed.close());

describe('a data directory that cannot be written', () => {
  it.each(['data', 'data/missing'])('is exit 2 with its own code: %s', async (name) => {
    const parent = await bed.directory();
    const closed = join(parent, 'data');
    await mkdir(closed);
    await chmod(parent, 0o755);
    await chmod(closed, 0o555);
    const { exit, stdout } = await refusedStart({ data: join(parent, name), ...unprivileged });
    expect([exit, stdout]).toEqual([2, expect.stringContaining('"code":"DIRECTORY_UNWRITABLE"')]);
    expect(await readdir(closed)).toEqual([]);
  });
});

describe('a disk that is full', () => {
  it('at the first start is exit 5, and the next start completes what was begun', async () => {
    const data = join(await bed.directory(), 'fresh');
    const { exit, stdout } = await refusedStart({ data, fileBlocks: 64 });
    expect([exit, stdout]).toEqual([5, expect.stringMatching(/"code":"(DISK_FULL|ENGINE_FAILED)"/)]);
    const service = await bed.start({ data });
    await createManaged(service.url, repository);
    expect((await service.stop()).exit).toBe(0);
  });

  it.runIf(isRoot)(
    'under load refuses publishes with 503, serves what it has, and loses nothing',
    async () => {
      const template = await bed.directory();
      const disk = join(template, 'disk');
      const larger = join(template, 'larger');
      await mkdir(disk);
      await run('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', disk]);
      bed.afterwards(() => run('umount', [disk]));
      const data = join(disk, 'data');
      await copyDataDirectory(await bed.directory(), data);
      const service = await bed.start({ data });
      // Leaves less than a segment of the engine's log.
      await writeFile(join(disk, 'ballast'), new Uint8Array((await freeBytes(disk)) - leftBytes));
      await createManaged(service.url, repository);
      const witness = await bed.witness(repository);
      const load = startLoad({ repository, prefix: 'full', urls: [service.url, service.url] });
      await load.ended;
      expect(load.acknowledged.size).toBeGreaterThan(10);
      expect(load.refusals.map(({ what }) => what)).toEqual([
        '503 DATABASE_UNAVAILABLE',
        '503 DATABASE_UNAVAILABLE',
      ]);
      expect(load.refusals.filter(({ retryAfter }) => retryAfter === null)).toEqual([]);
      await witness.look(service.url);
      const again = await callService(service.url, 'DELETE', `/v2/${repository}/_trust/tags/full-0-1`);
      expect([again.status, codeOf(again)]).toEqual([503, 'DATABASE_UNAVAILABLE']);
      await service.stop();

      await copyDataDirectory(data, larger);
      const next = await bed.start({ data: larger });
      const seen = await witness.verify(next.url, 'first');
      expect(lostPublishes(load.acknowledged, seen)).toEqual([]);
      expect([seen.versions.snapshot, seen.versions.targets]).toEqual([
        seen.versions.timestamp,
        seen.versions.timestamp,
      ]);
    },
  );
});

async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}
