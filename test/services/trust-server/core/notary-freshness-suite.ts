/** What the service signs for Notary clients is renewed in time; what they sign themselves is left as it is. */
import { expect, it } from 'vitest';
import { edKey } from '../../../packages/notary/update/wire-client.ts';
import type { DatabaseForSuite } from '../../../support/each-database.ts';
import { day, openCore } from './core-for-test.ts';
import { creator, NotaryPublisher, outcomeOf } from './notary-publisher-for-test.ts';

let made = 0;

export function notaryFreshnessSuite({ database }: DatabaseForSuite): void {
  const open = async (name: string) => {
    made += 1;
    const core = openCore(database(), { seed: `notary freshness ${name}` });
    const client = await NotaryPublisher.on(core, `registry.example.com/notary-fresh/${name}-${made}`);
    const repository = client.repository;
    const heard = () => core.heard.filter((line) => line.includes(`${repository} `));
    return { ...core, client, repository, heard };
  };

  it('renews timestamp at half-life, for the same snapshot, with a record in the change feed', async () => {
    const { client, service, clock, repository, heard } = await open('timestamp');
    await client.create({ v1: 'one' });
    clock.nowMs += 0.6 * day;
    await service.renew();
    expect(await client.version('timestamp')).toBe(2);
    expect(await client.version('snapshot')).toBe(1);
    expect(heard()).toEqual([`renewed ${repository} notary:timestamp`]);
    const feed = await service.readChangefeed({ repository }, { after: 0, count: 10 });
    expect(feed.map(({ version }) => version)).toEqual([1, 2]);
    expect(feed[1]?.sha256).toBe((await service.readNotary(repository, { role: 'timestamp' }))?.sha256);
    await service.renew();
    expect(await client.version('timestamp')).toBe(2);
  });

  it('renews snapshot, too, where the service holds its key', async () => {
    const { client, service, clock } = await open('snapshot');
    await client.create({ v1: 'one' });
    clock.nowMs += 600 * day;
    await service.renew();
    expect(await client.version('snapshot')).toBe(2);
    expect(await client.version('timestamp')).toBe(2);
    await client.upload({ targets: client.targets({ version: 2, tags: { v1: 'two' } }) });
    expect(await client.version('snapshot')).toBe(3);
    expect(await client.version('timestamp')).toBe(3);
  });

  it('goes on after another replica published in between', async () => {
    const { client, service, clock } = await open('replica');
    await client.create({ v1: 'one' });
    const other = openCore(database(), { seed: 'notary replica', clock });
    clock.nowMs += 0.6 * day;
    await other.service.renew();
    await client.upload({ targets: client.targets({ version: 2 }) });
    clock.nowMs += 0.6 * day;
    await other.service.renew();
    clock.nowMs += 2_000;
    expect(await client.version('timestamp')).toBe(4);
    await service.renew();
    expect(await client.version('timestamp')).toBe(4);
  });

  it('signs nothing under an expired root, and says so once', async () => {
    const { client, service, clock, repository, heard } = await open('blocked');
    const root = await client.root({ expires: '2026-11-21T12:00:00Z' });
    await client.upload({ root, targets: client.targets({ version: 1 }) }, creator);
    clock.nowMs += 0.6 * day;
    for (let round = 0; round < 3; round += 1) {
      await service.renew();
      clock.nowMs += day / 12;
    }
    expect(await client.version('timestamp')).toBe(1);
    expect(new Set(heard())).toEqual(new Set([`blocked ${repository} notary:timestamp`]));
    const { items } = await service.readAudit({ repository }, { limit: 10 });
    expect(items.filter(({ action }) => action === 'role.blocked')).toHaveLength(1);
    expect(await outcomeOf(client.upload({ targets: client.targets({ version: 2 }) }))).toBe(
      'INVALID_UPDATE',
    );
    await client.upload({ root: await client.root({ version: 2 }) });
    expect(await client.version('timestamp')).toBe(2);
  });

  it('serves a snapshot that its client let expire, under a fresh timestamp, and says so once', async () => {
    const { client, service, clock, repository, heard } = await open('expired');
    const own = edKey('own snapshot');
    const root = await client.root({ snapshot: own });
    const targets = client.targets({ version: 1, expires: '2026-11-21T18:00:00Z' });
    await client.upload({ root, targets, snapshot: client.snapshot(1, { root, targets }, own) }, creator);
    for (let round = 0; round < 3; round += 1) {
      clock.nowMs += 0.6 * day;
      await service.renew();
    }
    expect(await client.version('timestamp')).toBe(4);
    expect(await client.version('snapshot')).toBe(1);
    expect(await client.read('targets')).toBeDefined();
    expect(heard().filter((line) => line.startsWith('expired'))).toEqual([`expired ${repository} targets`]);
    const { items } = await service.readAudit({ repository }, { limit: 10 });
    expect(items.filter(({ action }) => action === 'role.expired')).toMatchObject([
      { after: { targets: 1 } },
    ]);
    const { problems } = await service.readRepository(repository);
    expect(problems.map(({ code, role }) => [code, role])).toEqual([['ROLE_EXPIRED', 'targets']]);
  });

  it('does nothing for a repository that has ended', async () => {
    const { client, service, clock, repository } = await open('ended');
    await client.create();
    await service.endNotary(creator, repository);
    clock.nowMs += 0.6 * day;
    await service.renew();
    expect(await service.readChangefeed({ repository }, { after: 0, count: 10 })).toHaveLength(2);
  });
}
