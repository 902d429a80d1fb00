/** Top-level targets and the list of revocations in other hands: every edit is a change. Runs over every kind of database. */
import { describe, expect, it } from 'vitest';
import type { DatabaseForSuite } from '../../../../support/each-database.ts';
import {
  bodyOf,
  Client,
  call,
  changeOf,
  codeOf,
  digestOf,
  errorOf,
  managed,
  openCore,
  tagOf,
} from '../core-for-test.ts';
import { heldBy, heldByService, type Party, party, signBy } from './delegations-for-test.ts';

const alice = party('alice');
const bob = party('bob');
const carol = party('carol');

export function heldByOthersSuite(given: DatabaseForSuite): void {
  const open = async (name: string) => {
    const core = openCore(given.database(), { seed: `held by others ${given.kind}` });
    const { service } = core;
    const repository = `registry.example.com/held-by-others/${name}`;
    await bodyOf(service.createRepository(call, repository, managed));
    const warm = await new Client(core, repository).pin();
    const seen = async () => {
      const tags = await warm.targets();
      expect(await (await new Client(core, repository).pin()).targets()).toEqual(tags);
      return tags;
    };
    const handOver = async (role: string, threshold: number, ...parties: readonly Party[]) => {
      const to = parties.map(({ entry }) => entry);
      const rotated = await service.rotateRole(call, repository, role, { to, threshold, reason: 'theirs' });
      if (rotated.outcome === 'change') await signBy(core, rotated.change, ...parties.slice(0, threshold));
    };
    const sign = (tag: string, text: string) => service.putTag(call, repository, tag, tagOf(text));
    return { core, service, repository, seen, handOver, sign };
  };

  describe('targets of three release managers, any two of whom sign', () => {
    it('takes a tag by two signatures, and gives it up by two', async () => {
      const { core, service, repository, seen, handOver, sign } = await open('two-of-three');
      await bodyOf(sign('0.9', 'before'));
      await handOver('targets', 2, alice, bob, carol);
      const change = await changeOf(sign('1.0', 'a'));
      expect(change).toMatchObject({
        kind: 'tags',
        edit: { method: 'PUT', path: `/v2/${repository}/_trust/tags/1.0`, body: tagOf('a') },
        documents: [{ role: 'targets', thresholds: [{ of: 'role', threshold: 2 }], missing: 2 }],
      });
      await signBy(core, change, alice);
      expect(await seen()).toEqual({ '0.9': digestOf('before') });
      expect((await signBy(core, change, carol)).state).toBe('published');
      expect(await seen()).toEqual({ '0.9': digestOf('before'), '1.0': digestOf('a') });
      expect(await service.readTag(repository, '1.0')).toMatchObject({
        vouchedBy: [{ role: 'targets', threshold: 2 }],
        signedBy: { actor: call.actor, change: change.id },
      });
      const batch = await changeOf(
        service.editTags(call, repository, { sign: [{ tag: '2.0', ...tagOf('c') }], revoke: ['1.0'] }),
      );
      await signBy(core, batch, bob, alice);
      expect(await seen()).toEqual({ '0.9': digestOf('before'), '2.0': digestOf('c') });
      expect(await codeOf(service.readTag(repository, '1.0'))).toBe('TAG_UNKNOWN');
      expect((await service.readRepository(repository)).tagCount).toBe(2);
    });

    it('has one open change, that another one may replace', async () => {
      const { service, repository, handOver, sign } = await open('one-open');
      await handOver('targets', 1, alice);
      const first = await changeOf(sign('1.0', 'a'));
      expect((await changeOf(sign('1.0', 'a'))).id).toBe(first.id);
      const error = await errorOf(sign('1.0', 'b'));
      expect(error).toMatchObject({ code: 'CHANGE_CONFLICT', detail: { change: first.id } });
      const second = await changeOf(
        service.putTag({ ...call, supersede: first.id }, repository, '1.0', tagOf('b')),
      );
      expect(second.insteadOf).toEqual([first.id]);
    });

    it('delegates by two signatures, too, and never below what they signed', async () => {
      const { core, service, repository, seen, handOver } = await open('delegates');
      await handOver('targets', 1, alice);
      const change = await changeOf(service.putDelegation(call, repository, 'ci', heldByService()));
      expect(change.documents.map(({ role }) => role)).toEqual(['targets']);
      await signBy(core, change, alice);
      await bodyOf(service.putTag(call, repository, 'edge', { ...tagOf('e'), role: 'ci' }));
      expect(await seen()).toEqual({ edge: digestOf('e') });
      const removal = await changeOf(service.removeDelegation(call, repository, 'ci'));
      await signBy(core, removal, alice);
      expect(await seen()).toEqual({});
      expect(await codeOf(service.readTag(repository, 'edge'))).toBe('TAG_UNKNOWN');
    });
  });

  describe('revocations that a security team holds', () => {
    it('take the tags away at once, and wait for the team to list the digest', async () => {
      const { core, service, repository, seen, handOver, sign } = await open('team');
      await bodyOf(sign('1.0', 'evil'));
      await bodyOf(sign('2.0', 'good'));
      await handOver('revocations', 1, bob);
      const revoked = await bodyOf(
        service.revokeDigest(call, repository, digestOf('evil'), {
          reason: 'a hole',
          link: 'https://a.example',
        }),
      );
      expect(revoked).toMatchObject({ tags: ['1.0'], stillServed: [] });
      expect(await seen()).toEqual({ '2.0': digestOf('good') });
      expect(await service.readRevocation(repository, digestOf('evil'))).toBeUndefined();
      const change = await service.readChange(repository, revoked.openChange ?? '');
      expect(change.documents).toMatchObject([{ role: 'revocations', missing: 1 }]);
      await signBy(core, change, bob);
      expect(await service.readRevocation(repository, digestOf('evil'))).toMatchObject({ reason: 'a hole' });
      expect(Object.keys(await seen()).sort()).toEqual(['2.0', digestOf('evil')].sort());
      const lift = await changeOf(service.liftRevocation(call, repository, digestOf('evil')));
      await signBy(core, lift, bob);
      expect(await seen()).toEqual({ '2.0': digestOf('good') });
    });

    it('are a change alone where no tag goes with them; a second one does not lose the first', async () => {
      const { service, repository, handOver } = await open('alone');
      await handOver('revocations', 1, bob);
      const first = await changeOf(
        service.revokeDigest(call, repository, digestOf('one'), { reason: 'a hole' }),
      );
      expect(first.kind).toBe('revocation');
      const error = await errorOf(
        service.revokeDigest(call, repository, digestOf('two'), { reason: 'a hole' }),
      );
      expect(error).toMatchObject({ code: 'CHANGE_CONFLICT', detail: { change: first.id } });
    });
  });

  describe('a role whose file its present keys have not signed', () => {
    it('is shown without one, takes no tags, and its tags come back with their signature', async () => {
      const { core, service, repository, seen, sign } = await open('unsigned');
      const body = heldBy([alice, bob], { paths: ['1.*'] });
      await signBy(core, await changeOf(service.putDelegation(call, repository, 'dev', body)), alice);
      const put = await changeOf(service.putTag(call, repository, '1.0', { ...tagOf('a'), role: 'dev' }));
      await signBy(core, put, alice);
      expect(await seen()).toEqual({ '1.0': digestOf('a') });
      await service.revokeKey(call, repository, alice.tuf.keyId, { reason: 'laptop stolen' });
      const role = await service.readRole(repository, 'dev');
      expect(role).toMatchObject({ keyIds: [bob.tuf.keyId], threshold: 1 });
      expect(role.version).toBeUndefined();
      expect(await service.readDelegation(repository, 'dev')).toMatchObject({ tagCount: 0 });
      expect(await codeOf(service.readTag(repository, '1.0'))).toBe('TAG_UNKNOWN');
      const error = await errorOf(service.putTag(call, repository, '1.1', { ...tagOf('b'), role: 'dev' }));
      expect(error).toMatchObject({ code: 'WOULD_BREAK', detail: { reason: 'ROLE_UNSIGNED' } });
      // Others go on.
      await bodyOf(sign('2.0', 'c'));
      const { items } = await service.listChanges(repository, { state: 'open' }, { limit: 10 });
      const resign = items.find(({ kind }) => kind === 'resign');
      if (resign === undefined) throw new Error('no change to sign it anew');
      await signBy(core, resign, bob);
      expect(await seen()).toEqual({ '1.0': digestOf('a'), '2.0': digestOf('c') });
      expect(await service.readTag(repository, '1.0')).toMatchObject({ vouchedBy: [{ role: 'dev' }] });
    });
  });
}
