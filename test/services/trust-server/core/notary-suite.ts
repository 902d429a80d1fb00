/** Repositories that Notary clients own: their life by uploads, on every kind of database. */
import { sha256Hex } from '@vidimus/crypto';
import { describe, expect, it } from 'vitest';
import { edKey } from '../../../packages/notary/update/wire-client.ts';
import type { DatabaseForSuite } from '../../../support/each-database.ts';
import { call, managed, openCore } from './core-for-test.ts';
import {
  creator,
  NotaryPublisher,
  outcomeOf,
  publisher,
  refusalOf,
  signedOf,
} from './notary-publisher-for-test.ts';

let made = 0;

export function notarySuite({ database }: DatabaseForSuite): void {
  const open = async (name: string) => {
    made += 1;
    const core = openCore(database(), { seed: `notary ${name}` });
    const client = await NotaryPublisher.on(core, `registry.example.com/notary/${name}-${made}`);
    return { ...core, client, repository: client.repository };
  };

  describe('a first upload', () => {
    it('creates the repository: what was sent is served byte for byte, the rest is signed by the service', async () => {
      const { client, service, repository } = await open('first');
      const root = await client.root();
      const targets = client.targets({ version: 2, tags: { v1: 'one' } });
      await client.upload({ targets, root }, creator);
      expect(Buffer.from((await client.read('root')) ?? [])).toEqual(Buffer.from(root));
      expect(Buffer.from((await client.read('targets')) ?? [])).toEqual(Buffer.from(targets));
      expect(await client.version('snapshot')).toBe(1);
      expect(await client.version('timestamp')).toBe(1);
      const snapshot = await client.read('snapshot');
      const listed = JSON.stringify(await client.signed('timestamp'));
      expect(listed).toContain(
        Buffer.from(sha256Hex(snapshot ?? new Uint8Array()), 'hex').toString('base64'),
      );
      expect(await service.hasRepository(repository)).toBe(true);
    });

    it('needs leave to create', async () => {
      const { client, service, repository } = await open('leave');
      const files = { root: await client.root(), targets: client.targets({ version: 1 }) };
      expect(await outcomeOf(client.upload(files, publisher))).toBe('UNAUTHORIZED');
      expect(
        await outcomeOf(service.notaryKey(publisher, `${repository}/other`, 'timestamp', 'current')),
      ).toBe('UNAUTHORIZED');
      expect(await service.hasRepository(repository)).toBe(false);
      expect(await service.readNotary(repository, { role: 'root' })).toBeUndefined();
    });

    it('that is refused stores nothing', async () => {
      const { client, service, repository } = await open('nothing');
      const refusal = await refusalOf(client.upload({ root: await client.root() }, creator));
      expect(refusal.code).toBe('INVALID_UPDATE');
      expect(await service.hasRepository(repository)).toBe(false);
      await client.create({ v1: 'one' });
      expect(await client.version('timestamp')).toBe(1);
    });

    it('of a name that the service manages is refused with the way to go', async () => {
      const { client, service, repository } = await open('managed');
      await service.createRepository(call, repository, managed);
      const own = { timestamp: edKey('own timestamp'), snapshot: edKey('own snapshot') };
      const files = { root: await client.root(own), targets: client.targets({ version: 1 }) };
      expect((await refusalOf(client.upload(files, creator))).message).toContain('vidimus sign');
      expect((await refusalOf(client.served('timestamp'))).message).toContain('vidimus sign');
    });
  });

  describe('an upload', () => {
    it('moves what it names, snapshot and timestamp, and nothing else', async () => {
      const { client } = await open('moves');
      await client.create({ v1: 'one' });
      await client.upload({ targets: client.targets({ version: 2, tags: { v1: 'one', v2: 'two' } }) });
      for (const role of ['targets', 'snapshot', 'timestamp']) expect(await client.version(role)).toBe(2);
      expect(await client.version('root')).toBe(1);
    });

    it('without files changes nothing', async () => {
      const { client } = await open('empty');
      await client.create();
      await client.upload({});
      expect(await client.version('timestamp')).toBe(1);
    });

    it('of a version that is there loses with a reason', async () => {
      const { client } = await open('lost');
      await client.create();
      const refusal = await refusalOf(
        client.upload({ targets: client.targets({ version: 1, tags: { a: 'a' } }) }),
      );
      expect(refusal.code).toBe('VERSION');
      expect(refusal.message).toContain('targets version 1 is already published');
    });

    it('races others: one of eight wins, all others are told that they were late', async () => {
      const { client, service, repository } = await open('race');
      await client.create();
      const outcomes = await Promise.all(
        Array.from({ length: 8 }, (_, index) =>
          outcomeOf(client.upload({ targets: client.targets({ version: 2, tags: { t: `${index}` } }) })),
        ),
      );
      expect(outcomes.filter((outcome) => outcome === 'done')).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome === 'VERSION')).toHaveLength(7);
      expect(await client.version('timestamp')).toBe(2);
      expect(await service.readChangefeed({ repository }, { after: 0, count: 100 })).toHaveLength(2);
    });

    it('of delegated roles is one publish with their parents', async () => {
      const { client } = await open('delegated');
      const [signer, releases] = [edKey('signer'), edKey('releases')];
      const delegations = [
        { name: 'targets/signer', keys: [signer] },
        { name: 'targets/releases', keys: [signer, releases] },
      ];
      await client.create();
      await client.upload({
        'targets/releases': client.targets({ version: 1, tags: { v1: 'released' } }, releases),
        'targets/signer': client.targets({ version: 1, tags: { v1: 'released' } }, signer),
        targets: client.targets({ version: 2, delegations }),
      });
      expect(await client.version('releases')).toBe(1);
      expect(await client.version('snapshot')).toBe(2);
      const { meta } = await client.signed('snapshot');
      expect(Object.keys(meta ?? {}).sort()).toEqual([
        'root',
        'targets',
        'targets/releases',
        'targets/signer',
      ]);
    });

    it('may bring a snapshot of the client, which stays as it is', async () => {
      const { client } = await open('own-snapshot');
      const own = edKey('client snapshot');
      const root = await client.root({ snapshot: own });
      const targets = client.targets({ version: 2 });
      const snapshot = client.snapshot(2, { root, targets }, own);
      await client.upload({ root, targets, snapshot }, creator);
      expect(Buffer.from((await client.read('snapshot')) ?? [])).toEqual(Buffer.from(snapshot));
      expect(await client.version('timestamp')).toBe(1);
      const next = client.targets({ version: 3 });
      expect((await refusalOf(client.upload({ targets: next }))).kind).toBe('ErrBadHierarchy');
    });
  });

  describe('the keys of the service', () => {
    it('are the same for whoever asks until a root lists them, and from then on', async () => {
      const { client } = await open('keys');
      const first = await client.served('timestamp');
      expect((await client.served('timestamp', 'rotate')).keyId).toBe(first.keyId);
      await client.create();
      expect((await client.served('timestamp')).keyId).toBe(first.keyId);
    });

    it('are rotated to one that waits for the next root, once however often it is asked for', async () => {
      const { client, service, repository } = await open('rotate');
      await client.create();
      const old = await client.served('timestamp');
      const asked = await Promise.all([
        client.served('timestamp', 'rotate'),
        client.served('timestamp', 'rotate'),
        client.served('timestamp', 'rotate'),
      ]);
      const [next = old] = asked;
      expect(new Set(asked.map(({ keyId }) => keyId)).size).toBe(1);
      expect(next.keyId).not.toBe(old.keyId);
      expect((await client.served('timestamp')).keyId).toBe(old.keyId);
      await client.upload({ root: await client.root({ version: 2, timestamp: next }) });
      expect((await client.served('timestamp')).keyId).toBe(next.keyId);
      expect(Buffer.from((await client.read('timestamp')) ?? []).toString()).toContain(next.keyId);
      expect((await client.served('timestamp', 'rotate')).keyId).not.toBe(next.keyId);
      const { items } = await service.readAudit({ repository }, { limit: 100 });
      expect(items.filter(({ action }) => action === 'notary.key')).toHaveLength(2);
    });

    it('take snapshot over from the client, and give it back', async () => {
      const { client } = await open('take-over');
      const own = edKey('client snapshot');
      const root = await client.root({ snapshot: own });
      const targets = client.targets({ version: 1 });
      await client.upload({ root, targets, snapshot: client.snapshot(1, { root, targets }, own) }, creator);
      await client.upload({ root: await client.root({ version: 2 }) });
      expect(await client.version('snapshot')).toBe(2);
      const back = await client.root({ version: 3, snapshot: own });
      await client.upload({ root: back, snapshot: client.snapshot(3, { root: back, targets }, own) });
      expect(await client.version('snapshot')).toBe(3);
    });

    it('are refused in another role than the one they were made for', async () => {
      const { client } = await open('places');
      const timestamp = await client.served('timestamp');
      const root = await client.root({ snapshot: timestamp, timestamp });
      const refusal = await refusalOf(
        client.upload({ root, targets: client.targets({ version: 1 }) }, creator),
      );
      expect(refusal.kind).toBe('ErrBadRoot');
    });

    it('of another repository are not held here', async () => {
      const one = await open('keys-of-one');
      const other = await open('keys-of-other');
      const foreign = {
        timestamp: await one.client.served('timestamp'),
        snapshot: await one.client.served('snapshot'),
      };
      const root = await other.client.root(foreign);
      const refusal = await refusalOf(
        other.client.upload({ root, targets: other.client.targets({ version: 1 }) }, creator),
      );
      expect(refusal.code).toBe('INVALID_UPDATE');
    });
  });

  describe('a deletion', () => {
    it('leaves nothing to read, by no name, and a record in the change feed', async () => {
      const { client, service, repository } = await open('deleted');
      await client.create({ v1: 'one' });
      const targets = (await client.read('targets')) ?? new Uint8Array();
      await service.endNotary(call, repository);
      expect(await client.read('targets')).toBeUndefined();
      expect(
        await service.readNotary(repository, { role: 'targets', sha256: sha256Hex(targets) }),
      ).toBeUndefined();
      expect(await service.readNotary(repository, { role: 'root', version: 1 })).toBeUndefined();
      expect(await service.hasRepository(repository)).toBe(false);
      const feed = await service.readChangefeed({ repository }, { after: 0, count: 100 });
      expect(feed.map(({ category, version, sha256 }) => [category, version, sha256.length])).toEqual([
        ['update', 1, 64],
        ['deletion', 0, 0],
      ]);
      await service.endNotary(call, repository);
      expect(await service.readChangefeed({ repository }, { after: 0, count: 100 })).toHaveLength(2);
      const { items } = await service.readAudit({ repository }, { limit: 10 });
      expect(items[0]?.action).toBe('repository.end');
    });

    it('lets the name begin anew, with other keys and versions from the start', async () => {
      const { client, service, repository } = await open('anew');
      await client.create({ v1: 'one' });
      await client.upload({ targets: client.targets({ version: 2, tags: { v1: 'two' } }) });
      const oldKey = await client.served('timestamp');
      const oldTargets = (await client.read('targets')) ?? new Uint8Array();
      await service.endNotary(call, repository);
      const again = await client.root({ timestamp: oldKey, snapshot: await client.served('snapshot') });
      const refusal = await refusalOf(
        client.upload({ root: again, targets: client.targets({ version: 1 }) }, creator),
      );
      expect(refusal.message).toContain('timestamp key');
      await client.create({ v1: 'three' });
      expect(await client.version('targets')).toBe(1);
      expect((await client.served('timestamp')).keyId).not.toBe(oldKey.keyId);
      expect(
        await service.readNotary(repository, { role: 'targets', sha256: sha256Hex(oldTargets) }),
      ).toBeUndefined();
      expect(await service.readNotary(repository, { role: 'targets', version: 2 })).toBeUndefined();
      expect((await service.readRepository(repository)).incarnation).toBe(2);
    });

    it('of a repository that the service manages is not for this wire', async () => {
      const { service, repository } = await open('not-deleted');
      await service.createRepository(call, repository, managed);
      await service.endNotary(call, repository);
      expect((await service.readRepository(repository)).incarnation).toBe(1);
    });

    it('of a name that never was is no error', async () => {
      const { service, repository } = await open('never');
      await service.endNotary(call, repository);
      expect(await service.readChangefeed({ repository }, { after: 0, count: 1 })).toEqual([]);
    });
  });

  describe('reads', () => {
    it('find a file by its hash, its version and its role, and by nothing else', async () => {
      const { client, service, repository } = await open('reads');
      await client.create({ v1: 'one' });
      const first = (await client.read('targets')) ?? new Uint8Array();
      await client.upload({ targets: client.targets({ version: 2 }) });
      const sha256 = sha256Hex(first);
      const read = async (question: object) =>
        (await service.readNotary(repository, { role: 'targets', ...question }))?.sha256;
      expect(await read({ sha256 })).toBe(sha256);
      expect(await read({ version: 1 })).toBe(sha256);
      expect(await read({})).not.toBe(sha256);
      expect(await read({ role: 'root', sha256 })).toBeUndefined();
      expect(await read({ role: 'releases', sha256 })).toBeUndefined();
      expect(await read({ sha256: sha256.toUpperCase() })).toBeUndefined();
      for (const version of [0, 3, -1]) expect(await read({ version })).toBeUndefined();
    });

    it('answer at once what is in memory, always with the same object', async () => {
      const { client, service, repository } = await open('at-once');
      await client.create({ v1: 'one' });
      const file = service.readNotary(repository, { role: 'timestamp' });
      expect(file).not.toBeInstanceOf(Promise);
      expect(service.readNotary(repository, { role: 'timestamp' })).toBe(file);
      const other = openCore(database(), { seed: 'other replica' });
      const read = await other.service.readNotary(repository, { role: 'timestamp' });
      expect(other.service.readNotary(repository, { role: 'timestamp' })).toBe(read);
      expect(other.service.readNotary(repository, { role: 'timestamp', sha256: read?.sha256 ?? '' })).toBe(
        read,
      );
    });

    it('never show the bytes of another repository', async () => {
      const one = await open('one');
      const two = await open('two');
      await one.client.create({ secret: 'one' });
      await two.client.create({ secret: 'two' });
      for (const role of ['root', 'targets', 'snapshot', 'timestamp']) {
        const sha256 = sha256Hex((await one.client.read(role)) ?? new Uint8Array());
        expect(await one.service.readNotary(two.repository, { role, sha256 })).toBeUndefined();
        expect(await two.service.readNotary(two.repository, { role, sha256 })).toBeUndefined();
        expect(await two.service.readNotary(`${one.repository}x`, { role, sha256 })).toBeUndefined();
      }
    });

    it('do not find a repository of the other dialect', async () => {
      const { service, repository } = await open('other-dialect');
      await service.createRepository(call, repository, managed);
      expect(await service.readNotary(repository, { role: 'root' })).toBeUndefined();
      expect(await service.hasRepository(repository)).toBe(true);
    });
  });

  describe('the change feed', () => {
    it('numbers what all repositories published, without a gap', async () => {
      const { service, client } = await open('feed');
      const before = (await service.readChangefeed({}, { after: -1, count: 1 }))[0]?.id ?? 0;
      await client.create();
      await Promise.all(
        [1, 2, 3, 4].map(async (index) => {
          const other = await open(`feed-${index}`);
          await other.client.create();
        }),
      );
      const after = await service.readChangefeed({}, { after: before, count: 100 });
      expect(after.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5].map((index) => before + index));
    });

    it('goes forwards from an id, and backwards from the end or from an id', async () => {
      const { service, client, repository } = await open('pages');
      await client.create();
      for (const version of [2, 3, 4, 5]) await client.upload({ targets: client.targets({ version }) });
      const ask = async (after: number, count: number) =>
        (await service.readChangefeed({ repository }, { after, count })).map(({ version }) => version);
      const ids = (await service.readChangefeed({ repository }, { after: 0, count: 100 })).map(
        ({ id }) => id,
      );
      expect(await ask(0, 100)).toEqual([1, 2, 3, 4, 5]);
      expect(await ask(ids[1] ?? 0, 2)).toEqual([3, 4]);
      expect(await ask(-1, 2)).toEqual([4, 5]);
      expect(await ask(-1, -2)).toEqual([4, 5]);
      expect(await ask(ids[3] ?? 0, -2)).toEqual([2, 3]);
      expect(await ask((ids[4] ?? 0) + 1_000, 10)).toEqual([]);
      const [first] = await service.readChangefeed({ repository }, { after: 0, count: 1 });
      const timestamp = await service.readNotary(repository, { role: 'timestamp', version: 1 });
      expect(first).toMatchObject({ repository, sha256: timestamp?.sha256, category: 'update' });
      expect(signedOf(timestamp?.bytes ?? new Uint8Array())['version']).toBe(1);
    });
  });
}
