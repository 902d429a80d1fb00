/** Keys that are replaced on schedule, and files that people are asked to sign anew. Runs over every kind of database. */
import { describe, expect, it } from 'vitest';
import type { CreateRepository } from '../../../../../services/trust-server/src/schemas/index.ts';
import type { DatabaseForSuite } from '../../../../support/each-database.ts';
import { bodyOf, call, clientKey, day, digestOf, managed, openCore, tagOf } from '../core-for-test.ts';
import { dualManaged } from '../dual-for-test.ts';
import { clientEntry, Followers, managedEntry, signAll } from './rotation-for-test.ts';

const alice = clientKey('alice');
const bob = clientKey('bob');

export function upkeepSuite(given: DatabaseForSuite): void {
  const make = async (
    name: string,
    body: CreateRepository,
    rotation: ReadonlyMap<string, number> = new Map(),
  ) => {
    const core = openCore(given.database(), { seed: `upkeep ${given.kind}`, rotation });
    const repository = `registry.example.com/upkeep-${given.kind}/${name}`;
    const created = await core.service.createRepository(call, repository, body);
    if (created.outcome === 'change') await signAll(core, repository, created.change, [alice, bob]);
    const { service, clock } = core;
    const open = async () => (await service.listChanges(repository, { state: 'open' }, { limit: 10 })).items;
    const keysOf = async (role: string) => (await service.readRole(repository, role)).keyIds;
    /** Short steps: what is due at half-life never expires on the way. */
    const wait = async (days: number) => {
      for (let left = days; left > 0; left -= 0.5) {
        clock.nowMs += day / 2;
        await service.renew();
      }
    };
    const dialects = body.dialects?.length ?? 1;
    return { core, service, clock, repository, open, keysOf, wait, dialects };
  };
  const end = async ({ service, repository }: Awaited<ReturnType<typeof make>>) => {
    // The next test’s clock starts anew, and finds nothing of this one.
    await service.endRepository(call, repository);
  };

  describe('a role with a schedule', () => {
    it('gets new keys once they are old, in every dialect, and clients follow', async () => {
      const schedule = new Map([['timestamp', 3 * day]]);
      const made = await make('scheduled', dualManaged, schedule);
      await bodyOf(made.service.putTag(call, made.repository, '1.0', tagOf('a')));
      const followers = await Followers.of(made.core, made.repository, made.dialects);
      const before = await made.keysOf('timestamp');
      await made.wait(2.5);
      expect(await made.keysOf('timestamp')).toEqual(before);
      await made.wait(0.5);
      const after = await made.keysOf('timestamp');
      expect(after).not.toEqual(before);
      await made.wait(1);
      expect(await made.keysOf('timestamp')).toEqual(after);
      expect((await followers.follow()).tags).toEqual({ '1.0': digestOf('a') });
      const { items } = await made.service.readAudit({ repository: made.repository }, { limit: 10 });
      expect(items.find(({ action }) => action === 'role.rotate')).toMatchObject({
        actor: 'service',
        after: { role: 'timestamp', reason: 'scheduled' },
      });
      await end(made);
    });

    it('waits for those who hold root, and asks them once a day', async () => {
      const schedule = new Map([['snapshot', 3 * day]]);
      const body: CreateRepository = { roles: { root: { keys: [clientEntry(alice)] } } };
      const made = await make('held', body, schedule);
      const before = await made.keysOf('snapshot');
      await made.wait(3);
      const [change, ...others] = await made.open();
      expect(change).toMatchObject({ kind: 'rotation', createdBy: 'service', documents: [{ role: 'root' }] });
      expect(others).toEqual([]);
      if (change === undefined) throw new Error('no change');
      await made.service.rejectChange(call, made.repository, change.id);
      await made.wait(0.5);
      expect(await made.open()).toEqual([]);
      await made.wait(1);
      const [second] = await made.open();
      if (second === undefined) throw new Error('not asked again');
      expect((await signAll(made.core, made.repository, second, [alice])).state).toBe('published');
      expect(await made.keysOf('snapshot')).not.toEqual(before);
      await (await Followers.of(made.core, made.repository)).follow();
      await end(made);
    });

    it('keeps the keys that others hold', async () => {
      const body: CreateRepository = {
        roles: {
          root: { keys: [managedEntry] },
          targets: { keys: [clientEntry(bob), managedEntry], threshold: 2 },
        },
      };
      const made = await make('mixed', body, new Map([['targets', 3 * day]]));
      const before = await made.keysOf('targets');
      await made.wait(3);
      const [change] = await made.open();
      if (change === undefined) throw new Error('no change');
      await signAll(made.core, made.repository, change, [bob]);
      const after = await made.keysOf('targets');
      expect(after).toContain(bob.keyId);
      expect(after.filter((keyId) => before.includes(keyId))).toEqual([bob.keyId]);
      await end(made);
    });
  });

  describe('a file that people sign', () => {
    it('is proposed to them once a quarter of its life is left, role by role', async () => {
      const body: CreateRepository = {
        roles: {
          root: { keys: [clientEntry(alice)], expiresAfter: '40d' },
          revocations: { keys: [clientEntry(bob)], expiresAfter: '20d' },
        },
      };
      const made = await make('resign', body);
      await made.wait(14.5);
      expect(await made.open()).toEqual([]);
      await made.wait(1);
      const [first, ...others] = await made.open();
      expect(others).toEqual([]);
      expect(first).toMatchObject({
        kind: 'resign',
        createdBy: 'service',
        base: { root: 1, revocations: 1 },
        documents: [{ role: 'revocations', version: 2 }],
      });
      if (first === undefined) throw new Error('no change');
      const { problems } = await made.service.readRepository(made.repository);
      expect(problems.map(({ code, role, heldBy }) => [code, role, heldBy])).toEqual([
        ['ROLE_EXPIRING', 'revocations', [bob.keyId]],
        ['CHANGE_OPEN', undefined, undefined],
      ]);
      const fleet = await made.service.listRepositories(
        { prefix: made.repository, mayRead: () => true },
        { limit: 10 },
      );
      expect(fleet.items[0]?.problems).toEqual(problems);
      expect((await signAll(made.core, made.repository, first, [bob])).state).toBe('published');
      expect((await made.service.readRole(made.repository, 'revocations')).expires).toBe(
        '2026-12-26T09:00:00Z',
      );
      await made.wait(15);
      const [root] = (await made.open()).filter(({ documents }) => documents[0]?.role === 'root');
      expect(root).toMatchObject({ kind: 'resign', documents: [{ role: 'root', version: 2 }] });
      if (root === undefined) throw new Error('no root');
      expect((await signAll(made.core, made.repository, root, [alice])).state).toBe('published');
      await (await Followers.of(made.core, made.repository)).follow();
      await end(made);
    });

    it('is nobody’s business where the service signs it', async () => {
      const made = await make('managed', managed);
      await made.wait(2);
      expect(await made.open()).toEqual([]);
      expect(made.core.heard.filter((line) => line.startsWith('failed'))).toEqual([]);
      await end(made);
    });
  });
}
