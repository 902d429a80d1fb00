/** Delegations where one publish signs both dialects: who signs in one signs in the other, and they agree on every tag. */
import { RELEASES_ROLE } from '@vidimus/notary';
import { describe, expect, it } from 'vitest';
import type { DatabaseForSuite } from '../../../../support/each-database.ts';
import { bodyOf, call, changeOf, codeOf, day, digestOf, errorOf, openCore, tagOf } from '../core-for-test.ts';
import { BothReaders, dualManaged } from '../dual-for-test.ts';
import { heldBy, heldByService, party, signBy } from './delegations-for-test.ts';

const alice = party('alice');
const bob = party('bob');

export function dualDelegationSuite(given: DatabaseForSuite): void {
  const open = async (name: string) => {
    const core = openCore(given.database(), { seed: `dual delegations ${given.kind}` });
    const repository = `registry.example.com/dual-delegations/${name}`;
    await bodyOf(core.service.createRepository(call, repository, dualManaged));
    const warm = await BothReaders.open(core, repository);
    const seen = async () => {
      const tags = await warm.tags();
      expect(await (await BothReaders.open(core, repository)).tags()).toEqual(tags);
      return tags;
    };
    const sign = (tag: string, text: string, role?: string) =>
      core.service.putTag(call, repository, tag, { ...tagOf(text), ...(role === undefined ? {} : { role }) });
    return { core, service: core.service, repository, seen, sign };
  };

  it('releases of the service has a key in each dialect, and its tags are found in both', async () => {
    const { core, service, repository, seen, sign } = await open('managed');
    const put = await bodyOf(
      service.putDelegation(
        call,
        repository,
        RELEASES_ROLE,
        heldByService({ paths: ['1.*'], expiresAfter: '30d' }),
      ),
    );
    expect(put.changed.keysAdded).toHaveLength(2);
    await bodyOf(sign('1.0', 'a', RELEASES_ROLE));
    await bodyOf(sign('2.0', 'b'));
    expect(await seen()).toEqual({ '1.0': digestOf('a'), '2.0': digestOf('b') });
    const shown = await service.readDelegation(repository, RELEASES_ROLE);
    expect(shown.keys.map(({ dialect }) => dialect)).toEqual(['tuf', 'notary']);
    expect(shown.signers).toEqual([{ name: 'ci', keys: [{ custody: 'managed' }] }]);
    core.clock.nowMs += 20 * day;
    await service.renew();
    expect(await seen()).toEqual({ '1.0': digestOf('a'), '2.0': digestOf('b') });
    const gone = await bodyOf(service.removeDelegation(call, repository, RELEASES_ROLE));
    expect(gone.changed).toMatchObject({ tagsGone: ['1.0'] });
    expect(gone.changed.keysRemoved).toHaveLength(2);
    expect(await seen()).toEqual({ '2.0': digestOf('b') });
  });

  it('signers bring a key of each dialect, and sign both documents of a change', async () => {
    const { core, service, repository, seen, sign } = await open('client');
    const error = await errorOf(service.putDelegation(call, repository, RELEASES_ROLE, heldBy([alice, bob])));
    expect(error).toMatchObject({ code: 'KEY_INVALID', detail: { signer: 'alice', dialect: 'notary' } });
    const change = await changeOf(
      service.putDelegation(
        call,
        repository,
        RELEASES_ROLE,
        heldBy([alice, bob], { threshold: 2, dual: true }),
      ),
    );
    expect(change.documents.map(({ dialect, role }) => `${dialect} ${role}`)).toEqual([
      'tuf releases',
      'notary releases',
    ]);
    expect((await signBy(core, change, alice, bob)).state).toBe('published');
    const tag = await changeOf(sign('1.0', 'a', RELEASES_ROLE));
    expect(tag.documents).toHaveLength(2);
    await signBy(core, tag, bob, alice);
    expect(await seen()).toEqual({ '1.0': digestOf('a') });
    const revoked = await bodyOf(service.revokeDigest(call, repository, digestOf('a'), { reason: 'a hole' }));
    expect(revoked.stillServed).toEqual([{ role: RELEASES_ROLE, tag: '1.0' }]);
    const removal = await service.readChange(repository, revoked.openChange ?? '');
    expect(removal.documents.map(({ dialect, role }) => `${dialect} ${role}`)).toEqual([
      'tuf releases',
      'notary releases',
    ]);
    await signBy(core, removal, alice, bob);
    expect(await seen()).toEqual({});
  });

  it('a tag that Docker would not find, or find otherwise, is refused', async () => {
    const { service, repository, seen, sign } = await open('docker');
    await bodyOf(service.putDelegation(call, repository, 'qa', heldByService()));
    await bodyOf(service.putDelegation(call, repository, RELEASES_ROLE, heldByService()));
    // Docker asks releases and targets, nobody else.
    expect(await codeOf(sign('1.0', 'a', 'qa'))).toBe('DIALECTS_DISAGREE');
    await bodyOf(sign('1.0', 'a', RELEASES_ROLE));
    // Ours asks targets first, Docker releases.
    expect(await codeOf(sign('1.0', 'b'))).toBe('DIALECTS_DISAGREE');
    await bodyOf(sign('1.0', 'a'));
    expect(await seen()).toEqual({ '1.0': digestOf('a') });
    await bodyOf(service.deleteTag(call, repository, '1.0', RELEASES_ROLE));
    expect(await seen()).toEqual({ '1.0': digestOf('a') });
    await bodyOf(sign('1.0', 'a', 'qa'));
    expect((await service.readTag(repository, '1.0')).vouchedBy.map(({ role }) => role)).toEqual([
      'targets',
      'qa',
    ]);
    // Without targets, qa alone would answer in one dialect and nobody in the other.
    expect(await codeOf(service.deleteTag(call, repository, '1.0', 'targets'))).toBe('DIALECTS_DISAGREE');
    expect(await seen()).toEqual({ '1.0': digestOf('a') });
  });

  it('removing what Docker asks, where another role would answer in one dialect alone, is refused', async () => {
    const { service, repository, seen, sign } = await open('removal');
    await bodyOf(service.putDelegation(call, repository, RELEASES_ROLE, heldByService()));
    await bodyOf(service.putDelegation(call, repository, 'qa', heldByService()));
    await bodyOf(sign('1.0', 'a', RELEASES_ROLE));
    await bodyOf(sign('1.0', 'a', 'qa'));
    expect(await codeOf(service.removeDelegation(call, repository, RELEASES_ROLE))).toBe('DIALECTS_DISAGREE');
    expect(await seen()).toEqual({ '1.0': digestOf('a') });
    await bodyOf(service.deleteTag(call, repository, '1.0', 'qa'));
    await bodyOf(service.removeDelegation(call, repository, RELEASES_ROLE));
    expect(await seen()).toEqual({});
  });

  describe('what one of them cannot say', () => {
    it.each([
      ['qa', heldByService({ paths: ['*-rc'] })],
      ['qa', heldByService({ paths: ['v?'] })],
      ['qa', heldByService({ paths: ['1.0'] })],
      ['qa', heldByService({ terminating: true })],
      ['Qa', heldByService()],
      ['qa.1', heldByService()],
    ])('%s (%#) is refused', async (name, body) => {
      const core = openCore(given.database(), { seed: `inexpressible ${given.kind}` });
      const repository = 'registry.example.com/dual-delegations/inexpressible';
      if ((await codeOf(core.service.readRepository(repository))) !== 'none') {
        await core.service.createRepository(call, repository, dualManaged);
      }
      expect(await codeOf(core.service.putDelegation(call, repository, name, body))).toBe(
        'DIALECT_INEXPRESSIBLE',
      );
    });
  });

  it('every role is shown, with who holds it', async () => {
    const { core, service, repository } = await open('roles');
    await bodyOf(service.putDelegation(call, repository, RELEASES_ROLE, heldByService()));
    await signBy(
      core,
      await changeOf(service.putDelegation(call, repository, 'qa', heldBy([alice], { dual: true }))),
      alice,
    );
    const roles = await service.listRoles(repository);
    expect(roles.map(({ role, custody }) => `${role} ${custody}`)).toEqual([
      'root managed',
      'targets managed',
      'revocations managed',
      'snapshot managed',
      'timestamp managed',
      'releases managed',
      'qa client',
    ]);
    const { items } = await service.listDelegations(repository, { limit: 1 });
    expect(items.map(({ name }) => name)).toEqual(['releases']);
    const rest = await service.listDelegations(repository, { limit: 5, after: 'releases' });
    expect(rest.items.map(({ name }) => name)).toEqual(['qa']);
    expect(rest.next).toBeUndefined();
  });
}
