/** Publishes over HTTP: each changes one tag, and counts when it is acknowledged. */
import type { PublishClient } from '@vidimus/trust-client';
import postgres from 'postgres';
import { median, type Row } from './measure.ts';
import type { Section } from './section.ts';
import { createRepository, type Service, tagBody } from './workshop.ts';

const rounds = 3;
const roundMs = 1_500;
const manyWriters = 16;
const repositoryOf = (writer: number): string => `registry.example.com/bench/publish-${writer}`;

export const publishSection: Section = {
  name: 'publish',
  title: 'publishes, acknowledged, over HTTP',
  async *run(workshop) {
    const service = await workshop.serve('postgres');
    await createRepositories(service);
    yield* onPostgres(service);
    const embedded = await workshop.serve('embedded');
    await createRepositories(embedded);
    yield* onEmbedded(embedded);
  },
};

async function* onPostgres({ publisher, databaseUrl = '' }: Service): AsyncGenerator<Row> {
  const commits = await openCommits(databaseUrl);
  try {
    yield row('PostgreSQL, bare commits, 1 connection', await medianRate(() => rate(1, commits.commit)));
    for (const [what, writers, target] of cases) {
      yield row(`PostgreSQL, ${what}`, await medianRate(() => publishRate(publisher, writers, target)));
    }
  } finally {
    await commits.close();
  }
}

async function* onEmbedded({ publisher }: Service): AsyncGenerator<Row> {
  for (const [what, writers, target] of cases) {
    yield row(`embedded, ${what}`, await medianRate(() => publishRate(publisher, writers, target)));
  }
}

const cases: readonly (readonly [string, number, (writer: number) => string])[] = [
  ['1 writer', 1, repositoryOf],
  [`${manyWriters} writers, a repository each`, manyWriters, repositoryOf],
  [`${manyWriters} writers, one repository`, manyWriters, () => repositoryOf(0)],
];

function row(what: string, perSecond: number): Row {
  return { what, value: `${Math.round(perSecond)}/s`, reach: 'for information', met: undefined };
}

async function createRepositories({ publisher }: Service): Promise<void> {
  for (let writer = 0; writer < manyWriters; writer += 1) {
    await createRepository(publisher, repositoryOf(writer));
  }
}

async function medianRate(measure: () => Promise<number>): Promise<number> {
  const rates: number[] = [];
  for (let round = 0; round < rounds; round += 1) rates.push(await measure());
  return median(rates);
}

function publishRate(
  publisher: PublishClient,
  writers: number,
  target: (writer: number) => string,
): Promise<number> {
  return rate(writers, async (writer, turn) => {
    const outcome = await publisher.signTag(target(writer), `tag-${writer}`, tagBody(turn));
    if (outcome.outcome !== 'done') throw new Error('a publish waits for signatures');
  });
}

let turns = 0;

/** Every turn of a writer is another number: no publish finds that there is nothing to do. */
async function rate(
  writers: number,
  work: (writer: number, turn: number) => Promise<unknown>,
): Promise<number> {
  const start = performance.now();
  let done = 0;
  const write = async (writer: number): Promise<void> => {
    while (performance.now() - start < roundMs) {
      turns += 1;
      await work(writer, turns);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
  return (done * 1_000) / (performance.now() - start);
}

/** What the disk allows: one row of a publish's size a transaction. */
async function openCommits(
  url: string,
): Promise<{ commit: () => Promise<unknown>; close: () => Promise<void> }> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  await sql`create table bench_commits (id bigint generated always as identity, bytes bytea not null)`;
  const bytes = Buffer.alloc(4_096, 'x');
  return {
    commit: () => sql`insert into bench_commits (bytes) values (${bytes})`,
    close: () => sql.end(),
  };
}
