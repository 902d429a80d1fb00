/** Keys of repositories in two dialects, or in that of Notary clients. Runs over every kind of database. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { DatabaseForSuite } from '../../../../support/each-database.ts';
import {
  bodyOf,
  type CoreForTest,
  call,
  changeOf,
  clientKey,
  digestOf,
  errorOf,
  openCore,
  signRoot,
  tagOf,
} from '../core-for-test.ts';
import {
  BothReaders,
  certifiedKey,
  dualManaged,
  heldInBoth,
  NotaryReader,
  signNotaryRoot,
} from '../dual-for-test.ts';
import { NotaryOwner } from '../notary-owner-for-test.ts';

const reason = 'laptop stolen';
let names = 0;

export function dualRevocationSuite(given: DatabaseForSuite): void {
  let core: CoreForTest;
  beforeAll(() => {
    core = openCore(given.database(), { seed: `dual revocation ${given.kind}` });
  });
  const fresh = (name: string): string => {
    names += 1;
    return `registry.example.com/dual-revocation/${name}-${names}`;
  };
  const idOf = async (repository: string, dialect: 'tuf' | 'notary', role: string): Promise<string> => {
    const { items } = await core.service.listKeys(repository, { limit: 100 });
    const found = items.find(({ roles, dialects }) => roles.includes(role) && dialects.includes(dialect));
    if (found === undefined) throw new Error(`no key of ${role}`);
    return found.keyId;
  };

  describe('in a repository in both dialects', () => {
    it.each([
      ['tuf', 'root'],
      ['notary', 'root'],
      ['tuf', 'targets'],
      ['notary', 'targets'],
      ['notary', 'snapshot'],
      ['notary', 'timestamp'],
    ] as const)('the key of %s %s is replaced, and readers of both follow', async (dialect, role) => {
      const repository = fresh('managed');
      await bodyOf(core.service.createRepository(call, repository, dualManaged));
      await bodyOf(core.service.putTag(call, repository, 'v1', tagOf('one')));
      const readers = await BothReaders.open(core, repository);
      expect(await readers.tags()).toEqual({ v1: digestOf('one') });
      const key = await idOf(repository, dialect, role);
      const wish = { replacement: { custody: 'managed' as const } };
      const impact = await core.service.readKeyImpact(repository, key, wish);
      expect(impact.roles).toEqual([{ role, dialects: [dialect], threshold: 1, keysLeft: 1, breaks: false }]);
      const { published: _, ...done } = await bodyOf(
        core.service.revokeKey(call, repository, key, { reason, ...wish }),
      );
      expect(done).toEqual(impact);
      expect(await readers.tags()).toEqual({ v1: digestOf('one') });
      await bodyOf(core.service.putTag(call, repository, 'v2', tagOf('two')));
      expect(Object.keys(await readers.tags())).toEqual(['v1', 'v2']);
      expect(await core.service.readKey(repository, key)).toMatchObject({ roles: [], formerRoles: [role] });
    });

    it('a root certificate is known by the ids that Notary clients show, and goes by any of them', async () => {
      const repository = fresh('certificate');
      const [alice, dana] = [clientKey('dual alice'), clientKey('dual dana')];
      const certificates = [
        await certifiedKey(`alice of ${repository}`, repository),
        await certifiedKey(`dana of ${repository}`, repository),
      ];
      const [first, second] = certificates;
      if (first === undefined || second === undefined) throw new Error('no certificates');
      const waiting = await changeOf(
        core.service.createRepository(call, repository, heldInBoth([alice, dana], certificates)),
      );
      const signatures = [await signRoot(waiting, alice), await signNotaryRoot(waiting, first)];
      await core.service.signChange(call, repository, waiting.id, { signatures });
      const { aliases } = await core.service.readKey(repository, first.keyId);
      expect(aliases).toHaveLength(3);
      for (const alias of aliases) {
        expect((await core.service.readKey(repository, alias)).keyId).toBe(first.keyId);
      }
      const [alias = ''] = aliases;
      const change = await changeOf(core.service.revokeKey(call, repository, alias, { reason }));
      expect(change.documents.map(({ dialect, role }) => `${dialect} ${role}`)).toEqual(['notary root']);
      expect(change.edit.path).toContain(first.keyId);
      const signed = [await signNotaryRoot(change, second)];
      // One of the two that are listed suffices, and it need not be the one that goes.
      const done = await core.service.signChange(call, repository, change.id, { signatures: signed });
      expect(done.state).toBe('published');
      await new NotaryReader(core, repository).refresh();
    });
  });

  describe('in a repository that Notary clients own', () => {
    it('their keys are theirs to take out', async () => {
      const repository = fresh('owned');
      const owner = await NotaryOwner.create(core, repository, { v1: 'one' });
      for (const role of ['root', 'targets']) {
        const key = await idOf(repository, 'notary', role);
        const refused = await errorOf(core.service.revokeKey(call, repository, key, { reason }));
        expect(refused.code).toBe('CUSTODY_INVALID');
        expect(refused.message).toContain('notary key rotate');
      }
      await owner.publish({ v1: 'one', v2: 'two' });
    });

    it('the service’s own waits for their root', async () => {
      const repository = fresh('served');
      const owner = await NotaryOwner.create(core, repository, { v1: 'one' });
      const key = await idOf(repository, 'notary', 'snapshot');
      const replacement = { custody: 'managed' as const };
      const change = await changeOf(core.service.revokeKey(call, repository, key, { reason, replacement }));
      expect(change.documents).toMatchObject([{ dialect: 'notary', role: 'root', missing: 1 }]);
      const signatures = [await signNotaryRoot(change, owner.rootKey)];
      const done = await core.service.signChange(call, repository, change.id, { signatures });
      expect(done.state).toBe('published');
      await new NotaryReader(core, repository).refresh();
    });
  });
}
