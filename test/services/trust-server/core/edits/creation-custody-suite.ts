/** Repositories whose roles below root are in other hands from the first version on. Runs over every kind of database. */
import { ed25519FromSeed, sha256 } from '@vidimus/crypto';
import { ed25519KeyObject, keyIdOf } from '@vidimus/notary';
import { describe, expect, it } from 'vitest';
import type { Change, CreateRepository } from '../../../../../services/trust-server/src/schemas/index.ts';
import type { DatabaseForSuite } from '../../../../support/each-database.ts';
import { call, changeOf, clientKey, codeOf, day, openCore, tagOf } from '../core-for-test.ts';
import {
  type AnyKey,
  clientEntry,
  Followers,
  managedEntry,
  notaryEntry,
  signAll,
} from '../rotation/rotation-for-test.ts';

const alice = clientKey('alice');
const [bob, carol, dave] = [clientKey('bob'), clientKey('carol'), clientKey('dave')];
const security = clientKey('security');

const rolesOf = (change: Change) => change.documents.map(({ dialect, role }) => `${dialect} ${role}`);

export function creationCustodySuite(given: DatabaseForSuite): void {
  const propose = async (name: string, body: CreateRepository) => {
    const core = openCore(given.database(), { seed: `custody ${given.kind}` });
    const repository = `registry.example.com/custody/${name}`;
    return {
      core,
      repository,
      change: await changeOf(core.service.createRepository(call, repository, body)),
    };
  };

  describe('a creation with roles below root in other hands', () => {
    it('has a document for each of them, and is published when all are signed', async () => {
      const body: CreateRepository = {
        roles: {
          root: { keys: [clientEntry(alice)] },
          targets: { keys: [bob, carol, dave].map(clientEntry), threshold: 2 },
          revocations: { keys: [clientEntry(security), managedEntry], threshold: 2 },
        },
      };
      const { core, repository, change } = await propose('all', body);
      expect(rolesOf(change)).toEqual(['tuf root', 'tuf targets', 'tuf revocations']);
      expect(change.times.expires).toEqual({
        root: '2027-11-21T09:00:00Z',
        targets: '2027-02-19T09:00:00Z',
        revocations: '2026-12-21T09:00:00Z',
      });
      expect(change.documents.map(({ missing }) => missing)).toEqual([1, 2, 1]);
      core.clock.nowMs += day;
      for (const key of [alice, bob, security]) {
        expect((await signAll(core, repository, change, [key])).state).toBe('open');
      }
      const signed = await signAll(core, repository, change, [dave]);
      expect(signed).toMatchObject({
        state: 'published',
        published: { root: 1, targets: 1, revocations: 1, snapshot: 1, timestamp: 1 },
      });
      const { root } = await (await Followers.of(core, repository)).follow();
      expect(root.roles.targets.threshold).toBe(2);
      const { roles, problems } = await core.service.readRepository(repository);
      expect(roles).toMatchObject({
        targets: { custody: 'client', independentCustodians: 3 },
        revocations: { custody: 'mixed', independentCustodians: 2 },
        snapshot: { custody: 'managed' },
      });
      expect(problems).toEqual([]);
    });

    it('shows root also where the service signs it', async () => {
      const body: CreateRepository = {
        roles: { root: { keys: [managedEntry] }, targets: { keys: [clientEntry(bob)] } },
      };
      const { core, repository, change } = await propose('managed-root', body);
      expect(change.documents.map(({ role, missing }) => [role, missing])).toEqual([
        ['root', 0],
        ['targets', 1],
      ]);
      expect((await signAll(core, repository, change, [bob])).state).toBe('published');
      await (await Followers.of(core, repository)).follow();
      const again = await core.service.createRepository(call, repository, body);
      expect(again).toMatchObject({ outcome: 'done', created: false });
    });

    it('says in a dry run who would hold what', async () => {
      const core = openCore(given.database(), { seed: `custody dry ${given.kind}` });
      const body: CreateRepository = {
        roles: {
          root: { keys: [managedEntry] },
          revocations: { keys: [managedEntry, clientEntry(security)] },
        },
      };
      const dry = await core.service.createRepository(
        { ...call, dryRun: true },
        'registry.example.com/custody/dry',
        body,
      );
      if (dry.outcome !== 'done') throw new Error('the service could sign it');
      expect(dry.body.roles).toMatchObject({
        root: { custody: 'managed' },
        revocations: { custody: 'mixed', independentCustodians: 2, threshold: 1 },
      });
    });

    it('is signed in both dialects', async () => {
      const { publicRaw, signer } = ed25519FromSeed(sha256(new TextEncoder().encode('notary targets')));
      const declared = ed25519KeyObject(publicRaw);
      const notary: AnyKey & { declared: typeof declared } = { keyId: keyIdOf(declared), declared, signer };
      const body: CreateRepository = {
        dialects: ['tuf', 'notary'],
        roles: {
          root: { keys: [managedEntry] },
          targets: { keys: [clientEntry(bob), notaryEntry(notary)] },
        },
      };
      const { core, repository, change } = await propose('dual', body);
      expect(rolesOf(change)).toEqual(['tuf root', 'tuf targets', 'notary root', 'notary targets']);
      expect(change.times.expires['notary:targets']).toBe('2029-11-20T09:00:00Z');
      expect((await signAll(core, repository, change, [bob])).state).toBe('open');
      expect((await signAll(core, repository, change, [notary])).state).toBe('published');
      await (await Followers.of(core, repository, 2)).follow();
      const without = { ...body, roles: { ...body.roles, targets: { keys: [clientEntry(bob)] } } };
      const elsewhere = 'registry.example.com/custody/dual-half';
      expect(await codeOf(core.service.createRepository(call, elsewhere, without))).toBe('THRESHOLD_INVALID');
    });

    it.each([
      ['the key of root in targets', { targets: { keys: [clientEntry(alice)] } }, 'KEY_INVALID'],
      ['the key of root in revocations', { revocations: { keys: [clientEntry(alice)] } }, 'KEY_INVALID'],
      [
        'a timestamp in the hands of a client',
        { timestamp: { keys: [clientEntry(bob)] } },
        'CUSTODY_INVALID',
      ],
      [
        'a snapshot in mixed hands',
        { snapshot: { keys: [clientEntry(bob), managedEntry] } },
        'CUSTODY_INVALID',
      ],
      [
        'a threshold above the keys',
        { targets: { keys: [clientEntry(bob)], threshold: 2 } },
        'THRESHOLD_INVALID',
      ],
      [
        'two managed keys as two custodians',
        { targets: { keys: [clientEntry(bob), managedEntry, managedEntry], threshold: 2 } },
        'CUSTODY_INVALID',
      ],
    ])('refuses %s', async (name, roles, code) => {
      const core = openCore(given.database(), { seed: `custody bad ${given.kind}` });
      const repository = `registry.example.com/custody/bad-${name.replaceAll(' ', '-')}`;
      const body: CreateRepository = { roles: { root: { keys: [clientEntry(alice)] }, ...roles } };
      expect(await codeOf(core.service.createRepository(call, repository, body))).toBe(code);
    });

    it('refuses what the key of another role signed', async () => {
      const body: CreateRepository = {
        roles: { root: { keys: [clientEntry(alice)] }, targets: { keys: [clientEntry(bob)] } },
      };
      const { core, repository, change } = await propose('other-role', body);
      const [, targets] = change.documents;
      if (targets === undefined) throw new Error('no targets');
      const asked = {
        ...change,
        documents: [
          { ...targets, thresholds: [{ of: 'role' as const, threshold: 1, keyIds: [alice.keyId] }] },
        ],
      };
      expect(await codeOf(signAll(core, repository, asked, [alice]))).toBe('SIGNATURE_INVALID');
      expect(await codeOf(core.service.putTag(call, repository, '1.0', tagOf('a')))).toBe(
        'REPOSITORY_UNKNOWN',
      );
    });
  });
}
