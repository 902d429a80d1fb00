/** Roles that get other keys where there are two dialects, or the other one alone. Runs over every kind of database. */
import { ed25519FromSeed, sha256 } from '@vidimus/crypto';
import { ed25519KeyObject, keyIdOf } from '@vidimus/notary';
import { describe, expect, it } from 'vitest';
import type { CreateRepository } from '../../../../../services/trust-server/src/schemas/index.ts';
import type { DatabaseForSuite } from '../../../../support/each-database.ts';
import { bodyOf, call, changeOf, clientKey, codeOf, digestOf, openCore, tagOf } from '../core-for-test.ts';
import { certifiedKey, dualManaged, heldInBoth, NotaryReader } from '../dual-for-test.ts';
import { NotaryOwner, tufKeyId } from '../notary-owner-for-test.ts';
import {
  type AnyKey,
  clientEntry,
  Followers,
  managedEntry,
  notaryEntry,
  signAll,
} from './rotation-for-test.ts';

const reason = 'yearly';

/** A key of the `notary` dialect below root. */
function notaryKey(name: string) {
  const { publicRaw, signer } = ed25519FromSeed(sha256(new TextEncoder().encode(`notary ${name}`)));
  const declared = ed25519KeyObject(publicRaw);
  return { keyId: keyIdOf(declared), declared, signer };
}

export function dualRotationSuite(given: DatabaseForSuite): void {
  const open = (name: string) => ({
    core: openCore(given.database(), { seed: `dual rotation ${given.kind}` }),
    repository: `registry.example.com/dual-rotation/${name}`,
  });
  const make = async (name: string, body: CreateRepository, keys: readonly AnyKey[] = []) => {
    const { core, repository } = open(name);
    const created = await core.service.createRepository(call, repository, body);
    if (created.outcome === 'change') await signAll(core, repository, created.change, keys);
    await bodyOf(core.service.putTag(call, repository, '1.0', tagOf('a')));
    return { core, repository, followers: await Followers.of(core, repository, 2) };
  };

  describe('a role of a repository in both dialects', () => {
    it('gets a key of its own in each, in one publish, and clients of both follow', async () => {
      const { core, repository, followers } = await make('managed', dualManaged);
      for (const role of ['root', 'targets', 'snapshot', 'timestamp', 'revocations']) {
        const body = { to: [managedEntry], reason };
        await bodyOf(core.service.rotateRole(call, repository, role, body));
        expect((await followers.follow()).tags).toEqual({ '1.0': digestOf('a') });
      }
      await bodyOf(core.service.putTag(call, repository, '2.0', tagOf('b')));
      expect(Object.keys((await followers.follow()).tags)).toEqual(['1.0', '2.0']);
    });

    it('goes to people with a key in each, and back', async () => {
      const { core, repository, followers } = await make('people', dualManaged);
      const [tuf, notary] = [clientKey('both'), notaryKey('both')];
      const body = { to: [clientEntry(tuf)], reason };
      expect(await codeOf(core.service.rotateRole(call, repository, 'targets', body))).toBe('KEY_INVALID');
      const to = [clientEntry(tuf), notaryEntry(notary)];
      const change = await changeOf(core.service.rotateRole(call, repository, 'targets', { to, reason }));
      expect(change.documents.map(({ dialect, role }) => [dialect, role])).toEqual([
        ['tuf', 'targets'],
        ['notary', 'targets'],
      ]);
      expect(change.base).toEqual({ root: 1, targets: 2, 'notary:root': 1, 'notary:targets': 2 });
      expect((await signAll(core, repository, change, [tuf])).state).toBe('open');
      expect((await signAll(core, repository, change, [notary])).state).toBe('published');
      expect((await followers.follow()).tags).toEqual({ '1.0': digestOf('a') });
      await bodyOf(core.service.rotateRole(call, repository, 'targets', { to: [managedEntry], reason }));
      expect((await followers.follow()).tags).toEqual({ '1.0': digestOf('a') });
    });

    it('changes the hands of root in both, or in neither', async () => {
      const name = 'registry.example.com/dual-rotation/hands';
      const [alice, bob] = [clientKey('alice'), clientKey('bob')];
      const [cert, next] = [await certifiedKey('alice', name), await certifiedKey('bob', name)];
      const { core, repository, followers } = await make('hands', heldInBoth([alice], [cert]), [alice, cert]);
      const to = [clientEntry(bob), notaryEntry(next)];
      const change = await changeOf(core.service.rotateRole(call, repository, 'root', { to, reason }));
      expect((await signAll(core, repository, change, [alice, bob, cert])).state).toBe('open');
      expect((await followers.follow()).root.version).toBe(1);
      expect((await signAll(core, repository, change, [next])).state).toBe('published');
      expect((await followers.follow()).root.roles.root.keyIds).toEqual([bob.keyId]);
    });

    it('refuses a root key without a certificate for the repository', async () => {
      const { core, repository } = await make('bare', dualManaged);
      const [tuf, other] = [clientKey('bare'), await certifiedKey('bare', 'registry.example.com/other')];
      for (const notary of [notaryKey('bare'), other]) {
        const to = [clientEntry(tuf), notaryEntry(notary)];
        expect(await codeOf(core.service.rotateRole(call, repository, 'root', { to, reason }))).toBe(
          'KEY_INVALID',
        );
      }
    });
  });

  describe('a role of a repository that Notary clients publish', () => {
    it('gets a new key where the service holds it, by a root that the owner signs', async () => {
      const { core, repository } = open('origin');
      const owner = await NotaryOwner.create(core, repository, { '1.0': 'a' });
      const reader = new NotaryReader(core, repository);
      await reader.refresh();
      for (const role of ['timestamp', 'snapshot']) {
        const body = { to: [managedEntry], reason };
        const change = await changeOf(core.service.rotateRole(call, repository, role, body));
        expect(change.documents.map(({ dialect, role: of }) => [dialect, of])).toEqual([['notary', 'root']]);
        expect((await signAll(core, repository, change, [owner.rootKey])).state).toBe('published');
        expect(await reader.targets()).toEqual({ '1.0': digestOf('a') });
        expect(await new NotaryReader(core, repository).targets()).toEqual({ '1.0': digestOf('a') });
      }
      core.clock.nowMs += 40 * 86_400_000;
      await core.service.renew();
      expect(core.heard.filter((line) => line.startsWith('failed'))).toEqual([]);
      expect(await reader.targets()).toEqual({ '1.0': digestOf('a') });
    });

    it('is not touched where they hold it', async () => {
      const { core, repository } = open('origin-held');
      await NotaryOwner.create(core, repository, { '1.0': 'a' });
      for (const role of ['root', 'targets']) {
        const body = { to: [managedEntry], reason };
        expect(await codeOf(core.service.rotateRole(call, repository, role, body))).toBe('CUSTODY_INVALID');
      }
    });

    it('gets a new key in the mirrored dialect by the owner’s root, never another root', async () => {
      const { core, repository } = open('mirrored');
      const owner = await NotaryOwner.create(core, repository, { '1.0': 'a' });
      const added = await changeOf(
        core.service.addDialects(call, repository, { dialects: ['tuf', 'notary'] }),
      );
      const ownerKey = { ...owner.rootKey, keyId: tufKeyId(owner.rootKey) };
      const sign = async (change: typeof added) => {
        const tuf = change.documents.filter(({ dialect }) => dialect === 'tuf');
        const notary = change.documents.filter(({ dialect }) => dialect === 'notary');
        let state = change.state;
        if (tuf.length > 0) {
          const signatures = [await owner.signTuf(change)];
          ({ state } = await core.service.signChange(call, repository, change.id, { signatures }));
        }
        if (notary.length > 0) {
          ({ state } = await signAll(core, repository, { ...change, documents: notary }, [owner.rootKey]));
        }
        return state;
      };
      expect(ownerKey.keyId).toHaveLength(64);
      expect(await sign(added)).toBe('published');
      const followers = await Followers.of(core, repository, 2);
      const body = { to: [managedEntry], reason };
      expect(await codeOf(core.service.rotateRole(call, repository, 'root', body))).toBe('CUSTODY_INVALID');
      for (const [role, dialects] of [
        ['targets', ['tuf']],
        ['snapshot', ['tuf', 'notary']],
        ['timestamp', ['tuf', 'notary']],
      ] as const) {
        const change = await changeOf(core.service.rotateRole(call, repository, role, body));
        expect(change.documents.map(({ dialect }) => dialect)).toEqual(dialects);
        expect(await sign(change)).toBe('published');
        expect((await followers.follow()).tags).toEqual({ '1.0': digestOf('a') });
      }
      await bodyOf(core.service.rotateRole(call, repository, 'revocations', body));
      expect((await followers.follow()).tags).toEqual({ '1.0': digestOf('a') });
      expect((await core.service.readRepository(repository)).problems).toEqual([]);
    });
  });
}
