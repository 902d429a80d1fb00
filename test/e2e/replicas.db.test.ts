/** Two services on one PostgreSQL: one truth, whoever is asked, also when one of them is killed. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createServiceBed, lostPublishes, type ServiceBed } from '../support/service-bed.ts';
import { callService, codeOf, createManaged, digestOf, putTag } from '../support/service-calls.ts';
import { startLoad } from '../support/service-load.ts';
import type { ServiceOptions, ServiceProcess } from '../support/service-process.ts';
import type { Seen } from '../support/service-witness.ts';

const repository = 'registry.example.com/team/app';
/** DESIGN section 8: no replica lags longer. */
const maxLagMs = 1_000;
/** Longer than one round of the background work, twice, and short enough to wait for. */
const timestampSeconds = 6;

let bed: ServiceBed;
beforeEach(() => {
  bed = createServiceBed();
});
afterEach(() => bed.close());

async function startTwo(options: ServiceOptions): Promise<readonly [ServiceProcess, ServiceProcess]> {
  return await Promise.all([bed.start(options), bed.start({ ...options, data: await bed.directory() })]);
}

function assertTogether({ versions }: Seen): void {
  expect([versions.snapshot, versions.targets]).toEqual([versions.timestamp, versions.timestamp]);
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function timestampOf(url: string): Promise<{ version: number; expires: number; issued: string }> {
  const { body } = await callService(url, 'GET', `/v2/${repository}/_trust/metadata/timestamp.json`);
  const signed: unknown = Reflect.get(Object(body), 'signed');
  const read = (name: string): unknown => Reflect.get(Object(signed), name);
  return {
    version: Number(read('version')),
    expires: Date.parse(String(read('expires'))),
    issued: String(read('x-vidimus-issued')),
  };
}

describe('two services on one PostgreSQL', () => {
  it('publish every edit of one repository, without gap or twin, and both serve the newest', async () => {
    const { options } = await bed.postgres();
    const [one, two] = await startTwo(options);
    await createManaged(one.url, repository);
    const witness = await bed.witness(repository);
    const looks: Promise<void>[] = [];
    const load = startLoad({
      repository,
      prefix: 'both',
      urls: [one.url, two.url, one.url, two.url, one.url, two.url],
      onAcknowledged: (count) => {
        looks.push(witness.look(count % 2 === 0 ? one.url : two.url));
        if (count >= 300) void load.stop();
      },
    });
    await load.ended;
    await Promise.all(looks);
    expect(load.refusals).toEqual([]);
    await pause(maxLagMs);
    const seen = [await witness.verify(one.url, 'first'), await witness.verify(two.url, 'first')] as const;
    expect(seen[0]).toEqual(seen[1]);
    assertTogether(seen[0]);
    expect(lostPublishes(load.acknowledged, seen[0])).toEqual([]);
  });

  it('show an edit made over the other one within a second', async () => {
    const { options } = await bed.postgres();
    const [one, two] = await startTwo(options);
    await createManaged(one.url, repository);
    for (let round = 0; round < 5; round += 1) {
      const before = await timestampOf(two.url);
      const answer = await putTag(one.url, repository, `t${round}`);
      expect(answer.status).toBe(200);
      const acknowledgedMs = Date.now();
      while ((await timestampOf(two.url)).version === before.version) await pause(10);
      expect(Date.now() - acknowledgedMs).toBeLessThan(maxLagMs + 250);
    }
  });

  it('refuse an edit whose If-Match names a version that is no more', async () => {
    const { options } = await bed.postgres();
    const [one, two] = await startTwo(options);
    await createManaged(one.url, repository);
    await putTag(one.url, repository, 'a');
    const stale = { 'if-match': '"targets:1"' };
    const refused = await putTag(two.url, repository, 'b', { headers: stale });
    expect([refused.status, codeOf(refused)]).toEqual([409, 'VERSION_CONFLICT']);
    const current = { 'if-match': '"targets:2"' };
    const racing = await Promise.all(
      [one, two, one, two].map(({ url }, index) =>
        putTag(url, repository, `r${index}`, { headers: current }),
      ),
    );
    expect(racing.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409]);
    const seen = await (await bed.witness(repository)).verify(one.url, 'first');
    expect(seen.versions.targets).toBe(3);
    expect([...seen.tags.keys()].filter((tag) => tag === 'b')).toEqual([]);
  });

  it('go on when one of them is killed under load', async () => {
    const { options } = await bed.postgres();
    const [one, two] = await startTwo(options);
    await createManaged(one.url, repository);
    const witness = await bed.witness(repository);
    let atKill = 0;
    let lastMs = Date.now();
    let longestGapMs = 0;
    const load = startLoad({
      repository,
      prefix: 'kill',
      urls: [one.url, two.url, one.url, two.url],
      onAcknowledged: (count) => {
        longestGapMs = Math.max(longestGapMs, Date.now() - lastMs);
        lastMs = Date.now();
        if (count === 60) void one.kill().then(() => (atKill = load.acknowledged.size));
        if (atKill > 0 && count >= atKill + 60) void load.stop();
      },
    });
    await load.ended;
    // The killed one broke two connections; the other one refused nothing.
    expect(load.refusals.map(({ url, what }) => [url, what])).toEqual([
      [one.url, 'broken'],
      [one.url, 'broken'],
    ]);
    expect(longestGapMs).toBeLessThan(5_000);
    const seen = await witness.verify(two.url, 'first');
    assertTogether(seen);
    expect(lostPublishes(load.acknowledged, seen)).toEqual([]);
  });
});

describe('freshness', () => {
  it('is kept by whichever service comes first: no version twice, none left to expire', async () => {
    const { options } = await bed.postgres();
    const [one, two] = await startTwo(options);
    await createManaged(one.url, repository, { timestamp: `${timestampSeconds}s` });
    const witness = await bed.witness(repository);
    const issued = new Map<number, string>();
    for (const end = Date.now() + 3 * timestampSeconds * 1_000; Date.now() < end; await pause(150)) {
      for (const { url } of [one, two]) {
        await witness.look(url);
        const { version, expires, issued: at } = await timestampOf(url);
        expect(expires).toBeGreaterThan(Date.now());
        issued.set(version, at);
      }
    }
    const { versions } = await witness.verify(one.url, 'first');
    const numbers = [...issued.keys()].sort((a, b) => a - b);
    // From 1 up without a gap, and no two of one second: both services meet the same due file in the same rounds, so
    // two that renewed without regard for each other would make pairs.
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
    expect(numbers.length).toBeGreaterThanOrEqual(4);
    expect(new Set(issued.values()).size).toBe(numbers.length);
    expect(versions).toMatchObject({ snapshot: 1, targets: 1 });
  });

  it('comes before readiness after a stop that was longer than the lifetime', async () => {
    const { options } = await bed.postgres();
    const first = await bed.start(options);
    await createManaged(first.url, repository, { timestamp: '4s' });
    await putTag(first.url, repository, 'v1');
    await first.stop();
    await pause(5_000);
    const startedMs = Date.now();
    const second = await bed.start(options);
    const answer = await callService(second.url, 'GET', '/readyz');
    const { issued } = await timestampOf(second.url);
    expect(answer.status).toBe(200);
    expect(Date.parse(issued)).toBeGreaterThan(startedMs - 1_000);
    const seen = await (await bed.witness(repository)).verify(second.url, 'first');
    expect(seen.tags).toEqual(new Map([['v1', digestOf('v1')]]));
  });
});
