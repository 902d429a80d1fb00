/** Large repositories: many tags in one publish, one tag among many, and a client that comes with an empty cache. */
import { join } from 'node:path';
import { createClientCache, createTrustClient, type PublishClient } from '@vidimus/trust-client';
import { readFirstRoot } from './first-root.ts';
import { median, millisecondsOf, type Row } from './measure.ts';
import type { Section } from './section.ts';
import { createRepository, type Service, tagBody, type Workshop } from './workshop.ts';

const repository = 'registry.example.com/bench/large';
const perBatch = 10_000;
const oneTagRuns = 9;
const coldRuns = 7;

export const largeSection: Section = {
  name: 'large',
  title: 'large repositories, on PostgreSQL, over HTTP',
  async *run(workshop) {
    const service = await workshop.serve('postgres');
    yield await batchOfThousand(service.publisher);
    await createRepository(service.publisher, repository);
    await fill(service.publisher, 0, 50_000);
    yield* oneAmongMany(service.publisher);
    await fill(service.publisher, 50_000, 100_000);
    yield await coldLookUp(workshop, service);
  },
};

async function batchOfThousand(publisher: PublishClient): Promise<Row> {
  const times: number[] = [];
  for (const name of ['one', 'two', 'three']) {
    const batched = `registry.example.com/bench/batch-${name}`;
    await createRepository(publisher, batched);
    times.push(await millisecondsOf(() => publisher.editTags(batched, { sign: tags(0, 1_000) })));
  }
  return row('1,000 tags in one publish', median(times), 1_000);
}

async function* oneAmongMany(publisher: PublishClient): AsyncGenerator<Row> {
  const times: number[] = [];
  for (let run = 0; run < oneTagRuns; run += 1) {
    times.push(await millisecondsOf(() => publisher.signTag(repository, `one-${run}`, tagBody(run))));
  }
  yield row('one tag added to 50,000', median(times), 250);
}

/** A new process with an empty cache each time, as far as the client can tell. */
async function coldLookUp(workshop: Workshop, service: Service): Promise<Row> {
  const bytes = await readFirstRoot(service.url, repository);
  const directory = await workshop.makeDirectory();
  const times: number[] = [];
  for (let run = 0; run < coldRuns; run += 1) {
    const client = createTrustClient({
      cache: createClientCache(join(directory, String(run))),
      settingsFor: () => ({ server: service.url, anchor: { kind: 'root', bytes } }),
      now: Date.now,
    });
    const tag = `v${run * 7_919}`;
    times.push(
      await millisecondsOf(async () => {
        const trust = client.open(repository);
        await trust.refresh();
        if ((await trust.lookUp(tag)) === undefined) throw new Error(`${tag} was not found`);
      }),
    );
    client.close();
  }
  return row('cold refresh and look-up among 100,000', median(times), 100);
}

async function fill(publisher: PublishClient, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += perBatch) {
    await publisher.editTags(repository, { sign: tags(at, Math.min(at + perBatch, to)) });
  }
}

function tags(from: number, to: number) {
  return Array.from({ length: to - from }, (_, i) => ({ tag: `v${from + i}`, ...tagBody(from + i) }));
}

function row(what: string, ms: number, reachMs: number): Row {
  return { what, value: `${ms.toFixed(1)} ms`, reach: `< ${reachMs} ms`, met: ms < reachMs };
}
