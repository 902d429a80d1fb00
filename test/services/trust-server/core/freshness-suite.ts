/** Renewal in the background, what stops it, and what readers and auditors see. Runs over every kind of database. */
import { sha256Hex } from '@vidimus/crypto';
import { trustEvents, trustMetadata } from '@vidimus/database';
import { eq } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { EMPTY_LOG, hashEvent } from '../../../../services/trust-server/src/core/index.ts';
import type { CreateRepository } from '../../../../services/trust-server/src/schemas/index.ts';
import type { DatabaseForSuite } from '../../../support/each-database.ts';
import {
  bodyOf,
  Client,
  call,
  changeOf,
  clientKey,
  codeOf,
  day,
  digestOf,
  managed,
  openCore,
  signRoot,
  tagOf,
} from './core-for-test.ts';

export function freshnessSuite(given: DatabaseForSuite): void {
  const make = async (name: string, body: CreateRepository = managed) => {
    const opened = openCore(given.database(), { seed: `fresh ${given.kind}` });
    const repository = `registry.example.com/fresh/${name}`;
    const outcome = await opened.service.createRepository(call, repository, body);
    const versions = async () => (await opened.service.readRepository(repository)).versions;
    const about = () => opened.heard.filter((line) => line.includes(` ${repository} `));
    return { ...opened, repository, outcome, versions, about };
  };

  describe('freshness', () => {
    // First in its file: every round renews all repositories that the tests before it made.
    it('renews every role in its time, and clients follow', async () => {
      const body: CreateRepository = {
        roles: {
          root: { expiresAfter: '30d', keys: [{ custody: 'managed' }] },
          targets: { expiresAfter: '20d' },
          timestamp: { expiresAfter: '6d' },
        },
      };
      const { service, repository, clock, versions, ...rest } = await make('year', body);
      await service.putTag(call, repository, '1.0', tagOf('a'));
      const client = await new Client({ service, clock, ...rest }, repository).pin();
      for (let round = 0; round < 10; round += 1) {
        clock.nowMs += 5 * day;
        await service.renew();
        expect(await client.targets()).toEqual({ '1.0': digestOf('a') });
      }
      expect(await versions()).toEqual({ root: 4, targets: 7, revocations: 4, snapshot: 12, timestamp: 12 });
    });

    it('renews a timestamp past half-life, once, and nothing before', async () => {
      const { service, repository, clock, versions, ...rest } = await make('half-life');
      clock.nowMs += 0.4 * day - 1_000;
      await service.renew();
      expect((await versions())['timestamp']).toBe(1);
      clock.nowMs += 0.1 * day + 1_000;
      await service.renew();
      await service.renew();
      expect(await versions()).toEqual({ root: 1, targets: 1, revocations: 1, snapshot: 1, timestamp: 2 });
      const client = await new Client({ service, clock, ...rest }, repository).pin();
      clock.nowMs += 0.9 * day;
      expect((await client.refresh()).timestamp.document.version).toBe(2);
      expect((await service.readAudit({ repository }, { limit: 10 })).items).toHaveLength(1);
    });

    it('renews bins, too', async () => {
      const { service, repository, clock, versions, ...rest } = await make('bins');
      const sign = Array.from({ length: 1_001 }, (_, index) => ({ tag: `v${index}`, ...tagOf(`${index}`) }));
      await service.editTags(call, repository, { sign });
      clock.nowMs += 89 * day;
      await service.renew();
      clock.nowMs += 2 * day;
      await service.renew();
      const client = await new Client({ service, clock, ...rest }, repository).pin();
      expect(Object.keys(await client.targets())).toHaveLength(1_001);
      expect((await versions())['targets']).toBe(3);
    });

    it('signs nothing under an expired root, serves what there is, and says so once', async () => {
      const alice = clientKey('fresh alice');
      const body: CreateRepository = {
        roles: { root: { expiresAfter: '10d', keys: [{ custody: 'client', key: alice.declared }] } },
      };
      const { service, repository, clock, versions, outcome, about, ...rest } = await make('blocked', body);
      const change = await changeOf(Promise.resolve(outcome));
      await service.signChange(call, repository, change.id, { signatures: [await signRoot(change, alice)] });
      const client = await new Client({ service, clock, ...rest }, repository).pin();
      clock.nowMs += 11 * day;
      const before = await service.readMetadata(repository, { role: 'timestamp' });
      for (let round = 0; round < 3; round += 1) {
        await service.renew();
        clock.nowMs += 2 * 3_600_000;
      }
      expect((await versions())['timestamp']).toBe(1);
      expect((await service.readMetadata(repository, { role: 'timestamp' }))?.bytes).toEqual(before?.bytes);
      expect(about()).toEqual(Array(3).fill(`blocked ${repository} snapshot,timestamp`));
      const { items } = await service.readAudit({ repository }, { limit: 10 });
      expect(items.filter(({ action }) => action === 'role.blocked')).toHaveLength(1);
      await expect(client.refresh()).rejects.toMatchObject({ code: 'EXPIRED' });
      const summary = await service.readRepository(repository);
      expect(summary.problems.map(({ code, role }) => `${code} ${role}`)).toContain('ROLE_EXPIRED root');
    });

    it('goes on without the root master key, root apart', async () => {
      const { repository, clock, service } = await make('rootless');
      const other = openCore(given.database(), { seed: 'rootless', rootMaster: false, clock });
      await service.putTag(call, repository, '1.0', tagOf('a'));
      clock.nowMs += 200 * day;
      await other.service.renew();
      const { versions } = await other.service.readRepository(repository);
      expect(versions['root']).toBe(1);
      expect(versions['timestamp']).toBe(3);
      expect(other.heard).toContain(`blocked ${repository} root`);
    });

    it('is run by whichever replica comes first, never twice', async () => {
      const { repository, clock, service, versions } = await make('replicas');
      const other = openCore(given.database(), { seed: 'replica', clock });
      clock.nowMs += 0.6 * day;
      await Promise.all([service.renew(), other.service.renew(), service.renew(), other.service.renew()]);
      expect((await versions())['timestamp']).toBe(2);
      expect((await other.service.readRepository(repository)).versions['timestamp']).toBe(2);
    });

    it('makes the service ready only after its first round', async () => {
      const { service, clock, versions } = await make('ready');
      clock.nowMs += 0.6 * day;
      expect((await service.readiness()).ready).toBe(false);
      await service.start();
      expect(await service.readiness()).toEqual({ ready: true, checks: { database: 'ok', freshness: 'ok' } });
      expect((await versions())['timestamp']).toBe(2);
      await service.stop();
    });
  });

  describe('reads', () => {
    it('give the stored bytes, the same object while in memory, and nothing for what is not there', async () => {
      const { service, repository } = await make('reads');
      const file = service.readMetadata(repository, { role: 'timestamp' });
      // Published by this process: known without asking.
      expect(file).not.toBeInstanceOf(Promise);
      const again = await service.readMetadata(repository, { role: 'timestamp' });
      expect(again).toBe(await file);
      const targets = await service.readMetadata(repository, { role: 'targets', version: 1 });
      expect(targets?.sha256).toBe(sha256Hex(targets?.bytes ?? new Uint8Array()));
      expect(service.readMetadata(repository, { role: 'root', version: 2 })).toBeUndefined();
      expect(await service.readMetadata(repository, { role: 'targets', version: 9 })).toBeUndefined();
      expect(await service.readMetadata(repository, { role: 'none', version: 1 })).toBeUndefined();
      expect(await service.readMetadata('registry.example.com/none', { role: 'timestamp' })).toBeUndefined();
      expect(
        await service.readMetadata('registry.example.com/none', { role: 'root', version: 1 }),
      ).toBeUndefined();
    });

    it('of another replica follow by announcement at once, and by looking after a second', async () => {
      const { service, repository, clock } = await make('follow');
      const listening = openCore(given.database(), { seed: 'listening', clock });
      const looking = openCore(given.database(), { seed: 'looking', clock });
      await listening.service.start();
      const versionAt = async (core: typeof listening) => {
        const file = await core.service.readMetadata(repository, { role: 'timestamp' });
        return JSON.parse(new TextDecoder().decode(file?.bytes)).signed.version;
      };
      expect([await versionAt(listening), await versionAt(looking)]).toEqual([1, 1]);
      await service.putTag(call, repository, '1.0', tagOf('a'));
      // The announcement comes on a connection of its own: wait for it, not for a clock.
      for (let turn = 0; turn < 2_000 && (await versionAt(listening)) === 1; turn += 1) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(await versionAt(listening)).toBe(2);
      expect(await versionAt(looking)).toBe(1);
      clock.nowMs += 1_000;
      expect(await versionAt(looking)).toBe(2);
      await service.endRepository(call, repository);
      clock.nowMs += 1_000;
      expect(await looking.service.readMetadata(repository, { role: 'timestamp' })).toBeUndefined();
      await listening.service.stop();
    });

    it('list roles and know no others', async () => {
      const { service, repository } = await make('roles');
      const roles = await service.listRoles(repository);
      expect(roles.map(({ role }) => role)).toEqual([
        'root',
        'targets',
        'revocations',
        'snapshot',
        'timestamp',
      ]);
      expect(await service.readRole(repository, 'revocations')).toMatchObject({
        version: 1,
        expiresAfter: '30d',
        paths: ['sha256:*'],
        terminating: true,
        custody: 'managed',
      });
      expect(await codeOf(service.readRole(repository, 'none'))).toBe('ROLE_UNKNOWN');
    });

    it('list the fleet with problems and counts', async () => {
      const { service, clock } = openCore(given.database(), { seed: `fleet ${given.kind}` });
      const of = (name: string) => `registry.example.com/fleet/${name}`;
      const key = clientKey('fleet');
      const held: CreateRepository = {
        roles: { root: { keys: [{ custody: 'client', key: key.declared }] } },
      };
      await service.createRepository(call, of('b-online'), managed);
      const change = await changeOf(service.createRepository(call, of('a-offline'), held));
      await service.signChange(call, of('a-offline'), change.id, {
        signatures: [await signRoot(change, key)],
      });
      await service.createRepository(call, of('c-pending'), held);
      const filter = { prefix: 'registry.example.com/fleet/', mayRead: () => true };
      const all = await service.listRepositories(filter, { limit: 10 });
      expect(all.items.map(({ repository }) => repository)).toEqual([of('a-offline'), of('b-online')]);
      expect(all.summary).toEqual({ repositories: 2, ok: 1, expiring: 0, pendingChanges: 1 });
      const any = await service.listRepositories({ ...filter, problem: 'any' }, { limit: 10 });
      expect(any.items.map(({ repository }) => repository)).toEqual([of('b-online')]);
      const first = await service.listRepositories(filter, { limit: 1 });
      expect(first.next).toBe(of('a-offline'));
      const second = await service.listRepositories(filter, { limit: 1, after: first.next ?? '' });
      expect(second.items.map(({ repository }) => repository)).toEqual([of('b-online')]);
      expect(second.next).toBeUndefined();
      const mine = { ...filter, mayRead: (name: string) => name.endsWith('offline') };
      expect((await service.listRepositories(mine, { limit: 5 })).summary.repositories).toBe(1);
      clock.nowMs += 340 * day;
      const soon = await service.listRepositories({ ...filter, problem: 'ROLE_EXPIRING' }, { limit: 5 });
      expect(soon.items.map(({ repository }) => repository)).toContain(of('a-offline'));
    });
  });

  describe('the audit log', () => {
    it('is a chain that anybody can recompute, and its head is in the timestamp', async () => {
      const { service, repository, clock, ...rest } = await make('chain');
      await service.putTag(call, repository, '1.0', { ...tagOf('a'), custom: { note: 'ü ☃' } });
      clock.nowMs += 1_500;
      await service.deleteTag({ ...call, actor: 'somebody' }, repository, '1.0');
      await service.revokeDigest(call, repository, digestOf('x'), { reason: 'bad "quoted" \n' });
      const { items } = await service.readAudit({ repository }, { limit: 10 });
      let { hash } = EMPTY_LOG;
      for (const { hash: told, ...body } of [...items].reverse()) {
        // What travels as JSON is what is hashed.
        hash = hashEvent(hash, JSON.parse(JSON.stringify(body)));
        expect(told).toBe(hash);
      }
      const client = await new Client({ service, clock, ...rest }, repository).pin();
      const { timestamp } = await client.refresh();
      expect(timestamp.document.binding.log).toEqual({ size: 4, hash });
    });

    it('is paged, newest first, by repository, by tag and over all that one may read', async () => {
      const { service, repository, clock } = await make('pages');
      for (const name of ['a', 'b', 'c']) {
        clock.nowMs += 1_000;
        await service.putTag(call, repository, 'x', tagOf(name));
        await service.putTag(call, repository, 'y', tagOf(name));
      }
      const first = await service.readAudit({ repository }, { limit: 4 });
      const second = await service.readAudit({ repository }, { limit: 4, after: first.next ?? '' });
      expect([first.items.length, second.items.length, second.next]).toEqual([4, 3, undefined]);
      const history = await service.readTagHistory(repository, 'x', { limit: 2 });
      expect(history.items.map(({ after }) => after)).toEqual([
        { tags: [{ tag: 'x', ...tagOf('c') }] },
        { tags: [{ tag: 'x', ...tagOf('b') }] },
      ]);
      const older = await service.readTagHistory(repository, 'x', { limit: 2, after: history.next ?? '' });
      expect(older.items).toHaveLength(1);
      expect((await service.readTagHistory(repository, 'none', { limit: 2 })).items).toEqual([]);
      const mayRead = (name: string) => name === repository;
      const seen: string[] = [];
      for (let after: string | undefined; ; ) {
        const page = await service.readAudit(
          { mayRead },
          { limit: 3, ...(after === undefined ? {} : { after }) },
        );
        seen.push(...page.items.map(({ id }) => id));
        if (page.next === undefined) break;
        after = page.next;
      }
      expect(new Set(seen).size).toBe(7);
      expect(seen).toHaveLength(7);
      expect(await codeOf(service.readAudit({ repository }, { limit: 3, after: 'x' }))).toBe('BODY_INVALID');
      expect(await codeOf(service.readAudit({ repository: 'registry.example.com/no' }, { limit: 3 }))).toBe(
        'REPOSITORY_UNKNOWN',
      );
    });

    it('and the signed files can neither be changed nor removed in the database', async () => {
      const { repository } = await make('append-only');
      const { db } = given.database();
      const attempts = [
        () => db.update(trustEvents).set({ actor: 'x' }).where(eq(trustEvents.repository, repository)),
        () => db.delete(trustEvents).where(eq(trustEvents.repository, repository)),
        () =>
          db
            .update(trustMetadata)
            .set({ sha256: '0'.repeat(64) })
            .where(eq(trustMetadata.repository, repository)),
        () => db.delete(trustMetadata).where(eq(trustMetadata.repository, repository)),
      ];
      for (const attempt of attempts) await expect(attempt()).rejects.toThrow();
    });

    it('tells a batch in events of at most a hundred tags', async () => {
      const { service, repository } = await make('large');
      const sign = Array.from({ length: 250 }, (_, index) => ({ tag: `v${index}`, ...tagOf(`${index}`) }));
      await bodyOf(service.editTags(call, repository, { sign }));
      const { items } = await service.readAudit({ repository }, { limit: 10 });
      expect(items.map(({ action }) => action)).toEqual([
        'tag.sign',
        'tag.sign',
        'tag.sign',
        'repository.create',
      ]);
      expect((await service.readTagHistory(repository, 'v249', { limit: 5 })).items).toHaveLength(1);
    });
  });
}
