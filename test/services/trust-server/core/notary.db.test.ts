/** Repositories of Notary clients on PostgreSQL: several replicas, whatever each of them has in memory. */
import { sha256Hex } from '@vidimus/crypto';
import { openDatabase } from '@vidimus/database';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeEachDatabase, openPostgresForTest } from '../../../support/each-database.ts';
import { call, openCore } from './core-for-test.ts';
import { notaryFreshnessSuite } from './notary-freshness-suite.ts';
import { creator, NotaryPublisher, outcomeOf } from './notary-publisher-for-test.ts';
import { notaryReadsSuite } from './notary-reads-suite.ts';
import { notarySuite } from './notary-suite.ts';

describeEachDatabase('the notary dialect', notarySuite);
describeEachDatabase('questions about notary repositories', notaryReadsSuite);
describeEachDatabase('freshness of notary repositories', notaryFreshnessSuite);

describe('two replicas on one PostgreSQL', () => {
  let opened: Awaited<ReturnType<typeof openPostgresForTest>>;
  let second: Awaited<ReturnType<typeof openDatabase>>;
  beforeAll(async () => {
    opened = await openPostgresForTest();
    second = await openDatabase({ url: opened.url });
  });
  afterAll(async () => {
    await second.close();
    await opened.close();
  });
  const replicas = async (name: string) => {
    const repository = `registry.example.com/notary-replicas/${name}`;
    const one = openCore(opened.database, { seed: `${name} one` });
    const two = openCore(second, { seed: `${name} two`, clock: one.clock });
    const clients = [
      await NotaryPublisher.on(one, repository),
      await NotaryPublisher.on(two, repository),
    ] as const;
    return { repository, one, two, clients };
  };

  it('create a repository once, and tell all others that they were late', async () => {
    const { clients, one, repository } = await replicas('create');
    const [first] = clients;
    const files = { root: await first.root(), targets: first.targets({ version: 1 }) };
    const outcomes = await Promise.all(
      [0, 1, 0, 1, 0, 1, 0, 1].map((index) => outcomeOf((clients[index] ?? first).upload(files, creator))),
    );
    expect(outcomes.filter((outcome) => outcome === 'done')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'VERSION')).toHaveLength(7);
    expect(await one.service.readChangefeed({ repository }, { after: 0, count: 10 })).toHaveLength(1);
  });

  it('give out one key between them', async () => {
    const { clients } = await replicas('keys');
    const asked = await Promise.all(
      [0, 1, 0, 1, 0, 1].map((index) => (clients[index] ?? clients[0]).served('timestamp')),
    );
    expect(new Set(asked.map(({ keyId }) => keyId)).size).toBe(1);
  });

  it('let one of each pair of uploads win, with no version and no record left out', async () => {
    const { clients, one, repository } = await replicas('races');
    await clients[0].create();
    const rounds = 12;
    for (let version = 2; version < 2 + rounds; version += 1) {
      const outcomes = await Promise.all(
        clients.map((client, index) =>
          outcomeOf(
            client.upload({ targets: client.targets({ version, tags: { t: `${version} ${index}` } }) }),
          ),
        ),
      );
      expect(outcomes.sort()).toEqual(['VERSION', 'done']);
    }
    const feed = await one.service.readChangefeed({ repository }, { after: 0, count: 100 });
    expect(feed.map(({ version }) => version)).toEqual(
      Array.from({ length: rounds + 1 }, (_, index) => index + 1),
    );
  });

  it('number the change feed without a gap while both publish', async () => {
    const { one, two } = await replicas('feed');
    const before = (await one.service.readChangefeed({}, { after: -1, count: 1 }))[0]?.id ?? 0;
    const clients = await Promise.all(
      Array.from({ length: 16 }, (_, index) =>
        NotaryPublisher.on(index % 2 === 0 ? one : two, `registry.example.com/notary-replicas/feed-${index}`),
      ),
    );
    await Promise.all(clients.map((client) => client.create()));
    await Promise.all(clients.map((client) => client.upload({ targets: client.targets({ version: 2 }) })));
    const feed = await two.service.readChangefeed({}, { after: before, count: 100 });
    expect(feed.map(({ id }) => id)).toEqual(Array.from({ length: 32 }, (_, index) => before + 1 + index));
  });

  it('see what the other one published and deleted', async () => {
    const { clients, one, two, repository } = await replicas('sight');
    await one.service.start();
    await two.service.start();
    try {
      await clients[0].create({ v1: 'one' });
      await expect.poll(() => clients[1].read('targets')).toBeDefined();
      await clients[0].upload({ targets: clients[0].targets({ version: 2, tags: { v1: 'two' } }) });
      await expect.poll(() => clients[1].version('targets')).toBe(2);
      const sha256 = sha256Hex((await clients[1].read('targets')) ?? new Uint8Array());
      await one.service.endNotary(call, repository);
      await expect.poll(() => clients[1].read('targets')).toBeUndefined();
      expect(await two.service.readNotary(repository, { role: 'targets', sha256 })).toBeUndefined();
    } finally {
      await one.service.stop();
      await two.service.stop();
    }
  });

  it('renew what is due once between them', async () => {
    const { one, two, repository, clients } = await replicas('renew');
    await clients[0].create();
    one.clock.nowMs += 0.6 * 86_400_000;
    await Promise.all([one.service.renew(), two.service.renew()]);
    const feed = await one.service.readChangefeed({ repository }, { after: 0, count: 10 });
    expect(feed.map(({ version }) => version)).toEqual([1, 2]);
  });

  it('sign nothing that somebody wrote into the database without a key', async () => {
    const { one, two, repository, clients } = await replicas('tampered');
    await clients[0].create({ good: 'good' });
    const file = await one.service.readNotary(repository, { role: 'snapshot' });
    const forged = Buffer.from(
      Buffer.from(file?.bytes ?? [])
        .toString()
        .replace('"version":1', '"version":2'),
    );
    const owner = postgres(opened.url, { max: 1, onnotice: () => undefined });
    try {
      await owner`alter table trust_metadata disable trigger user`;
      await owner`update trust_metadata set bytes = ${forged}, sha256 = ${sha256Hex(forged)}
        where repository = ${repository} and role = 'snapshot'`;
      await owner`update trust_heads set sha256 = ${sha256Hex(forged)}
        where repository = ${repository} and role = 'snapshot'`;
      await owner`alter table trust_metadata enable trigger user`;
    } finally {
      await owner.end();
    }
    one.clock.nowMs += 4 * 86_400_000;
    await two.service.renew();
    const upload = clients[1].upload({ targets: clients[1].targets({ version: 2 }) });
    expect(await outcomeOf(upload)).toBe('INTERNAL');
    const timestamp = { role: 'timestamp', version: 2 };
    expect(await two.service.readNotary(repository, timestamp)).toBeUndefined();
  });
});
