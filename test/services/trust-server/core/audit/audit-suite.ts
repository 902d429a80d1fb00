/** What leaves an event, what a tag's history shows, and what comes of refused calls. Runs over every database. */
import { hashLogged } from '@vidimus/tuf';
import { describe, expect, it } from 'vitest';
import { appendServiceEvents } from '../../../../../services/trust-server/src/core/audit/append-service-events.ts';
import {
  createRefusalRecorder,
  maxRefusalEvents,
  refusalWindowMs,
} from '../../../../../services/trust-server/src/core/audit/record-refusals.ts';
import type { AuditEvent } from '../../../../../services/trust-server/src/schemas/index.ts';
import type { Refusal } from '../../../../../services/trust-server/src/service.ts';
import type { DatabaseForSuite } from '../../../../support/each-database.ts';
import { type CoreForTest, call, digestOf, managed, openCore, tagOf } from '../core-for-test.ts';

export function auditSuite({ database }: DatabaseForSuite): void {
  let names = 0;
  const fresh = (name: string): string => {
    names += 1;
    return `registry.example.com/audited/${name}-${names}`;
  };
  const open = async (name: string): Promise<{ readonly core: CoreForTest; readonly repository: string }> => {
    const core = openCore(database(), { seed: name });
    const repository = fresh(name);
    await core.service.createRepository(call, repository, managed);
    return { core, repository };
  };
  const everything = { mayRead: () => true };
  const eventsOf = async ({ service }: CoreForTest, repository: string): Promise<readonly AuditEvent[]> =>
    (await service.readAudit({ repository }, { limit: 1_000 })).items;
  const serviceEvents = async ({ service }: CoreForTest): Promise<readonly AuditEvent[]> =>
    (await service.readAudit(everything, { limit: 1_000 })).items.filter(
      ({ repository }) => repository === '',
    );

  describe('events as they are printed', () => {
    it('can be hashed again by whoever reads them', async () => {
      const { core, repository } = await open('hashes');
      await core.service.putTag(call, repository, 'a', tagOf('a'));
      const events = [...(await eventsOf(core, repository))].reverse();
      let prevHash = '0'.repeat(64);
      for (const [index, event] of events.entries()) {
        expect(event).toMatchObject({ seq: index + 1, prevHash, incarnation: 1 });
        prevHash = hashLogged(prevHash, JSON.parse(JSON.stringify(event)));
        expect(event.hash).toBe(prevHash);
      }
      expect(events).toHaveLength(2);
    });
  });

  describe('the history of a tag', () => {
    const actions = async (
      { service }: CoreForTest,
      repository: string,
      tag: string,
    ): Promise<readonly string[]> =>
      (await service.readTagHistory(repository, tag, { limit: 100 })).items
        .map(({ action }) => action)
        .reverse();

    it('has rotations of the roles that vouch for it, since it is there', async () => {
      const { core, repository } = await open('rotations');
      const rotate = (role: string) =>
        core.service.rotateRole(call, repository, role, { to: [{ custody: 'managed' }], reason: 'yearly' });
      await rotate('targets');
      await core.service.putTag(call, repository, 'a', tagOf('a'));
      await rotate('targets');
      await rotate('root');
      await rotate('snapshot');
      expect(await actions(core, repository, 'a')).toEqual(['tag.sign', 'role.rotate', 'root.rotate']);
      expect(await actions(core, repository, 'never')).toEqual([]);
    });

    it('has what happens to delegated roles that listed it, and to no others', async () => {
      const { core, repository } = await open('delegated');
      const { service } = core;
      const held = (paths: readonly string[]) => ({
        signers: [{ name: 'ci', keys: [{ custody: 'managed' as const }] }],
        threshold: 1,
        paths: [...paths],
      });
      await service.putDelegation(call, repository, 'releases', held(['1.*']));
      await service.putDelegation(call, repository, 'edge', held(['edge']));
      await service.putTag(call, repository, '1.0', { ...tagOf('a'), role: 'releases' });
      await service.putTag(call, repository, 'plain', tagOf('b'));
      await service.putDelegation(call, repository, 'edge', held(['edge', 'edgy']));
      await service.putDelegation(call, repository, 'releases', held(['1.*', '2.*']));
      expect(await actions(core, repository, '1.0')).toEqual(['tag.sign', 'delegation.put']);
      expect(await actions(core, repository, 'plain')).toEqual(['tag.sign']);
    });

    it('has revocations of digests that it named earlier', async () => {
      const { core, repository } = await open('digests');
      await core.service.putTag(call, repository, 'a', tagOf('old'));
      await core.service.putTag(call, repository, 'a', tagOf('new'));
      await core.service.revokeDigest(call, repository, digestOf('old'), { reason: 'CVE' });
      await core.service.revokeDigest(call, repository, digestOf('unrelated'), { reason: 'CVE' });
      await core.service.liftRevocation(call, repository, digestOf('old'));
      expect(await actions(core, repository, 'a')).toEqual([
        'tag.sign',
        'tag.sign',
        'digest.revoke',
        'digest.lift',
      ]);
    });

    it('comes in pages', async () => {
      const { core, repository } = await open('pages');
      for (const text of ['1', '2', '3']) await core.service.putTag(call, repository, 'a', tagOf(text));
      await core.service.rotateRole(call, repository, 'targets', {
        to: [{ custody: 'managed' }],
        reason: 'x',
      });
      const first = await core.service.readTagHistory(repository, 'a', { limit: 3 });
      const rest = await core.service.readTagHistory(repository, 'a', { limit: 3, after: first.next ?? '' });
      expect([...first.items, ...rest.items].map(({ seq }) => seq)).toEqual([5, 4, 3, 2]);
      expect(rest.next).toBeUndefined();
    });
  });

  describe('events of the service itself', () => {
    it('form one chain, also when they are appended at the same time', async () => {
      const { core } = await open('service');
      const before = (await serviceEvents(core)).length;
      let ids = 0;
      const newId = () => `S${before}-${++ids}`;
      const event = { action: 'token.create', actor: 'token:admin', requestId: 'r', result: 'done' as const };
      await Promise.all(
        Array.from({ length: 5 }, () =>
          database().transaction((tx) =>
            appendServiceEvents({ newId }, tx, [event, event], core.clock.nowMs),
          ),
        ),
      );
      const events = [...(await serviceEvents(core))].sort((a, b) => a.seq - b.seq);
      expect(events.length).toBe(before + 10);
      for (const [index, { seq, prevHash }] of events.entries()) {
        expect(seq).toBe(index + 1);
        expect(prevHash).toBe(events[index - 1]?.hash ?? '0'.repeat(64));
      }
    });

    it('are not shown to whom they do not concern', async () => {
      const { core } = await open('hidden');
      const page = await core.service.readAudit({ mayRead: (name) => name !== '' }, { limit: 1_000 });
      expect(page.items.filter(({ repository }) => repository === '')).toEqual([]);
    });
  });

  describe('a refused call', () => {
    const refused = (repository: string | undefined, more: Partial<Refusal> = {}): Refusal => ({
      actor: 'token:narrow',
      requestId: 'req-9',
      method: 'put',
      route: '/v2/{repository}/_trust/tags/{tag}',
      code: 'DENIED',
      ...(repository === undefined ? {} : { repository }),
      ...more,
    });
    const refusalsIn = (events: readonly AuditEvent[]) =>
      events.filter(({ action }) => action === 'call.refused').map(({ after }) => after);

    it('leaves an event in the chain of the repository that it named', async () => {
      const { core, repository } = await open('refused');
      await core.service.recordRefusal(refused(repository));
      const [event] = await eventsOf(core, repository);
      expect(event).toMatchObject({
        action: 'call.refused',
        actor: 'token:narrow',
        requestId: 'req-9',
        result: 'refused',
        after: { method: 'put', route: '/v2/{repository}/_trust/tags/{tag}', code: 'DENIED' },
      });
      await core.service.putTag(call, repository, 'a', tagOf('a'));
    });

    it('leaves it with the service where there is no such repository, or none was named', async () => {
      const { core } = await open('nowhere');
      await core.service.recordRefusal(refused('registry.example.com/audited/not-here'));
      await core.service.recordRefusal(refused(undefined, { route: '/v2/_trust/tokens' }));
      const told = refusalsIn(await serviceEvents(core));
      expect(told).toContainEqual(
        expect.objectContaining({ repository: 'registry.example.com/audited/not-here' }),
      );
      expect(told).toContainEqual(expect.objectContaining({ route: '/v2/_trust/tokens' }));
    });

    it('is told once and then counted, however often it is repeated', async () => {
      const { core, repository } = await open('hammered');
      for (let turn = 0; turn < 500; turn += 1) await core.service.recordRefusal(refused(repository));
      expect(refusalsIn(await eventsOf(core, repository))).toHaveLength(1);
      core.clock.nowMs += refusalWindowMs;
      await core.service.recordRefusal(refused(repository));
      const told = refusalsIn(await eventsOf(core, repository));
      expect(told).toHaveLength(2);
      expect(told[0]).toMatchObject({ count: 500 });
    });

    it('that was only counted is told when the service stops', async () => {
      const { core, repository } = await open('stopped');
      for (let turn = 0; turn < 4; turn += 1) await core.service.recordRefusal(refused(repository));
      await core.service.stop();
      expect(refusalsIn(await eventsOf(core, repository))).toEqual([
        expect.objectContaining({ count: 3 }),
        expect.not.objectContaining({ count: expect.anything() }),
      ]);
    });

    it('fills no disk, though each be of another kind', async () => {
      const { core, repository } = await open('kinds');
      for (let turn = 0; turn < maxRefusalEvents + 50; turn += 1) {
        await core.service.recordRefusal(refused(repository, { route: `/v2/_trust/${turn}` }));
      }
      expect(refusalsIn(await eventsOf(core, repository))).toHaveLength(maxRefusalEvents);
      await core.service.recordRefusal(refused(repository, { actor: 'token:other' }));
      expect(refusalsIn(await eventsOf(core, repository))).toHaveLength(maxRefusalEvents + 1);
      core.clock.nowMs += 3_600_000;
      await core.service.recordRefusal(refused(repository, { code: 'VERSION_CONFLICT' }));
      expect(refusalsIn(await eventsOf(core, repository))).toHaveLength(maxRefusalEvents + 2);
    });

    it('that cannot be written fails nothing but itself', async () => {
      const { core, repository } = await open('unwritten');
      const heard: unknown[] = [];
      const broken = { ...database(), transaction: () => Promise.reject(new Error('no database')) };
      const recorder = createRefusalRecorder({
        database: broken,
        now: () => core.clock.nowMs,
        newId: () => 'x',
        onError: (error) => heard.push(error),
      });
      await recorder.record(refused(repository));
      expect(heard).toHaveLength(1);
    });
  });
}
