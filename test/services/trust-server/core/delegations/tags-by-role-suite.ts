/** Tags in roles of signers: who answers, who would be spoken over, and what a revoked digest takes along. */
import { describe, expect, it } from 'vitest';
import { MAX_DELEGATED_ROLES } from '../../../../../services/trust-server/src/core/delegations/delegation-rules.ts';
import type { DatabaseForSuite } from '../../../../support/each-database.ts';
import {
  bodyOf,
  Client,
  type CoreForTest,
  call,
  changeOf,
  codeOf,
  day,
  digestOf,
  errorOf,
  managed,
  openCore,
  tagOf,
} from '../core-for-test.ts';
import { heldBy, heldByService, party, signBy } from './delegations-for-test.ts';

const alice = party('alice');
const bob = party('bob');

/** What renewal could not do in this repository. */
const trouble = ({ heard }: CoreForTest, repository: string): readonly string[] =>
  heard.filter((line) => /^(failed|blocked)/.test(line) && line.includes(repository));

export function tagsByRoleSuite(given: DatabaseForSuite): void {
  const open = async (name: string) => {
    const core = openCore(given.database(), { seed: `tags by role ${given.kind}` });
    const repository = `registry.example.com/tags-by-role/${name}`;
    await bodyOf(core.service.createRepository(call, repository, managed));
    const warm = await new Client(core, repository).pin();
    const seen = async () => {
      const tags = await warm.targets();
      expect(await (await new Client(core, repository).pin()).targets()).toEqual(tags);
      const { items } = await core.service.listTags(repository, { limit: 1_000 });
      // What people are told is what clients find; revoked digests are no tags.
      const found = Object.entries(tags).filter(([path]) => !path.startsWith('sha256:'));
      expect(Object.fromEntries(items.map(({ tag, digest }) => [tag, digest]))).toEqual(
        Object.fromEntries(found),
      );
      expect((await core.service.readRepository(repository)).tagCount).toBe(found.length);
      return Object.fromEntries(found);
    };
    const delegate = async (role: string, body = heldByService()) => {
      await bodyOf(core.service.putDelegation(call, repository, role, body));
    };
    const delegateTo = async (role: string, body: ReturnType<typeof heldBy>) => {
      await signBy(
        core,
        await changeOf(core.service.putDelegation(call, repository, role, body)),
        alice,
        bob,
      );
    };
    const sign = (tag: string, text: string, role?: string) =>
      core.service.putTag(call, repository, tag, { ...tagOf(text), ...(role === undefined ? {} : { role }) });
    return { core, service: core.service, repository, seen, delegate, delegateTo, sign };
  };

  describe('a tag that another role lists', () => {
    it('may be vouched for by a second role, and then has both', async () => {
      const { service, repository, seen, delegate, sign } = await open('both');
      await delegate('qa');
      await bodyOf(sign('1.0', 'a'));
      await bodyOf(sign('1.0', 'a', 'qa'));
      expect(await seen()).toEqual({ '1.0': digestOf('a') });
      const { vouchedBy } = await service.readTag(repository, '1.0');
      expect(vouchedBy.map(({ role }) => role)).toEqual(['targets', 'qa']);

      const error = await errorOf(sign('1.0', 'b', 'qa'));
      expect(error.code).toBe('WOULD_BREAK');
      expect(error.detail).toMatchObject({ reason: 'SHADOWED', shadowedBy: 'targets', role: 'qa' });
      // The one that is asked first goes first.
      await bodyOf(sign('1.0', 'b'));
      expect(await seen()).toEqual({ '1.0': digestOf('b') });
      expect((await service.readTag(repository, '1.0')).vouchedBy.map(({ role }) => role)).toEqual([
        'targets',
      ]);
      await bodyOf(sign('1.0', 'b', 'qa'));
      expect((await service.readTag(repository, '1.0')).vouchedBy).toHaveLength(2);
    });

    it('comes to light when the role before it gives it up, and the answer says so', async () => {
      const { service, repository, seen, delegate, sign } = await open('light');
      await delegate('qa');
      await bodyOf(sign('1.0', 'a', 'qa'));
      await bodyOf(sign('1.0', 'b'));
      expect(await seen()).toEqual({ '1.0': digestOf('b') });
      const gone = await bodyOf(service.deleteTag(call, repository, '1.0'));
      expect(gone.stillServed).toEqual([{ role: 'qa', tag: '1.0' }]);
      expect(await seen()).toEqual({ '1.0': digestOf('a') });
      expect(await codeOf(service.deleteTag(call, repository, '1.0', 'targets'))).toBe('TAG_UNKNOWN');
      expect((await bodyOf(service.deleteTag(call, repository, '1.0', 'qa'))).stillServed).toBeUndefined();
      expect(await seen()).toEqual({});
    });

    it('is asked for in the order of the delegations, which stays', async () => {
      const { seen, delegate, sign } = await open('order');
      await delegate('first', heldByService({ paths: ['1.*'] }));
      await delegate('second');
      await bodyOf(sign('1.0', 'a', 'second'));
      await bodyOf(sign('1.0', 'b', 'first'));
      expect(await seen()).toEqual({ '1.0': digestOf('b') });
      expect((await errorOf(sign('1.0', 'c', 'second'))).detail['shadowedBy']).toBe('first');
      await delegate('first', heldByService({ paths: ['1.*', '2.*'] }));
      expect(await seen()).toEqual({ '1.0': digestOf('b') });
    });

    it('is out of reach behind a terminating role', async () => {
      const { service, repository, seen, delegate, sign } = await open('terminating');
      await delegate('first', heldByService({ paths: ['1.*'], terminating: true }));
      await delegate('second');
      const error = await errorOf(sign('1.0', 'a', 'second'));
      expect(error.detail).toMatchObject({ reason: 'ROLE_NOT_REACHED', role: 'second' });
      await bodyOf(sign('2.0', 'a', 'second'));
      const hidden = await errorOf(
        service.putDelegation(call, repository, 'first', heldByService({ terminating: true })),
      );
      expect(hidden.code).toBe('WOULD_BREAK');
      expect(hidden.detail).toMatchObject({ reason: 'TAGS_HIDDEN', tags: ['2.0'], count: 1 });
      expect(await seen()).toEqual({ '2.0': digestOf('a') });
    });

    it('is gone when its paths no longer cover it, and the answer names it', async () => {
      const { service, repository, seen, delegate, sign } = await open('narrowed');
      await delegate('qa');
      await bodyOf(sign('1.0', 'a', 'qa'));
      await bodyOf(sign('2.0', 'b', 'qa'));
      const put = await bodyOf(
        service.putDelegation(call, repository, 'qa', heldByService({ paths: ['2.*'] })),
      );
      expect(put.changed).toMatchObject({ tagsGone: ['1.0'], tagsResigned: 2 });
      expect(await seen()).toEqual({ '2.0': digestOf('b') });
      await delegate('qa');
      expect(await seen()).toEqual({ '1.0': digestOf('a'), '2.0': digestOf('b') });
    });
  });

  describe('a role that cannot be signed', () => {
    it('is none at all for tags', async () => {
      const { sign } = await open('unknown');
      for (const role of ['nobody', 'revocations', 'root', 'timestamp', 'bins']) {
        expect(await codeOf(sign('1.0', 'a', role))).toBe('ROLE_UNKNOWN');
      }
    });

    it('refuses a tag outside its paths at once, before anybody is asked to sign', async () => {
      const { delegateTo, sign, service, repository } = await open('outside');
      await delegateTo('dev', heldBy([alice], { paths: ['dev-*'] }));
      const error = await errorOf(sign('1.0', 'a', 'dev'));
      expect(error.code).toBe('BODY_INVALID');
      expect(error.detail).toMatchObject({ reason: 'PATH_NOT_DELEGATED', role: 'dev', paths: ['dev-*'] });
      expect((await service.listChanges(repository, { state: 'open' }, { limit: 10 })).items).toEqual([]);
    });

    it('has a change whose tag somebody else moved meanwhile: rows say what clients find', async () => {
      const { core, delegateTo, sign, seen } = await open('meanwhile');
      await delegateTo('dev', heldBy([alice]));
      const change = await changeOf(sign('1.0', 'a', 'dev'));
      await bodyOf(sign('1.0', 'b'));
      await signBy(core, change, alice);
      expect(await seen()).toEqual({ '1.0': digestOf('b') });
    });

    it('answers a sign of what it says already without a change', async () => {
      const { core, delegateTo, sign } = await open('same');
      await delegateTo('dev', heldBy([alice]));
      await signBy(core, await changeOf(sign('1.0', 'a', 'dev')), alice);
      expect((await bodyOf(sign('1.0', 'a', 'dev'))).role).toBe('dev');
    });

    it('shows in a dry run what would be asked, and stores nothing', async () => {
      const { service, repository, delegateTo } = await open('dry');
      await delegateTo('dev', heldBy([alice]));
      const dry = await changeOf(
        service.putTag({ ...call, dryRun: true }, repository, '1.0', { ...tagOf('a'), role: 'dev' }),
      );
      expect(dry.documents).toMatchObject([{ role: 'dev', version: 2 }]);
      expect((await service.listChanges(repository, { state: 'open' }, { limit: 10 })).items).toEqual([]);
    });
  });

  describe('a revoked digest', () => {
    it('goes from every role that the service signs; the rest waits for its holders, and is told', async () => {
      const { core, service, repository, seen, delegate, delegateTo, sign } = await open('digest');
      await delegate('qa');
      await delegateTo('dev', heldBy([alice]));
      await bodyOf(sign('1.0', 'evil'));
      await bodyOf(sign('1.0', 'evil', 'qa'));
      await bodyOf(sign('2.0', 'evil', 'qa'));
      await signBy(core, await changeOf(sign('3.0', 'evil', 'dev')), alice);
      await bodyOf(sign('4.0', 'good'));
      const revoked = await bodyOf(
        service.revokeDigest(call, repository, digestOf('evil'), { reason: 'a hole' }),
      );
      expect(revoked.tags.toSorted()).toEqual(['1.0', '2.0']);
      expect(revoked.stillServed).toEqual([{ role: 'dev', tag: '3.0' }]);
      expect(await seen()).toEqual({ '3.0': digestOf('evil'), '4.0': digestOf('good') });
      const change = await service.readChange(repository, revoked.openChange ?? '');
      expect(change).toMatchObject({
        kind: 'revocation',
        edit: {
          method: 'PUT',
          path: `/v2/${repository}/_trust/revocations/sha256%3A${digestOf('evil').slice(7)}`,
        },
        documents: [{ role: 'dev', missing: 1 }],
      });
      const again = await changeOf(
        service.revokeDigest(call, repository, digestOf('evil'), { reason: 'a hole' }),
      );
      expect(again.id).toBe(change.id);
      await signBy(core, change, alice);
      expect(await seen()).toEqual({ '4.0': digestOf('good') });
      expect(await codeOf(sign('5.0', 'evil', 'qa'))).toBe('WOULD_BREAK');
      expect(await codeOf(sign('5.0', 'evil', 'dev'))).toBe('WOULD_BREAK');
    });

    it('is found where another role speaks over it, too', async () => {
      const { service, repository, seen, delegate, sign } = await open('hidden');
      await delegate('qa');
      await bodyOf(sign('1.0', 'evil', 'qa'));
      await bodyOf(sign('1.0', 'good'));
      const revoked = await bodyOf(
        service.revokeDigest(call, repository, digestOf('evil'), { reason: 'a hole' }),
      );
      expect(revoked).toMatchObject({ tags: ['1.0'], stillServed: [] });
      await bodyOf(service.deleteTag(call, repository, '1.0'));
      expect(await seen()).toEqual({});
    });

    it('does not wait for an open change of a role that names it', async () => {
      const { core, service, repository, delegateTo, sign } = await open('in-the-way');
      await delegateTo('dev', heldBy([alice]));
      await signBy(core, await changeOf(sign('3.0', 'evil', 'dev')), alice);
      await changeOf(sign('9.0', 'other', 'dev'));
      const revoked = await bodyOf(
        service.revokeDigest(call, repository, digestOf('evil'), { reason: 'a hole' }),
      );
      expect(revoked.stillServed).toEqual([{ role: 'dev', tag: '3.0' }]);
      expect(revoked.openChange).toBeUndefined();
      expect(await service.readRevocation(repository, digestOf('evil'))).toMatchObject({ reason: 'a hole' });
    });
  });

  describe('renewal', () => {
    it('signs anew what the service holds, and leaves the rest to its holders', async () => {
      const { core, service, repository, seen, delegate, delegateTo, sign } = await open('renewal');
      await delegate('qa', heldByService({ paths: ['1.*'], expiresAfter: '10d' }));
      await delegate('qa/nightly', heldByService({ paths: ['1.*-n'], expiresAfter: '10d' }));
      await delegateTo('dev', heldBy([alice], { paths: ['dev-*'], expiresAfter: '60d' }));
      await bodyOf(sign('1.0', 'a', 'qa'));
      await bodyOf(sign('1.0-n', 'n', 'qa/nightly'));
      core.clock.nowMs += 6 * day;
      await service.renew();
      expect(await service.readRole(repository, 'qa')).toMatchObject({ expires: '2026-12-07T09:00:00Z' });
      expect(await service.readRole(repository, 'qa/nightly')).toMatchObject({
        expires: '2026-12-07T09:00:00Z',
      });
      expect((await service.readRole(repository, 'dev')).version).toBe(1);
      expect(trouble(core, repository)).toEqual([]);
      expect(await seen()).toEqual({ '1.0': digestOf('a'), '1.0-n': digestOf('n') });
      await bodyOf(service.removeDelegation(call, repository, 'qa'));
      core.clock.nowMs += 6 * day;
      await service.renew();
      expect(trouble(core, repository)).toEqual([]);
      expect(await seen()).toEqual({});
    });
  });

  describe('more tags than one file holds', () => {
    it('move into bins behind the signers, unless a signer would then speak over one', async () => {
      const { service, repository, delegate, sign } = await open('bins');
      await delegate('qa', heldByService({ paths: ['1.*'] }));
      await bodyOf(sign('1.0', 'a', 'qa'));
      await bodyOf(sign('1.0', 'b'));
      const many = (from: number, count: number) => ({
        sign: Array.from({ length: count }, (_, index) => ({ tag: `t${from + index}`, ...tagOf('x') })),
      });
      await bodyOf(service.editTags(call, repository, many(0, 1_100)));
      expect((await service.readTag(repository, 't7')).vouchedBy).toMatchObject([{ role: 'targets' }]);
      // Once nobody speaks over anybody, the next edit moves.
      await bodyOf(service.deleteTag(call, repository, '1.0', 'qa'));
      await bodyOf(service.editTags(call, repository, many(2_000, 1)));
      const { vouchedBy } = await service.readTag(repository, 't7');
      expect(vouchedBy[0]?.path).toEqual(['targets', 'bins', expect.stringMatching(/^b8-/)]);
      expect(await service.readTag(repository, '1.0')).toMatchObject({ digest: digestOf('b') });
      // From now on signers are asked before bins.
      await bodyOf(sign('1.0', 'c', 'qa'));
      expect(await service.readTag(repository, '1.0')).toMatchObject({
        digest: digestOf('c'),
        vouchedBy: [{ role: 'qa' }],
      });
      expect((await errorOf(sign('1.0', 'd'))).detail['shadowedBy']).toBe('qa');
      expect(
        (await errorOf(service.putDelegation(call, repository, 'all', heldByService({ terminating: true }))))
          .detail['reason'],
      ).toBe('TAGS_HIDDEN');
      await bodyOf(service.deleteTag(call, repository, '1.0'));
      expect(await service.readTag(repository, '1.0')).toMatchObject({ digest: digestOf('b') });
      await bodyOf(service.removeDelegation(call, repository, 'qa'));
      expect((await service.readTag(repository, '1.0')).digest).toBe(digestOf('b'));
    });
  });

  describe('more delegations than a look-up visits', () => {
    it('are refused, and all that there are can be found', async () => {
      const { service, repository, seen, delegate, sign } = await open('many');
      for (let count = 0; count < MAX_DELEGATED_ROLES; count += 1) await delegate(`role-${count}`);
      const error = await errorOf(service.putDelegation(call, repository, 'one-more', heldByService()));
      expect(error).toMatchObject({ code: 'BODY_INVALID', detail: { most: MAX_DELEGATED_ROLES } });
      await delegate('role-0', heldByService({ paths: ['*'], expiresAfter: '20d' }));
      await bodyOf(sign('1.0', 'a', `role-${MAX_DELEGATED_ROLES - 1}`));
      expect(await seen()).toEqual({ '1.0': digestOf('a') });
    });
  });
}
