/** `kill -9` of the service while several publishers sign tags: what was acknowledged is there, and whole. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { copyDataDirectory } from '../support/database-embedded.ts';
import { createServiceBed, lostPublishes, type ServiceBed } from '../support/service-bed.ts';
import { createManaged } from '../support/service-calls.ts';
import { startLoad } from '../support/service-load.ts';
import { type ServiceOptions, spawnService } from '../support/service-process.ts';
import type { Seen } from '../support/service-witness.ts';

const repository = 'registry.example.com/team/app';
const kills = 20;
const publishers = 4;
/** How many publishes are acknowledged before the kill, and how much later it comes. */
const moments = fc.sample(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 0, max: 25 })), {
  numRuns: kills,
  seed: 41,
});
/** After every fifth of them, the next start is killed as well, this long after its beginning. */
const startsKilledAfterMs = [600, 1_100, 1_500, 1_900];

let bed: ServiceBed;
beforeEach(() => {
  bed = createServiceBed();
});
afterEach(() => bed.close());

async function killWhileStarting(options: ServiceOptions, afterMs: number): Promise<void> {
  const { child, ended } = spawnService(options);
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  child.kill('SIGKILL');
  await ended;
}

/** One publish moves each of these by one, so they stay together: a gap or a mixed state would part them. */
function assertTogether({ versions }: Seen): void {
  expect([versions.snapshot, versions.targets]).toEqual([versions.timestamp, versions.timestamp]);
}

async function killAgainAndAgain(options: ServiceOptions): Promise<void> {
  const witness = await bed.witness(repository);
  const acknowledged = new Map<string, string>();
  let service = await bed.start(options);
  await createManaged(service.url, repository);
  let versions = 0;
  for (const [round, [publishes, pauseMs]] of moments.entries()) {
    const { url } = service;
    await new Promise<void>((resolve) => {
      const load = startLoad({
        repository,
        prefix: `r${round}`,
        urls: new Array<string>(publishers).fill(url),
        onAcknowledged: (count) => {
          // The files of the very publishes that are cut off are read while they come into being.
          void witness.look(url).catch(assertBroken);
          if (count === publishes)
            setTimeout(
              () =>
                void service
                  .kill()
                  .then(() => load.ended)
                  .then(end),
              pauseMs,
            );
        },
      });
      const end = (): void => {
        for (const [tag, digest] of load.acknowledged) acknowledged.set(tag, digest);
        resolve();
      };
    });
    if (round % 5 === 4) await killWhileStarting(options, startsKilledAfterMs[(round - 4) / 5] ?? 0);
    service = await bed.start(options);
    const seen = await witness.verify(service.url);
    expect(lostPublishes(acknowledged, seen)).toEqual([]);
    assertTogether(seen);
    expect(seen.versions.targets).toBeGreaterThan(versions);
    versions = seen.versions.targets;
  }
  await witness.verify(service.url, 'first');
  expect(acknowledged.size).toBeGreaterThan(10 * kills);
  expect((await service.stop()).exit).toBe(0);
}

/** A connection that ended with the process is what is tested; a file with two contents is not. */
function assertBroken(error: unknown): void {
  if (error instanceof Error && error.message.includes('two contents')) throw error;
}

describe(`a publish loop that is killed ${kills} times`, () => {
  it('on PostgreSQL loses no acknowledged publish, reuses no version, leaves no mixed state', async () => {
    await killAgainAndAgain((await bed.postgres()).options);
  });

  it('on the embedded database loses no acknowledged publish, reuses no version, leaves no mixed state', async () => {
    await killAgainAndAgain({ data: await bed.directory() });
  });
});

describe('the embedded database', () => {
  it('is made whole from the journal when db/ is replaced by an older copy', async () => {
    const directory = await bed.directory();
    const options = { data: directory };
    const witness = await bed.witness(repository);
    const copies = await bed.directory();

    const first = await bed.start(options);
    await createManaged(first.url, repository);
    const before = await publish(first.url, 'before', 5);
    await first.stop();
    await copyDataDirectory(join(directory, 'db'), join(copies, 'older'));

    const second = await bed.start(options);
    const after = await publish(second.url, 'after', 40);
    const told = await witness.verify(second.url);
    await second.kill();
    await rm(join(directory, 'db'), { recursive: true });
    await copyDataDirectory(join(copies, 'older'), join(directory, 'db'));

    const third = await bed.start(options);
    const seen = await witness.verify(third.url, 'first');
    expect(seen).toEqual(told);
    expect(lostPublishes(new Map([...before, ...after]), seen)).toEqual([]);
    const more = await publish(third.url, 'more', 3);
    expect(lostPublishes(more, await witness.verify(third.url))).toEqual([]);
    await third.stop();
  });
});

/** At least `count` publishes, two at a time. */
async function publish(url: string, prefix: string, count: number): Promise<ReadonlyMap<string, string>> {
  const load = startLoad({
    repository,
    prefix,
    urls: [url, url],
    onAcknowledged: (sofar) => {
      if (sofar >= count) void load.stop();
    },
  });
  await load.ended;
  expect(load.refusals).toEqual([]);
  return load.acknowledged;
}
