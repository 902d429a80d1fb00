/** Delegations over the core: made, changed, removed. Runs over every kind of database. */
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
import { heldBy, heldByService, own, party, signBy } from './delegations-for-test.ts';

const alice = party('alice');
const bob = party('bob');
const carol = party('carol');

export function putDelegationSuite(given: DatabaseForSuite): void {
  const open = async (name: string) => {
    const core = openCore(given.database(), { seed: `delegations ${given.kind}` });
    const repository = `registry.example.com/delegations/${name}`;
    await bodyOf(core.service.createRepository(call, repository, managed));
    const warm = await new Client(core, repository).pin();
    await warm.refresh();
    const cold = async () => await (await new Client(core, repository).pin()).targets();
    /** What a client with a cache and one without find: they must be of one mind. */
    const seen = async () => {
      const tags = await warm.targets();
      expect(await cold()).toEqual(tags);
      return tags;
    };
    return { core, service: core.service, repository, seen };
  };

  describe('a delegation that the service signs', () => {
    it('is there at once, and its tags are found through it', async () => {
      const { service, repository, seen } = await open('managed');
      const put = await bodyOf(
        service.putDelegation(call, repository, 'qa', heldByService({ paths: ['1.*'], expiresAfter: '20d' })),
      );
      expect(put.published).toEqual({ targets: 2, qa: 1, snapshot: 2, timestamp: 2 });
      expect(put.changed).toMatchObject({ keysRemoved: [], tagsResigned: 0, tagsNowBelowThreshold: [] });
      expect(put.changed.keysAdded).toHaveLength(1);

      const signed = await bodyOf(service.putTag(call, repository, '1.0', { ...tagOf('a'), role: 'qa' }));
      expect(signed).toMatchObject({ role: 'qa', versions: { qa: 2, snapshot: 3, timestamp: 3 } });
      expect(await seen()).toEqual({ '1.0': digestOf('a') });
      expect(await service.readTag(repository, '1.0')).toMatchObject({
        vouchedBy: [{ role: 'qa', path: ['targets', 'qa'], threshold: 1, version: 2 }],
        signedBy: { actor: call.actor },
      });
      expect((await service.listTags(repository, { limit: 10 })).items).toMatchObject([
        { tag: '1.0', role: 'qa' },
      ]);
      const role = await service.readRole(repository, 'qa');
      expect(role).toMatchObject({ custody: 'managed', paths: ['1.*'], expiresAfter: '20d', version: 2 });
      expect((await service.readRepository(repository)).tagCount).toBe(1);
    });

    it('asked for again in the same words changes nothing', async () => {
      const { service, repository } = await open('same');
      const body = heldByService({ paths: ['1.*'] });
      const first = await bodyOf(service.putDelegation(call, repository, 'qa', body));
      const again = await bodyOf(service.putDelegation(call, repository, 'qa', body));
      expect(again.changed).toEqual({
        keysAdded: [],
        keysRemoved: [],
        tagsResigned: 0,
        tagsNowBelowThreshold: [],
        tagsGone: [],
      });
      expect(again.published['targets']).toBe(first.published['targets']);
      const shown = await service.readDelegation(repository, 'qa');
      const { signers, threshold, paths, terminating, expiresAfter } = shown;
      const roundTrip = { signers, threshold, paths, terminating, expiresAfter };
      expect(
        (await bodyOf(service.putDelegation(call, repository, 'qa', roundTrip))).changed.keysAdded,
      ).toEqual([]);
    });

    it('removed, takes its tags along; made again, it begins empty', async () => {
      const { service, repository, seen } = await open('removed');
      await service.putDelegation(call, repository, 'qa', heldByService());
      await service.putTag(call, repository, '1.0', { ...tagOf('a'), role: 'qa' });
      await service.putTag(call, repository, '2.0', tagOf('b'));
      const removed = await bodyOf(service.removeDelegation(call, repository, 'qa'));
      expect(removed).toMatchObject({ name: 'qa', changed: { tagsGone: ['1.0'] }, stillServed: [] });
      expect(removed.changed.keysRemoved).toHaveLength(1);
      expect(await seen()).toEqual({ '2.0': digestOf('b') });
      expect(await codeOf(service.readTag(repository, '1.0'))).toBe('TAG_UNKNOWN');
      expect(await codeOf(service.readRole(repository, 'qa'))).toBe('ROLE_UNKNOWN');
      expect((await service.readRepository(repository)).tagCount).toBe(1);
      expect(await codeOf(service.removeDelegation(call, repository, 'qa'))).toBe('ROLE_UNKNOWN');

      const again = await bodyOf(service.putDelegation(call, repository, 'qa', heldByService()));
      expect(again.published['qa']).toBe(3);
      expect(await seen()).toEqual({ '2.0': digestOf('b') });
    });
  });

  describe('a delegation to client keys', () => {
    it('waits until its holders sign its first, empty file', async () => {
      const { core, service, repository, seen } = await open('client');
      const body = heldBy([alice, bob], { threshold: 2, paths: ['1.*'] });
      const change = await changeOf(service.putDelegation(call, repository, 'releases', body));
      expect(change).toMatchObject({
        kind: 'delegation',
        edit: {
          method: 'PUT',
          path: `/v2/${repository}/_trust/delegations/releases`,
          body,
        },
        documents: [{ dialect: 'tuf', role: 'releases', version: 1, missing: 2 }],
      });
      expect(await codeOf(service.readRole(repository, 'releases'))).toBe('ROLE_UNKNOWN');
      const one = await signBy(core, change, alice);
      expect(one.state).toBe('open');
      const two = await signBy(core, change, bob);
      expect(two.state).toBe('published');
      expect(two.published).toMatchObject({ releases: 1, targets: 2 });
      expect(await seen()).toEqual({});
      const shown = await service.readDelegation(repository, 'releases');
      expect(shown).toMatchObject({
        signers: body.signers,
        threshold: 2,
        custody: 'client',
        path: ['targets', 'releases'],
      });

      const tag = await changeOf(
        service.putTag(call, repository, '1.0', { ...tagOf('a'), role: 'releases' }),
      );
      expect(tag).toMatchObject({ kind: 'tags', documents: [{ role: 'releases', version: 2, missing: 2 }] });
      expect(await seen()).toEqual({});
      // Nobody else has to wait for it.
      await bodyOf(service.putTag(call, repository, 'latest', tagOf('z')));
      await signBy(core, tag, alice, bob);
      expect(await seen()).toEqual({ '1.0': digestOf('a'), latest: digestOf('z') });
      expect(await service.readTag(repository, '1.0')).toMatchObject({
        vouchedBy: [{ role: 'releases', keyIds: [alice.tuf.keyId, bob.tuf.keyId].sort(), threshold: 2 }],
        signedBy: { actor: call.actor, change: tag.id },
      });
      const { items } = await service.readTagHistory(repository, '1.0', { limit: 10 });
      expect(items.some(({ action, change: of }) => action === 'tag.sign' && of === tag.id)).toBe(true);

      const gone = await changeOf(service.deleteTag(call, repository, '1.0'));
      expect(gone.documents).toMatchObject([{ role: 'releases', version: 3 }]);
      await signBy(core, gone, bob, alice);
      expect(await seen()).toEqual({ latest: digestOf('z') });
      expect(await codeOf(service.readTag(repository, '1.0'))).toBe('TAG_UNKNOWN');
    });

    it('has a key of one signer replaced by one call; its file is signed anew only if it must be', async () => {
      const { core, service, repository, seen } = await open('replaced');
      const body = heldBy([alice, bob], { threshold: 1, paths: ['1.*'] });
      await signBy(core, await changeOf(service.putDelegation(call, repository, 'dev', body)), alice);
      const tag = await changeOf(service.putTag(call, repository, '1.0', { ...tagOf('a'), role: 'dev' }));
      await signBy(core, tag, alice);
      const kept = await bodyOf(
        service.putDelegation(call, repository, 'dev', heldBy([alice, carol], { paths: ['1.*'] })),
      );
      expect(kept.changed).toMatchObject({
        keysAdded: [carol.tuf.keyId],
        keysRemoved: [bob.tuf.keyId],
        tagsResigned: 0,
      });
      expect(await seen()).toEqual({ '1.0': digestOf('a') });
      const change = await changeOf(
        service.putDelegation(call, repository, 'dev', heldBy([carol], { paths: ['1.*'] })),
      );
      expect(change.documents).toMatchObject([{ role: 'dev', version: 3 }]);
      expect(await seen()).toEqual({ '1.0': digestOf('a') });
      await signBy(core, change, carol);
      expect(await seen()).toEqual({ '1.0': digestOf('a') });
    });
  });

  describe('a delegation below another one', () => {
    it('is its delegator’s to make, and covers no more than that', async () => {
      const { core, service, repository, seen } = await open('nested');
      expect(await codeOf(service.putDelegation(call, repository, 'qa/nightly', heldByService()))).toBe(
        'ROLE_UNKNOWN',
      );
      await signBy(
        core,
        await changeOf(service.putDelegation(call, repository, 'qa', heldBy([alice], { paths: ['1.*'] }))),
        alice,
      );
      const wide = await errorOf(service.putDelegation(call, repository, 'qa/nightly', heldByService()));
      expect(wide.code).toBe('BODY_INVALID');
      expect(wide.detail['reason']).toBe('PATH_WITHOUT_EFFECT');
      const change = await changeOf(
        service.putDelegation(call, repository, 'qa/nightly', heldByService({ paths: ['1.*-n'] })),
      );
      expect(change.documents).toMatchObject([{ role: 'qa', version: 2 }]);
      await signBy(core, change, alice);
      await bodyOf(service.putTag(call, repository, '1.0-n', { ...tagOf('n'), role: 'qa/nightly' }));
      expect(await seen()).toEqual({ '1.0-n': digestOf('n') });
      expect(await service.readTag(repository, '1.0-n')).toMatchObject({
        vouchedBy: [{ role: 'qa/nightly', path: ['targets', 'qa', 'qa/nightly'] }],
      });
      const outside = await errorOf(
        service.putTag(call, repository, '1.0', { ...tagOf('n'), role: 'qa/nightly' }),
      );
      expect(outside.detail['reason']).toBe('PATH_NOT_DELEGATED');
      // Removed with what is above it, by whoever signs that.
      const removed = await bodyOf(service.removeDelegation(call, repository, 'qa'));
      expect(removed.changed.tagsGone).toEqual(['1.0-n']);
      expect(await seen()).toEqual({});
    });
  });

  describe('a delegation that is refused', () => {
    it.each<[string, Parameters<typeof heldByService>[0] | (() => ReturnType<typeof heldBy>), string]>([
      ['root', {}, 'BODY_INVALID'],
      ['targets', {}, 'BODY_INVALID'],
      ['mirrors', {}, 'BODY_INVALID'],
      ['revocations', {}, 'BODY_INVALID'],
      ['bins', {}, 'BODY_INVALID'],
      ['b8-ff', {}, 'BODY_INVALID'],
      ['qa/root', {}, 'BODY_INVALID'],
      ['1', {}, 'BODY_INVALID'],
      ['../etc', {}, 'BODY_INVALID'],
      ['constructor//x', {}, 'BODY_INVALID'],
      ['a/b/c/d/e', {}, 'BODY_INVALID'],
      ['a/b', {}, 'ROLE_UNKNOWN'],
      ['qa', { paths: [] }, 'BODY_INVALID'],
      ['qa', { paths: ['/etc/*'] }, 'BODY_INVALID'],
      ['qa', { paths: ['../*'] }, 'BODY_INVALID'],
      ['qa', { paths: [''] }, 'BODY_INVALID'],
      ['qa', { paths: ['sha256:*'] }, 'BODY_INVALID'],
      ['qa', { paths: ['a/*'] }, 'BODY_INVALID'],
      ['qa', { paths: ['[ab]*'] }, 'BODY_INVALID'],
      ['qa', { paths: ['1.*', '1.*'] }, 'BODY_INVALID'],
      ['qa', { paths: Array.from({ length: 65 }, (_, index) => `v${index}.*`) }, 'BODY_INVALID'],
      ['qa', { threshold: 2 }, 'THRESHOLD_INVALID'],
      ['qa', { threshold: 2, signers: [{ name: 'ci', keys: [own, own] }] }, 'CUSTODY_INVALID'],
      [
        'qa',
        {
          threshold: 2,
          signers: [
            { name: 'one', keys: [own] },
            { name: 'two', keys: [own] },
          ],
        },
        'CUSTODY_INVALID',
      ],
      [
        'qa',
        {
          threshold: 2,
          signers: [
            { name: 'alice', keys: [alice.entry, bob.entry] },
            { name: 'ci', keys: [own] },
          ],
        },
        'CUSTODY_INVALID',
      ],
      [
        'qa',
        {
          signers: [
            { name: 'alice', keys: [alice.entry] },
            { name: 'bob', keys: [alice.entry] },
          ],
        },
        'KEY_INVALID',
      ],
      ['qa', { signers: [{ name: 'alice', keys: [alice.entry, alice.entry] }] }, 'KEY_INVALID'],
      [
        'qa',
        {
          signers: [
            { name: 'ci', keys: [own] },
            { name: 'ci', keys: [alice.entry] },
          ],
        },
        'BODY_INVALID',
      ],
      ['qa', { signers: [{ name: 'alice', keys: [alice.notaryEntry] }] }, 'KEY_INVALID'],
      [
        'qa',
        () =>
          heldBy(
            Array.from({ length: 65 }, (_, index) => party(`many ${index}`)),
            { threshold: 1 },
          ),
        'KEY_INVALID',
      ],
      [
        'qa',
        { signers: [{ name: 'x', keys: [{ custody: 'client', key: { keytype: 'ed25519' } }] }] },
        'KEY_INVALID',
      ],
    ])('%s (%#)', async (name, body, code) => {
      const core = openCore(given.database(), { seed: `refused ${given.kind}` });
      const repository = 'registry.example.com/delegations/refused';
      if ((await codeOf(core.service.readRepository(repository))) !== 'none') {
        await core.service.createRepository(call, repository, managed);
      }
      const asked = typeof body === 'function' ? body() : heldByService(body);
      expect(await codeOf(core.service.putDelegation(call, repository, name, asked))).toBe(code);
      expect((await core.service.readRepository(repository)).versions['targets']).toBe(1);
    });
  });
}
