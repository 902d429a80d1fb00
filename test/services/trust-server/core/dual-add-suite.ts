/** The dialect `notary` for a repository that has `tuf`, and what its wire refuses then. Runs over every kind of database. */
import { keyKeys } from '@vidimus/database';
import { NotaryError } from '@vidimus/notary';
import { and, eq, isNull } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import type { AddDialects, CreateRepository } from '../../../../services/trust-server/src/schemas/index.ts';
import type { DatabaseForSuite } from '../../../support/each-database.ts';
import {
  bodyOf,
  call,
  changeOf,
  clientKey,
  codeOf,
  day,
  digestOf,
  errorOf,
  managed,
  openCore,
  signRoot,
  startMs,
  tagOf,
} from './core-for-test.ts';
import {
  BothReaders,
  type CertifiedKey,
  certifiedKey,
  dualManaged,
  signNotaryRoot,
} from './dual-for-test.ts';
import { wireCall } from './notary-owner-for-test.ts';

const both: AddDialects = { dialects: ['tuf', 'notary'] };
const alice = clientKey('alice');

const withKeys = (...keys: readonly CertifiedKey[]): AddDialects => ({
  ...both,
  roles: {
    root: { keys: keys.map(({ declared }) => ({ custody: 'client', dialect: 'notary', key: declared })) },
  },
});

export function dualAddSuite(given: DatabaseForSuite): void {
  const make = async (name: string, body: CreateRepository = managed) => {
    const core = openCore(given.database(), { seed: `dual add ${given.kind}` });
    const repository = `registry.example.com/dual-add/${name}`;
    const outcome = await core.service.createRepository(call, repository, body);
    if (outcome.outcome === 'change') {
      const signatures = [await signRoot(outcome.change, alice)];
      await core.service.signChange(call, repository, outcome.change.id, { signatures });
    }
    return { ...core, core, repository };
  };
  const held: CreateRepository = {
    roles: { root: { keys: [{ custody: 'client', key: alice.declared }] } },
  };

  describe('the dialect notary added to a repository with a managed root', () => {
    it('is there at once, with every tag from its first version', async () => {
      const { core, service, repository } = await make('managed');
      await service.editTags(call, repository, {
        sign: [
          { tag: '1.0', ...tagOf('a'), custom: { build: 7 } },
          { tag: '2.0', ...tagOf('b') },
        ],
      });
      const body = await bodyOf(service.addDialects(call, repository, both));
      expect(body).toMatchObject({ dialects: ['tuf', 'notary'], tagCount: 2 });
      expect(body.mirrored).toBeUndefined();
      const readers = await BothReaders.open(core, repository);
      expect(await readers.tags()).toEqual({ '1.0': digestOf('a'), '2.0': digestOf('b') });
      const [tuf, notary] = [await readers.tuf.refresh(), await readers.notary.refresh()];
      expect(notary.targets.document.targets.get('1.0')).toEqual(tuf.targets.document.targets.get('1.0'));
      expect(notary.targets.document.version).toBe(1);
      expect([tuf.targets.document.version, tuf.timestamp.document.version]).toEqual([2, 3]);
      await service.putTag(call, repository, '3.0', tagOf('c'));
      expect(Object.keys(await readers.tags())).toEqual(['1.0', '2.0', '3.0']);
    });

    it('is the same when asked for again, and once when two ask at the same moment', async () => {
      const { service, repository } = await make('again');
      await Promise.all([1, 2, 3].map(() => service.addDialects(call, repository, both)));
      const body = await bodyOf(service.addDialects(call, repository, { dialects: ['notary', 'tuf'] }));
      expect(body.versions['timestamp']).toBe(2);
      const { items } = await service.readAudit({ repository }, { limit: 10 });
      expect(items.map(({ action }) => action)).toEqual(['repository.dialects', 'repository.create']);
      expect(items[0]).toMatchObject({
        before: { dialects: ['tuf'] },
        after: { dialects: ['tuf', 'notary'] },
      });
    });

    it('asked for as tuf alone changes nothing', async () => {
      const { service, repository } = await make('tuf-alone');
      const body = await bodyOf(service.addDialects(call, repository, { dialects: ['tuf'] }));
      expect(body).toMatchObject({ dialects: ['tuf'], versions: { timestamp: 1 } });
    });

    it('is shown by a dry run and not made', async () => {
      const { service, repository } = await make('dry');
      const outcome = await service.addDialects({ ...call, dryRun: true }, repository, both);
      expect(outcome).toMatchObject({
        outcome: 'done',
        body: { dialects: ['tuf', 'notary'] },
        impact: { versions: { timestamp: 2 } },
      });
      expect((await service.readRepository(repository)).dialects).toEqual(['tuf']);
      expect(await service.readNotary(repository, { role: 'root' })).toBeUndefined();
    });

    it('waits for a client where the client holds its root', async () => {
      const { core, service, repository } = await make('client');
      await service.putTag(call, repository, '1.0', tagOf('a'));
      const carol = await certifiedKey('carol', repository);
      const change = await changeOf(service.addDialects(call, repository, withKeys(carol)));
      await service.putTag(call, repository, '1.0', tagOf('b'));
      await service.putTag(call, repository, '2.0', tagOf('c'));
      const signatures = [await signNotaryRoot(change, carol)];
      const signed = await service.signChange(call, repository, change.id, { signatures });
      expect(signed.state).toBe('published');
      const readers = await BothReaders.open(core, repository);
      expect(await readers.tags()).toEqual({ '1.0': digestOf('b'), '2.0': digestOf('c') });
    });
  });

  describe('the dialect notary added to a repository with a client-held root', () => {
    it('is a change whose document is the first root, and lists what is current when it is signed', async () => {
      const { core, service, repository } = await make('held', held);
      const carol = await certifiedKey('carol', repository);
      const change = await changeOf(service.addDialects(call, repository, withKeys(carol)));
      expect(change).toMatchObject({
        kind: 'dialects',
        edit: { method: 'PATCH', path: `/v2/${repository}/_trust`, body: withKeys(carol) },
        documents: [
          {
            dialect: 'notary',
            role: 'root',
            version: 1,
            missing: 1,
            thresholds: [{ of: 'role', threshold: 1, keyIds: [carol.keyId] }],
          },
        ],
      });
      expect((await service.readRepository(repository)).openChanges).toBe(1);
      await service.putTag(call, repository, '1.0', tagOf('a'));
      const body = { signatures: [await signNotaryRoot(change, carol)] };
      expect((await service.signChange(call, repository, change.id, body)).state).toBe('published');
      expect((await service.signChange(call, repository, change.id, body)).state).toBe('published');
      const readers = await BothReaders.open(core, repository);
      expect(await readers.tags()).toEqual({ '1.0': digestOf('a') });
      const summary = await service.readRepository(repository);
      expect(summary).toMatchObject({ dialects: ['tuf', 'notary'], openChanges: 0, problems: [] });
    });

    it('warns before the root of either dialect expires', async () => {
      const { service, repository, clock } = await make('expiring', held);
      const carol = await certifiedKey('carol', repository);
      clock.nowMs += 10 * day;
      const change = await changeOf(service.addDialects(call, repository, withKeys(carol)));
      const signatures = [await signNotaryRoot(change, carol)];
      await service.signChange(call, repository, change.id, { signatures });
      clock.nowMs = startMs + 340 * day;
      await service.renew();
      const told = { code: 'ROLE_EXPIRING', role: 'root' };
      // Its holders have been asked for a signature, too.
      const asked = { code: 'CHANGE_OPEN' };
      expect((await service.readRepository(repository)).problems).toMatchObject([told, asked]);
      clock.nowMs = startMs + 350 * day;
      await service.renew();
      const both = [told, { ...told, dialect: 'notary' }, asked];
      expect((await service.readRepository(repository)).problems).toMatchObject(both);
      const fleet = await service.listRepositories({ prefix: repository, mayRead: () => true }, { limit: 5 });
      const each = both.map((problem) => expect.objectContaining(problem));
      expect(fleet.items[0]?.problems).toHaveLength(3);
      expect(fleet.items[0]?.problems).toEqual(expect.arrayContaining(each));
    });

    it('can be rejected: the repository goes on, and its keys are gone', async () => {
      const { core, service, repository } = await make('rejected', held);
      const carol = await certifiedKey('carol', repository);
      const first = await changeOf(service.addDialects(call, repository, withKeys(carol)));
      await service.rejectChange(call, repository, first.id);
      await bodyOf(service.putTag(call, repository, '1.0', tagOf('a')));
      expect(await service.readNotary(repository, { role: 'root' })).toBeUndefined();
      const change = await changeOf(service.addDialects(call, repository, withKeys(carol)));
      expect(change.insteadOf).toEqual([first.id]);
      await service.signChange(call, repository, change.id, {
        signatures: [await signNotaryRoot(change, carol)],
      });
      expect(await (await BothReaders.open(core, repository)).tags()).toEqual({ '1.0': digestOf('a') });
    });

    it('is a conflict when asked for otherwise, unless it supersedes', async () => {
      const { service, repository } = await make('conflict', held);
      const [carol, dave] = [await certifiedKey('c', repository), await certifiedKey('d', repository)];
      const change = await changeOf(service.addDialects(call, repository, withKeys(carol)));
      const error = await errorOf(service.addDialects(call, repository, withKeys(dave)));
      expect(error).toMatchObject({ code: 'CHANGE_CONFLICT', detail: { change: change.id } });
      const next = await changeOf(
        service.addDialects({ ...call, supersede: change.id }, repository, withKeys(dave)),
      );
      expect(next.insteadOf).toEqual([change.id]);
      expect((await service.readChange(repository, change.id)).state).toBe('rejected');
    });

    it('may supersede a rotation of root: the keys made for that are used no more', async () => {
      const { service, repository } = await make('rotation', held);
      const own = async () =>
        (
          await given
            .database()
            .db.select({ keyId: keyKeys.keyId })
            .from(keyKeys)
            .where(
              and(eq(keyKeys.repository, repository), eq(keyKeys.dialect, 'tuf'), isNull(keyKeys.retiredAt)),
            )
        ).length;
      const before = await own();
      const to = [{ custody: 'client' as const, key: alice.declared }, { custody: 'managed' as const }];
      const rotation = await changeOf(
        service.rotateRole(call, repository, 'root', { to, reason: 'a second key' }),
      );
      expect(await own()).toBe(before + 1);
      const carol = await certifiedKey('carol', repository);
      await changeOf(service.addDialects({ ...call, supersede: rotation.id }, repository, withKeys(carol)));
      expect((await service.readChange(repository, rotation.id)).state).toBe('rejected');
      expect(await own()).toBe(before);
    });

    it('ends with the repository', async () => {
      const { service, repository } = await make('ended', held);
      const carol = await certifiedKey('carol', repository);
      const change = await changeOf(service.addDialects(call, repository, withKeys(carol)));
      await service.endRepository(call, repository);
      const body = { signatures: [await signNotaryRoot(change, carol)] };
      expect(await codeOf(service.signChange(call, repository, change.id, body))).toBe('CHANGE_CLOSED');
    });
  });

  describe('the dialect notary is refused', () => {
    it.each([
      ['a list without tuf', { dialects: ['notary'] }, 'BODY_INVALID'],
      ['the same dialect twice', { dialects: ['tuf', 'notary', 'notary'] }, 'BODY_INVALID'],
      ['nobody who holds root', both, 'CUSTODY_INVALID'],
      [
        'a root left online',
        { ...both, roles: { root: { keys: [{ custody: 'managed' }] } } },
        'CUSTODY_INVALID',
      ],
      [
        'a root key of the other dialect',
        { ...both, roles: { root: { keys: [{ custody: 'client', key: alice.declared }] } } },
        'KEY_INVALID',
      ],
    ] as const)('with %s', async (name, body, code) => {
      const { service, repository } = await make(`refused-${name.replaceAll(' ', '-')}`, held);
      // The table is readonly data; the body is not written to.
      const error = await errorOf(service.addDialects(call, repository, structuredClone(body) as never));
      expect(error.code).toBe(code);
      expect((await service.readRepository(repository)).openChanges).toBe(0);
    });

    it('with a certificate for another repository, or one that has expired', async () => {
      const { service, repository } = await make('certificates', held);
      const other = await certifiedKey('carol', `${repository}-other`);
      const old = await certifiedKey('carol', repository, {
        notBefore: startMs - 9 * day,
        notAfter: startMs - day,
      });
      for (const key of [other, old]) {
        const error = await errorOf(service.addDialects(call, repository, withKeys(key)));
        expect(error).toMatchObject({ code: 'KEY_INVALID', detail: { dialect: 'notary' } });
      }
    });

    it('with fewer root keys than the threshold that root has', async () => {
      const bob = clientKey('bob');
      const two: CreateRepository = {
        roles: {
          root: {
            threshold: 2,
            keys: [alice, bob].map(({ declared }) => ({ custody: 'client' as const, key: declared })),
          },
        },
      };
      const { service, repository } = await make('threshold', two);
      const { items } = await service.listChanges(repository, {}, { limit: 1 });
      const [creation] = items;
      if (creation === undefined) throw new Error('no change');
      await service.signChange(call, repository, creation.id, {
        signatures: [await signRoot(creation, bob)],
      });
      const error = await errorOf(
        service.addDialects(call, repository, withKeys(await certifiedKey('carol', repository))),
      );
      expect(error).toMatchObject({ code: 'THRESHOLD_INVALID', detail: { dialect: 'notary', keys: 1 } });
    });

    it('to a repository whose tags stand in bins', async () => {
      const { service, repository } = await make('bins');
      const sign = Array.from({ length: 1_001 }, (_, index) => ({ tag: `v${index}`, ...tagOf(`${index}`) }));
      await service.editTags(call, repository, { sign });
      expect(await codeOf(service.addDialects(call, repository, both))).toBe('DIALECT_INEXPRESSIBLE');
      expect((await service.readRepository(repository)).dialects).toEqual(['tuf']);
    });

    it('to a repository that is not there, waits for its creation, or has another base', async () => {
      const { service, repository } = await make('base');
      const at = { ...call, ifMatch: { role: 'targets', version: 9 } };
      expect(await codeOf(service.addDialects(at, repository, both))).toBe('VERSION_CONFLICT');
      expect(await codeOf(service.addDialects(call, `${repository}-none`, both))).toBe('REPOSITORY_UNKNOWN');
      await service.createRepository(call, `${repository}-waits`, held);
      expect(await codeOf(service.addDialects(call, `${repository}-waits`, both))).toBe('REPOSITORY_UNKNOWN');
    });

    it('without the root master key, where root is managed', async () => {
      const { repository, clock } = await make('no-master');
      const { service } = openCore(given.database(), { seed: 'rootless', rootMaster: false, clock });
      expect(await codeOf(service.addDialects(call, repository, both))).toBe('SIGNER_UNAVAILABLE');
    });
  });

  describe('the Notary wire of a repository that the service publishes', () => {
    const refused = async (promise: Promise<unknown>) => {
      try {
        await promise;
      } catch (error) {
        if (error instanceof NotaryError) return error;
        throw error;
      }
      throw new Error('it was not refused');
    };

    it('gives the current key of timestamp and snapshot, as root lists it', async () => {
      const { core, service, repository } = await make('key', dualManaged);
      const { root } = await (await BothReaders.open(core, repository)).notary.refresh();
      for (const role of ['timestamp', 'snapshot'] as const) {
        const key = await service.notaryKey({ ...wireCall, mayCreate: false }, repository, role, 'current');
        const [keyId = ''] = root.document.roles[role].keyIds;
        expect(key).toEqual(root.document.keys.get(keyId)?.declared);
      }
    });

    it.each([
      ['an upload', dualManaged],
      ['an upload to one that has tuf alone', managed],
    ])('refuses %s, also of what it serves itself', async (name, body) => {
      const { service, repository } = await make(`upload-${name.length}`, body);
      const root = await service.readNotary(repository, { role: 'root' });
      const parts = [{ role: 'root', bytes: root?.bytes ?? new Uint8Array([0x7b, 0x7d]) }];
      for (const uploaded of [parts, [{ role: 'targets', bytes: new Uint8Array(1_000) }], []]) {
        const error = await refused(service.updateNotary(wireCall, repository, uploaded));
        expect(error.code).toBe('INVALID_UPDATE');
        expect(error.message).toContain('vidimus sign');
      }
    });

    it('refuses to rotate its keys and to delete it', async () => {
      const { service, repository } = await make('rotate', dualManaged);
      const rotated = await refused(service.notaryKey(wireCall, repository, 'timestamp', 'rotate'));
      const deleted = await refused(service.endNotary(wireCall, repository));
      expect([rotated.code, deleted.code]).toEqual(['INVALID_UPDATE', 'INVALID_UPDATE']);
      expect(await service.hasRepository(repository)).toBe(true);
    });

    it('knows nothing of a repository that has tuf alone, and deletes none', async () => {
      const { service, repository } = await make('tuf-only');
      expect(await service.readNotary(repository, { role: 'timestamp' })).toBeUndefined();
      await service.endNotary(wireCall, repository);
      expect((await service.readRepository(repository)).incarnation).toBe(1);
    });
  });
}
