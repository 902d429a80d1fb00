/**
 * Trust data taken away from a real `notary-server`, with keys that the real clients made: live, and with that
 * server stopped, to services of ours. The same clients go on with what they had cached, and new ones join.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Migrant, openMigrant } from '../cli/migrating-world.ts';
import { createDockerCli } from '../support/notary-clients/docker-cli.ts';
import { createNotaryCli, type NotaryCli, PASSPHRASE } from '../support/notary-clients/notary-cli.ts';
import { type NotaryServer, startNotaryServer } from '../support/notary-clients/notary-server.ts';
import { wireVersion } from '../support/notary-clients/read-wire.ts';
import {
  type DatabaseKind,
  startTrustServer,
  type TrustServerForTest,
} from '../support/notary-clients/trust-server.ts';
import { ADMIN_TOKEN } from '../support/service-process.ts';
import {
  addSigner,
  copyTrust,
  createPeople,
  docked,
  five,
  four,
  live,
  nightly,
  one,
  type People,
  plain,
  publish,
  signThere,
  three,
  two,
  web,
} from './migrate-dct-people.ts';

let peer: NotaryServer;
let embedded: TrustServerForTest;
let postgres: TrustServerForTest;
let before: People;
let machine: Migrant;
let saved: string;
const closing: (() => unknown)[] = [];

beforeAll(async () => {
  const start = async (kind: DatabaseKind): Promise<TrustServerForTest> => {
    const service = await startTrustServer(kind);
    closing.push(service.close);
    return service;
  };
  const starting = Promise.all([start('embedded'), start('postgres')]);
  starting.catch(() => undefined);
  machine = await openMigrant(Date.now);
  closing.push(machine.close);
  peer = await startNotaryServer();
  closing.push(() => peer.close());
  before = createPeople(peer);
  closing.push(before.close);
  await signThere(before);
  saved = join(machine.home, 'dct');
  [embedded, postgres] = await starting;
});
afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

/** Somebody with a machine that was never used before. */
function stranger({ url, ca }: TrustServerForTest): NotaryCli {
  const client = createNotaryCli({ server: url, ca });
  closing.push(client.close);
  return client;
}

const report = z.object({
  repository: z.string(),
  state: z.string(),
  roots: z.object({ from: z.int(), to: z.int() }),
  roles: z.array(z.object({ role: z.string(), keys: z.array(z.object({ file: z.string().optional() })) })),
  tags: z.array(z.object({ tag: z.string(), digest: z.string(), role: z.string() })),
  signers: z.array(z.string()),
  problems: z.array(z.unknown()),
  moved: z.looseObject({ state: z.string(), root: z.int() }).optional(),
  notMoved: z.object({ code: z.string() }).optional(),
});

/** The exit and the reports by repository. */
async function run(words: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const all = ['migrate', 'dct', ...words, '--trust-dir', before.owner.trustDirectory, '--json'];
  const { exit, stdout, stderr } = await machine.run(all, { environment });
  expect(stderr).toBe('');
  const { repositories } = z.object({ repositories: z.array(report) }).parse(JSON.parse(stdout));
  return { exit, stock: new Map(repositories.map((entry) => [entry.repository, entry])) };
}

async function read(...words: readonly string[]) {
  const { exit, stock } = await run(words);
  expect(exit).toBe(0);
  return stock;
}

/** To a service of ours, by its administrator, who has the root key. */
async function move(service: TrustServerForTest, ...words: readonly string[]) {
  const environment = { VIDIMUS_TOKEN: ADMIN_TOKEN, NOTARY_ROOT_PASSPHRASE: PASSPHRASE };
  const { exit, stock } = await run([...words, '--to', service.url], {
    ...environment,
    VIDIMUS_CONFIG: configFor(service),
  });
  expect(exit, JSON.stringify([...stock.values()])).toBe(0);
  return stock;
}

/** A service with an authority of its own is trusted where the configuration says so. */
function configFor({ url, caFile }: TrustServerForTest): string {
  const entry = { match: 'registry.example.com/**', trustServer: url, ca: caFile };
  return write(`${new URL(url).port}.yaml`, JSON.stringify({ version: 1, repositories: [entry] }));
}

function write(name: string, content: string): string {
  const file = join(machine.home, name);
  writeFileSync(file, content);
  return file;
}

function fromPeer(name: string, ...repositories: readonly string[]): readonly string[] {
  const list = write(name, `# what we sign\n${repositories.join('\n')}\n`);
  return ['--from', peer.url, '--from-ca', write('peer-ca.crt', peer.ca), '--repositories', list];
}

/** Roles all of whose keys are here. */
function held(entry: z.infer<typeof report> | undefined): readonly string[] {
  return (entry?.roles ?? [])
    .filter(({ keys }) => keys.length > 0 && keys.every(({ file }) => file !== undefined))
    .map(({ role }) => role);
}

function row(target: string, sha256 = '', role = 'targets') {
  return { target, sha256, role };
}

describe('a notary-server that is still there', () => {
  it('is read, verified and saved, and the keys of its clients are found', async () => {
    const words = [...fromPeer('saved.txt', web, plain, docked), '--save', saved];
    const stock = await read(...words);
    expect(stock.get(web)).toMatchObject({
      state: 'saved',
      roots: { from: 1, to: 3 },
      tags: [
        { tag: '1.0', digest: `sha256:${one}`, role: 'targets' },
        { tag: '2.0', digest: `sha256:${two}`, role: 'targets/releases' },
      ],
      signers: ['targets/qa', nightly],
      problems: [],
    });
    expect(held(stock.get(web))).toEqual(['root', 'targets']);
    expect(stock.get(plain)).toMatchObject({ state: 'saved', roots: { from: 1, to: 1 }, problems: [] });
    expect(held(stock.get(plain))).toEqual(['root', 'targets', 'snapshot']);
    expect(stock.get(docked)).toMatchObject({ state: 'saved', signers: ['targets/dora'], problems: [] });
    expect([...(await read(...words)).values()].map(({ state }) => state)).toEqual(
      Array(3).fill('unchanged'),
    );
  });

  it('is left in one step, right above what it signed last', async () => {
    const timestamp = await wireVersion(peer, live, 'timestamp');
    const stock = await move(embedded, ...fromPeer('live.txt', live));
    expect(stock.get(live)?.moved).toMatchObject({ state: 'moved', root: 2, leftBehind: [] });
    expect(await wireVersion(embedded, live, 'timestamp')).toBe(timestamp + 1);
    const warm = stranger(embedded);
    copyTrust(before.reader, warm);
    for (const client of [warm, stranger(embedded)]) {
      expect(await client.list(live)).toEqual([row('1.0', one, 'targets/dora')]);
    }
  });

  it('is the same from what was saved after it ended', async () => {
    // Not saved any more, but seen.
    await publish(before.owner, plain, '1.1', two);
    await publish(before.owner, plain, '1.2', three);
    expect(await before.late.list(plain)).toHaveLength(3);
    await peer.close();
    const stock = await read('--from', saved);
    expect(stock.get(web)).toMatchObject({ state: 'read', roots: { from: 1, to: 3 }, problems: [] });
    expect([...stock].map(([repository, { tags }]) => [repository, tags.map(({ tag }) => tag)])).toEqual([
      [docked, ['1.0']],
      [plain, ['1.0']],
      [web, ['1.0', '2.0']],
    ]);
  });
});

describe.each([
  ['embedded', () => embedded],
  ['postgres', () => postgres],
] as const)('what was saved, on a service of ours (%s)', (_, given) => {
  let service: TrustServerForTest;
  let now: People;
  beforeAll(() => {
    service = given();
    now = createPeople(service, before);
    closing.push(now.close);
  });

  it('is published by nobody without a token', async () => {
    const { exit, stock } = await run(['--from', saved, '--to', service.url], {
      VIDIMUS_CONFIG: configFor(service),
      NOTARY_ROOT_PASSPHRASE: PASSPHRASE,
    });
    expect(exit).toBe(3);
    expect([...stock.values()].map(({ notMoved }) => notMoved?.code)).toEqual(Array(3).fill('UNAUTHORIZED'));
    expect(await wireVersion(service, web, 'root')).toBe(0);
  });

  it('is published with the root keys', async () => {
    const stock = await move(service, '--from', saved);
    expect(stock.get(web)?.moved).toMatchObject({
      state: 'moved',
      root: 4,
      carried: [{ role: 'targets' }, { role: 'targets/releases' }, { role: nightly }],
      leftBehind: [],
      tags: [{ tag: '1.0' }, { tag: '2.0' }],
    });
    expect(stock.get(plain)?.moved).toMatchObject({ state: 'moved', root: 2, leftBehind: [] });
    expect(stock.get(docked)?.moved).toMatchObject({
      state: 'moved',
      root: 2,
      carried: [{ role: 'targets' }, { role: 'targets/dora' }, { role: 'targets/releases' }],
      leftBehind: [],
    });
  });

  it('is followed with a warm cache, and believed by who knows nothing yet', async () => {
    const rows = [row('1.0', one), row('2.0', two, 'targets/releases'), row('night', four, nightly)];
    for (const client of [now.reader, stranger(service)]) {
      expect(await client.list(web)).toEqual(rows);
      expect(await client.list(plain)).toEqual([row('1.0', one)]);
      expect(await client.list(docked)).toEqual([row('1.0', one, 'targets/dora')]);
    }
    // What was not saved is lost, but who saw it goes on.
    expect(await now.late.list(plain)).toEqual([row('1.0', one)]);
  });

  it('goes on with the keys of its owner and of its delegates', async () => {
    await publish(now.owner, web, '3.0', three);
    await publish(now.alice, web, '2.1', four, ['targets/releases']);
    await publish(now.bob, web, 'night', five, [nightly]);
    await publish(now.bob, web, 'qa', five, ['targets/qa']);
    expect(await now.reader.list(web)).toEqual([
      row('1.0', one),
      row('2.0', two, 'targets/releases'),
      row('2.1', four, 'targets/releases'),
      row('3.0', three),
      row('night', five, nightly),
      row('qa', five, 'targets/qa'),
    ]);
    await publish(now.owner, plain, '2.0', two);
    expect(await now.reader.list(plain)).toEqual([row('1.0', one), row('2.0', two)]);
  });

  it('is followed from the very first root, also when keys were rotated since', async () => {
    for (const rotation of [['timestamp', '-r'], ['snapshot', '-r'], ['root'], ['targets']]) {
      await now.owner.done('key', 'rotate', web, ...rotation);
    }
    const version = await wireVersion(service, web, 'root');
    expect(version).toBeGreaterThan(4);
    for (const client of [now.sleeper, now.reader, stranger(service)]) {
      expect(await client.list(web)).toHaveLength(6);
    }
    const again = await move(service, '--from', saved);
    expect([...again.values()].map(({ moved }) => moved?.state)).toEqual(Array(3).fill('present'));
    expect(again.get(web)?.moved?.root).toBe(version);
  });

  it('is read and edited by docker, with the cache of the other server and without', async () => {
    const fresh = createDockerCli({ server: service.url, ca: service.ca });
    const warm = createDockerCli({ server: service.url, ca: service.ca });
    closing.push(fresh.close, warm.close);
    copyTrust(before.reader, { trustDirectory: join(warm.configDirectory, 'trust') });
    const everybody = async (repository: string, expected: object) => {
      for (const docker of [fresh, warm, now.docker]) {
        const [shown] = JSON.parse(await docker.done('trust', 'inspect', repository));
        expect(shown).toMatchObject(expected);
      }
    };
    const Signers = ['dora'];
    await everybody(docked, {
      SignedTags: [{ SignedTag: '1.0', Digest: one, Signers }],
      Signers: [{ Name: 'dora' }],
    });
    await everybody(web, {
      SignedTags: [
        { SignedTag: '1.0', Digest: one, Signers: ['Repo Admin'] },
        { SignedTag: '2.0', Digest: two },
        { SignedTag: '2.1', Digest: four },
        { SignedTag: '3.0', Digest: three },
      ],
      Signers: expect.arrayContaining([expect.objectContaining({ Name: 'qa' })]),
    });

    await now.docker.done('trust', 'key', 'generate', 'carol');
    await addSigner(now.docker, 'carol', docked);
    await publish(now.owner, docked, '2.0', two, ['targets/releases', 'targets/carol']);
    await everybody(docked, {
      SignedTags: [
        { SignedTag: '1.0', Digest: one, Signers },
        { SignedTag: '2.0', Digest: two, Signers: ['carol'] },
      ],
      Signers: expect.arrayContaining(
        ['carol', 'dora'].map((name) => expect.objectContaining({ Name: name })),
      ),
    });
  });
});
