/**
 * The Notary wire against the server it replaces: reads and publishes, over TLS and plain, each pair measured in turns.
 * The peer is Debian's notary-server, in memory and on the same PostgreSQL; `--peer URL` names any other.
 */
import { spawnSync } from 'node:child_process';
import { startNotaryServer } from '../support/notary-clients/notary-server.ts';
import { createNotaryPostgres } from '../support/notary-tables.ts';
import { requestsPerSecond } from './load.ts';
import { interleaved, type Row } from './measure.ts';
import { BenchRepository, pathOf, type WireTarget, WireWriter } from './notary-writer.ts';
import type { Section } from './section.ts';
import type { Workshop } from './workshop.ts';

const rounds = 3;
const readSeconds = 1;
const connections = 32;
const publishMs = 1_500;
const manyWriters = 16;
/** More uploads than any server takes in one round. */
const uploadsPerRound = 4_000;
const repositoryOf = (name: string): string => `registry.example.com/bench/${name}`;

export const notaryWireSection: Section = {
  name: 'notary-wire',
  title: `the Notary v1 wire, reads with ${connections} connections, against notary-server`,
  async *run(workshop) {
    const peers = await startPeers(workshop);
    try {
      for (const peer of peers) yield* compareWith(workshop, peer);
    } finally {
      for (const peer of peers) await peer.close();
    }
    if (peers.length === 0) {
      yield { what: 'notary-server', value: 'not on PATH', reach: 'nothing measured', met: undefined };
    }
  },
};

/** What we are compared with, and which of our figures it bounds. */
interface Peer extends WireTarget {
  readonly name: string;
  readonly isPlain: boolean;
  /** Least ratio by read; absent: for information. */
  readonly reads: Readonly<Record<string, number>>;
  readonly publishes: Readonly<Record<number, number>>;
  close(): Promise<void>;
}

const everyRead = 1;
const memoryReads = { 'timestamp.json': everyRead, 'root.json': everyRead, 'targets.json': everyRead };
const memory = {
  ...memoryReads,
  'targets.SHA.json': everyRead,
  'a missing file': everyRead,
  'GET /v2/': everyRead,
};

async function startPeers(workshop: Workshop): Promise<readonly Peer[]> {
  if (workshop.peer !== undefined) {
    const isPlain = workshop.peer.startsWith('http:');
    const ca = workshop.peerCa;
    const peer: Peer = {
      name: workshop.peer,
      url: workshop.peer,
      ...(ca === undefined ? {} : { ca }),
      isPlain,
      reads: {},
      publishes: {},
      close: () => Promise.resolve(),
    };
    return [peer];
  }
  if (spawnSync('notary-server', ['-version']).error !== undefined) return [];
  const database = await createNotaryPostgres(await workshop.postgres());
  const storage = { backend: 'postgres', db_url: `${database.url}?sslmode=disable` };
  const overTls = await startNotaryServer();
  const plain = await startNotaryServer({ plain: true });
  const onPostgres = await startNotaryServer({ storage });
  return [
    { ...overTls, name: 'memory, TLS', isPlain: false, reads: memory, publishes: {} },
    { ...withoutCa(plain), name: 'memory, plain', isPlain: true, reads: {}, publishes: {} },
    {
      ...onPostgres,
      name: 'PostgreSQL, TLS',
      isPlain: false,
      reads: { 'timestamp.json': 20 },
      publishes: { 1: 3, [manyWriters]: 8 },
    },
  ];
}

function withoutCa({ url, close }: { readonly url: string; close(): Promise<void> }) {
  return { url, close };
}

async function* compareWith(workshop: Workshop, peer: Peer): AsyncGenerator<Row> {
  const service = await workshop.serve('postgres', { tls: !peer.isPlain, access: 'open' });
  const ours: WireTarget = {
    url: service.url,
    token: service.token,
    ...(service.ca === undefined ? {} : { ca: service.ca }),
  };
  const writers = {
    ours: new WireWriter(ours, manyWriters),
    peer: new WireWriter(peer, manyWriters),
  };
  try {
    yield* compareReads(peer, ours, writers);
    for (const count of [1, manyWriters]) yield await comparePublishes(peer, writers, count);
  } finally {
    writers.ours.close();
    writers.peer.close();
    await service.stop();
  }
}

interface Writers {
  readonly ours: WireWriter;
  readonly peer: WireWriter;
}

async function* compareReads(peer: Peer, ours: WireTarget, writers: Writers): AsyncGenerator<Row> {
  const name = repositoryOf('reads');
  const paths = await Promise.all(
    [writers.ours, writers.peer].map(async (writer) => {
      await new BenchRepository(name).create(writer);
      return await readPaths(name, writer);
    }),
  );
  const [own = new Map<string, string>(), others = new Map<string, string>()] = paths;
  for (const [what, path] of own) {
    const measure = (target: WireTarget, of: string) => (): Promise<number> =>
      requestsPerSecond({
        url: `${target.url}${of}`,
        seconds: readSeconds,
        connections,
        // We ask for a login there, so that old clients offer theirs.
        isRefused: what === 'a missing file' || what === 'GET /v2/',
      });
    const their = others.get(what) ?? path;
    const figures = await interleaved(rounds, measure(ours, path), measure(peer, their));
    yield toRow(`${what}: ${peer.name}`, figures, peer.reads[what]);
  }
}

/** The reads that clients make, by name. */
async function readPaths(name: string, writer: WireWriter): Promise<ReadonlyMap<string, string>> {
  const snapshot = JSON.parse(await writer.get(pathOf(name, 'snapshot.json')));
  const sha256 = Buffer.from(snapshot.signed.meta.targets.hashes.sha256, 'base64').toString('hex');
  return new Map([
    ['timestamp.json', pathOf(name, 'timestamp.json')],
    ['root.json', pathOf(name, 'root.json')],
    ['targets.json', pathOf(name, 'targets.json')],
    ['targets.SHA.json', pathOf(name, `targets.${sha256}.json`)],
    ['a missing file', pathOf(name, 'targets/missing.json')],
    ['GET /v2/', '/v2/'],
  ]);
}

let repositories = 0;

async function comparePublishes(peer: Peer, writers: Writers, count: number): Promise<Row> {
  const prepare = async (writer: WireWriter): Promise<readonly BenchRepository[]> => {
    const made: BenchRepository[] = [];
    for (let index = 0; index < count; index += 1) {
      repositories += 1;
      const repository = new BenchRepository(repositoryOf(`publish-${repositories}`));
      await repository.create(writer);
      made.push(repository);
    }
    return made;
  };
  const own = await prepare(writers.ours);
  const others = await prepare(writers.peer);
  const figures = await interleaved(
    rounds,
    () => publishRate(writers.ours, own),
    () => publishRate(writers.peer, others),
  );
  const what = count === 1 ? 'publish, 1 writer' : `publish, ${count} writers, a repository each`;
  return toRow(`${what}: ${peer.name}`, figures, peer.publishes[count]);
}

/** Uploads are signed before the clock starts; what was not used is dropped with its repository's versions. */
async function publishRate(writer: WireWriter, repositoriesOf: readonly BenchRepository[]): Promise<number> {
  const each = Math.ceil(uploadsPerRound / repositoriesOf.length);
  const queues = repositoriesOf.map((repository) => ({
    repository,
    uploads: Array.from({ length: each }, () => repository.nextUpload()),
  }));
  const start = performance.now();
  let done = 0;
  const publish = async ({ repository, uploads }: (typeof queues)[number]): Promise<void> => {
    for (const [index, upload] of uploads.entries()) {
      if (performance.now() - start >= publishMs) {
        repository.forget(uploads.length - index);
        return;
      }
      await writer.upload(repository.name, upload);
      done += 1;
    }
  };
  await Promise.all(queues.map(publish));
  return (done * 1_000) / (performance.now() - start);
}

function toRow(
  what: string,
  { ours, peers, ratio }: { readonly ours: number; readonly peers: number; readonly ratio: number },
  least: number | undefined,
): Row {
  return {
    what,
    value: `${ratio.toFixed(2)} (${Math.round(ours)} : ${Math.round(peers)}/s)`,
    reach: least === undefined ? 'for information' : `>= ${least}`,
    met: least === undefined ? undefined : ratio >= least,
  };
}
