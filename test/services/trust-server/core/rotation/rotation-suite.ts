/** Roles that get other keys, in repositories of one dialect. Runs over every kind of database. */
import { keyKeys, trustChanges, trustRepositories, trustRevokedKeys } from '@vidimus/database';
import { and, eq, isNull, sql } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import type { CreateRepository } from '../../../../../services/trust-server/src/schemas/index.ts';
import type { DatabaseForSuite } from '../../../../support/each-database.ts';
import {
  bodyOf,
  type CoreForTest,
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
  tagOf,
} from '../core-for-test.ts';
import { clientEntry, Followers, managedEntry, signAll, signaturesOf } from './rotation-for-test.ts';

const alice = clientKey('alice');
const bob = clientKey('bob');
const carol = clientKey('carol');
const mallory = clientKey('mallory');

const heldByAlice: CreateRepository = { roles: { root: { keys: [clientEntry(alice)] } } };
const reason = 'yearly';

export function rotationSuite(given: DatabaseForSuite): void {
  const open = (): CoreForTest => openCore(given.database(), { seed: `rotation ${given.kind}` });
  const make = async (name: string, body: CreateRepository = managed) => {
    const core = open();
    const repository = `registry.example.com/rotation/${name}`;
    const created = await core.service.createRepository(call, repository, body);
    if (created.outcome === 'change') await signAll(core, repository, created.change, [alice]);
    await bodyOf(core.service.putTag(call, repository, '1.0', tagOf('a')));
    return { core, repository, followers: await Followers.of(core, repository) };
  };

  describe('a role that the service signs', () => {
    it('gets a new key in one publish, and clients follow', async () => {
      const { core, repository, followers } = await make('managed');
      for (const role of ['root', 'targets', 'snapshot', 'timestamp', 'revocations']) {
        const before = await core.service.readRole(repository, role);
        const body = { to: [managedEntry], reason };
        const rotated = await bodyOf(core.service.rotateRole(call, repository, role, body));
        expect(rotated.role.keyIds).not.toEqual(before.keyIds);
        expect(rotated.role).toMatchObject({ custody: 'managed', threshold: 1 });
        expect(Object.keys(rotated.published)).toContain(role === 'timestamp' ? 'root' : role);
        expect((await followers.follow()).tags).toEqual({ '1.0': digestOf('a') });
      }
      const { items } = await core.service.readAudit({ repository }, { limit: 10 });
      expect(items.slice(0, 5).map(({ action }) => action)).toEqual([
        'role.rotate',
        'role.rotate',
        'role.rotate',
        'role.rotate',
        'root.rotate',
      ]);
      await bodyOf(core.service.putTag(call, repository, '2.0', tagOf('b')));
      expect(Object.keys((await followers.follow()).tags)).toEqual(['1.0', '2.0']);
    });

    it('goes to three people of whom two sign, and back to one key', async () => {
      const { core, repository, followers } = await make('two-of-three');
      for (const role of ['root', 'targets', 'revocations']) {
        const body = { to: [alice, bob, carol].map(clientEntry), threshold: 2, reason };
        // Nobody holds two roles that must be apart: each has people of its own.
        const people = [alice, bob, carol].map(({ keyId }) => clientKey(`${role} ${keyId}`));
        const to = people.map(clientEntry);
        const change = await changeOf(core.service.rotateRole(call, repository, role, { ...body, to }));
        expect(change).toMatchObject({ kind: 'rotation', state: 'open' });
        const [one, two, three] = people;
        if (one === undefined || two === undefined || three === undefined) throw new Error('people');
        expect((await signAll(core, repository, change, [one])).state).toBe('open');
        expect((await signAll(core, repository, change, [three])).state).toBe('published');
        await followers.follow();
        const state = await core.service.readRole(repository, role);
        expect(state).toMatchObject({ custody: 'client', threshold: 2, independentCustodians: 3 });

        const back = { to: [managedEntry], threshold: 1, reason };
        const second = await core.service.rotateRole(call, repository, role, back);
        if (role === 'root') {
          if (second.outcome !== 'change') throw new Error('the old root must agree');
          await signAll(core, repository, second.change, [two, three]);
        }
        expect(await core.service.readRole(repository, role)).toMatchObject({ custody: 'managed' });
        expect((await followers.follow()).tags).toEqual({ '1.0': digestOf('a') });
      }
    });

    it('takes another threshold and lifetime, once', async () => {
      const { core, repository, followers } = await make('patch');
      const patch = { expiresAfter: '30d' };
      const patched = await bodyOf(core.service.patchRole(call, repository, 'targets', patch));
      expect(patched.role).toMatchObject({ expiresAfter: '30d', expires: '2026-12-21T09:00:00Z' });
      expect((await bodyOf(core.service.patchRole(call, repository, 'targets', patch))).published).toEqual(
        {},
      );
      for (const role of ['root', 'snapshot', 'timestamp', 'revocations']) {
        const { role: after } = await bodyOf(
          core.service.patchRole(call, repository, role, { expiresAfter: '3d' }),
        );
        expect([role, after.expiresAfter, after.expires]).toEqual([role, '3d', '2026-11-24T09:00:00Z']);
      }
      await followers.follow();
      await bodyOf(core.service.putTag(call, repository, '2.0', tagOf('b')));
      expect((await core.service.readRole(repository, 'targets')).expires).toBe('2026-12-21T09:00:00Z');
    });

    it('is only shown by a dry run, and is not changed on another base', async () => {
      const { core, repository } = await make('dry');
      const body = { to: [managedEntry], reason };
      const before = await core.service.readRepository(repository);
      const dry = await core.service.rotateRole({ ...call, dryRun: true }, repository, 'targets', body);
      expect(dry).toMatchObject({
        outcome: 'done',
        impact: { diff: [{ role: 'targets' }], versions: { root: 2, targets: 3, snapshot: 3, timestamp: 3 } },
      });
      const client = { to: [clientEntry(bob)], reason };
      const dryChange = await core.service.rotateRole(
        { ...call, dryRun: true },
        repository,
        'targets',
        client,
      );
      expect(dryChange).toMatchObject({ outcome: 'change', change: { documents: [{ role: 'targets' }] } });
      const at = { ...call, ifMatch: { role: 'targets', version: 1 } };
      expect(await codeOf(core.service.rotateRole(at, repository, 'targets', body))).toBe('VERSION_CONFLICT');
      expect(await core.service.readRepository(repository)).toEqual(before);
    });
  });

  describe('a delegated role', () => {
    const people = ['ann', 'ben', 'cem'].map(clientKey);
    const [ann, ben, cem] = people;
    if (ann === undefined || ben === undefined || cem === undefined) throw new Error('people');

    it('goes from one key to two of three people and back, without root', async () => {
      const { core, repository, followers } = await make('delegated');
      const delegation = {
        signers: [{ name: 'qa', keys: [managedEntry] }],
        threshold: 1,
        paths: ['qa-*'],
      };
      await bodyOf(core.service.putDelegation(call, repository, 'qa', delegation));
      const tag = { ...tagOf('q'), role: 'qa' };
      await bodyOf(core.service.putTag(call, repository, 'qa-1', tag));
      const seen = { '1.0': digestOf('a'), 'qa-1': digestOf('q') };
      expect((await followers.follow()).tags).toEqual(seen);

      const body = { to: people.map(clientEntry), threshold: 2, reason };
      const change = await changeOf(core.service.rotateRole(call, repository, 'qa', body));
      expect(change).toMatchObject({ documents: [{ role: 'qa', version: 3, missing: 2 }] });
      await signAll(core, repository, change, [ann]);
      expect((await followers.follow()).tags).toEqual(seen);
      expect((await signAll(core, repository, change, [cem])).state).toBe('published');
      expect((await followers.follow()).tags).toEqual(seen);
      expect((await core.service.readRole(repository, 'qa')).independentCustodians).toBe(3);

      // Whoever signed it already, and is still among those who may, need not sign it again.
      const less = { to: [clientEntry(ann)], threshold: 1, reason };
      const kept = await bodyOf(core.service.rotateRole(call, repository, 'qa', less));
      expect([kept.role.version, kept.role.keyIds]).toEqual([3, [ann.keyId]]);
      expect((await followers.follow()).tags).toEqual(seen);
      const other = await changeOf(
        core.service.rotateRole(call, repository, 'qa', { ...less, to: [clientEntry(ben)] }),
      );
      expect(other.documents.map(({ role }) => role)).toEqual(['qa']);
      await signAll(core, repository, other, [ben]);
      await bodyOf(
        core.service.rotateRole(call, repository, 'qa', { to: [managedEntry], threshold: 1, reason }),
      );
      expect((await followers.follow()).tags).toEqual(seen);
      const { root } = await followers.follow();
      expect(root.version).toBe(1);
    });

    it('is delegated further, and follows its delegator’s keys', async () => {
      const { core, repository, followers } = await make('nested');
      const to = (name: string, paths: string[]) => ({
        signers: [{ name, keys: [managedEntry] }],
        threshold: 1,
        paths,
      });
      await bodyOf(core.service.putDelegation(call, repository, 'qa', to('qa', ['qa-*'])));
      await bodyOf(core.service.putDelegation(call, repository, 'qa/nightly', to('nightly', ['qa-n-*'])));
      const tag = { ...tagOf('n'), role: 'qa/nightly' };
      await bodyOf(core.service.putTag(call, repository, 'qa-n-1', tag));
      for (const role of ['qa', 'qa/nightly', 'qa']) {
        await bodyOf(core.service.rotateRole(call, repository, role, { to: [managedEntry], reason }));
        expect((await followers.follow()).tags).toEqual({ '1.0': digestOf('a'), 'qa-n-1': digestOf('n') });
      }
      const client = { to: [clientEntry(ann)], reason };
      const change = await changeOf(core.service.rotateRole(call, repository, 'qa/nightly', client));
      expect((await signAll(core, repository, change, [ann])).state).toBe('published');
      await bodyOf(core.service.rotateRole(call, repository, 'qa', { to: [managedEntry], reason }));
      expect(Object.keys((await followers.follow()).tags)).toEqual(['1.0', 'qa-n-1']);

      // Nobody delegates them any more: nobody misses their renewal.
      await core.service.removeDelegation(call, repository, 'qa');
      for (let days = 0; days < 50; days += 10) {
        core.clock.nowMs += 10 * day;
        await core.service.renew();
      }
      const about = core.heard.filter((line) => line.includes(repository) && !line.startsWith('renewed'));
      expect(about).toEqual([]);
    });

    it('is not left to one person with two keys', async () => {
      const { core, repository } = await make('one-person');
      const signers = [{ name: 'ann', keys: [clientEntry(ann), clientEntry(ben)] }];
      const put = await changeOf(
        core.service.putDelegation(call, repository, 'qa', { signers, threshold: 1, paths: ['qa-*'] }),
      );
      await signAll(core, repository, put, [ann]);
      const patched = core.service.patchRole(call, repository, 'qa', { threshold: 2 });
      expect(await codeOf(patched)).toBe('CUSTODY_INVALID');
    });
  });

  describe('a role whose root others hold', () => {
    it('waits for root, and leaves tags unhindered meanwhile', async () => {
      const { core, repository, followers } = await make('held', heldByAlice);
      const body = { to: [managedEntry], reason };
      const change = await changeOf(core.service.rotateRole(call, repository, 'targets', body));
      expect(change.documents.map(({ role }) => role)).toEqual(['root']);
      expect(change.base).toEqual({ root: 1 });
      await bodyOf(core.service.putTag(call, repository, '2.0', tagOf('b')));
      const signed = await signAll(core, repository, change, [alice]);
      expect(signed).toMatchObject({ state: 'published', published: { root: 2, targets: 4 } });
      expect(Object.keys((await followers.follow()).tags)).toEqual(['1.0', '2.0']);
    });

    it('changes hands by the threshold of both', async () => {
      const { core, repository, followers } = await make('hands', heldByAlice);
      const body = { to: [clientEntry(bob)], reason };
      const change = await changeOf(core.service.rotateRole(call, repository, 'root', body));
      expect(change.documents[0]?.thresholds).toEqual([
        { of: 'previous', threshold: 1, keyIds: [alice.keyId] },
        { of: 'new', threshold: 1, keyIds: [bob.keyId] },
      ]);
      // Who is not there yet proves that he has his key; the old hand alone is not enough.
      expect((await signAll(core, repository, change, [alice])).state).toBe('open');
      expect((await signAll(core, repository, change, [bob])).state).toBe('published');
      const { root } = await followers.follow();
      expect(root.roles.root.keyIds).toEqual([bob.keyId]);
      const again = await changeOf(
        core.service.rotateRole(call, repository, 'root', {
          to: [clientEntry(carol)],
          reason,
        }),
      );
      expect(await codeOf(signAllOf(core, repository, again, alice))).toBe('SIGNATURE_INVALID');
    });

    it('has one open change: the same is the same, another one is a conflict or supersedes', async () => {
      const { core, repository } = await make('conflict', heldByAlice);
      const body = { to: [clientEntry(bob)], reason };
      const first = await changeOf(core.service.rotateRole(call, repository, 'root', body));
      expect(await changeOf(core.service.rotateRole(call, repository, 'root', body))).toEqual(first);
      const other = { to: [clientEntry(carol)], reason };
      const error = await errorOf(core.service.rotateRole(call, repository, 'root', other));
      expect([error.code, error.detail['change']]).toEqual(['CHANGE_CONFLICT', first.id]);
      const next = await changeOf(
        core.service.rotateRole({ ...call, supersede: first.id }, repository, 'root', other),
      );
      expect(next).toMatchObject({ insteadOf: [first.id], documents: [{ version: 2 }] });
      expect((await core.service.readChange(repository, first.id)).state).toBe('rejected');
      expect((await signAll(core, repository, next, [alice, carol])).state).toBe('published');
    });

    it('is stale once root has moved, says so, and makes room', async () => {
      const { core, repository, followers } = await make('stale', heldByAlice);
      const targets = await changeOf(
        core.service.rotateRole(call, repository, 'revocations', { to: [clientEntry(bob)], reason }),
      );
      expect(targets.base).toEqual({ root: 1, revocations: 1 });
      const root = await changeOf(
        core.service.rotateRole(call, repository, 'root', { to: [clientEntry(carol)], reason }),
      );
      await signAll(core, repository, root, [alice, carol]);
      expect(await codeOf(signAllOf(core, repository, targets, bob))).toBe('CHANGE_CLOSED');
      expect((await core.service.readChange(repository, targets.id)).state).toBe('stale');
      expect(await codeOf(signAllOf(core, repository, targets, bob))).toBe('CHANGE_CLOSED');
      const again = await changeOf(
        core.service.rotateRole(call, repository, 'revocations', { to: [clientEntry(bob)], reason }),
      );
      expect(again).toMatchObject({ insteadOf: [targets.id], documents: [{ version: 2 }] });
      expect((await signAll(core, repository, again, [bob])).state).toBe('published');
      await followers.follow();
    });

    it('forgets the keys of a change that was rejected or expired', async () => {
      const { core, repository, followers } = await make('dead', heldByAlice);
      const body = { to: [managedEntry], reason };
      const rejected = await changeOf(core.service.rotateRole(call, repository, 'snapshot', body));
      await core.service.rejectChange(call, repository, rejected.id);
      const expired = await changeOf(core.service.rotateRole(call, repository, 'snapshot', body));
      core.clock.nowMs += 7 * day;
      await core.service.renew();
      expect((await core.service.readChange(repository, expired.id)).state).toBe('expired');
      expect(await codeOf(signAllOf(core, repository, expired, alice))).toBe('CHANGE_CLOSED');
      const third = await changeOf(core.service.rotateRole(call, repository, 'snapshot', body));
      expect(third.insteadOf).toEqual([expired.id, rejected.id]);
      expect((await signAll(core, repository, third, [alice])).state).toBe('published');
      await followers.follow();
      expect((await core.service.readRepository(repository)).openChanges).toBe(0);
      const live = await given
        .database()
        .db.select({ role: keyKeys.role })
        .from(keyKeys)
        .where(and(eq(keyKeys.repository, repository), isNull(keyKeys.retiredAt)));
      expect(live.map(({ role }) => role).sort()).toEqual([
        'revocations',
        'snapshot',
        'targets',
        'timestamp',
      ]);
    });

    it('takes no signature once what it proposes is not what its plan makes', async () => {
      const { core, repository } = await make('tampered', heldByAlice);
      const [mine, other] = [
        await changeOf(core.service.rotateRole(call, repository, 'snapshot', { to: [managedEntry], reason })),
        await changeOf(
          (await make('tampered-other', heldByAlice)).core.service.rotateRole(
            call,
            'registry.example.com/rotation/tampered-other',
            'root',
            { to: [clientEntry(mallory)], reason },
          ),
        ),
      ];
      const { db } = given.database();
      await db
        .update(trustChanges)
        .set({ documents: other.documents.map(({ signatures: _, missing: __, ...rest }) => rest) })
        .where(eq(trustChanges.id, mine.id));
      const shown = await core.service.readChange(repository, mine.id);
      expect(await codeOf(signAll(core, repository, shown, [alice]))).toBe('CHANGE_CLOSED');
      expect((await core.service.readChange(repository, mine.id)).state).toBe('stale');
    });
  });

  describe('what is refused', () => {
    const weak = { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: '00'.repeat(32) } };
    const upper = {
      ...alice.declared,
      keyval: { public: String(Object(alice.declared['keyval']).public).toUpperCase() },
    };
    const twin = { ...bob.declared, 'x-name': 'another id' };
    const service = () => make('refused', heldByAlice);

    it.each([
      [
        'a threshold above the keys',
        'targets',
        { to: [clientEntry(bob)], threshold: 2 },
        'THRESHOLD_INVALID',
      ],
      ['a threshold of nobody', 'targets', { to: [clientEntry(bob)], threshold: 0 }, 'THRESHOLD_INVALID'],
      ['a fraction', 'targets', { to: [clientEntry(bob)], threshold: 0.5 }, 'THRESHOLD_INVALID'],
      ['the same key twice', 'targets', { to: [clientEntry(bob), clientEntry(bob)] }, 'KEY_INVALID'],
      [
        'a key under two ids',
        'targets',
        { to: [clientEntry(bob), clientEntry({ declared: twin })] },
        'KEY_INVALID',
      ],
      ['a key in another encoding', 'targets', { to: [clientEntry({ declared: upper })] }, 'KEY_INVALID'],
      ['a key of another role', 'targets', { to: [clientEntry(alice)] }, 'KEY_INVALID'],
      ['a key of root in a delegation', 'revocations', { to: [clientEntry(alice)] }, 'KEY_INVALID'],
      ['a weak key', 'targets', { to: [clientEntry({ declared: weak })] }, 'KEY_INVALID'],
      [
        'a malformed key',
        'targets',
        { to: [clientEntry({ declared: { keytype: 'ed25519' } })] },
        'KEY_INVALID',
      ],
      ['a timestamp in the hands of a client', 'timestamp', { to: [clientEntry(bob)] }, 'CUSTODY_INVALID'],
      ['a snapshot in the hands of a client', 'snapshot', { to: [clientEntry(bob)] }, 'CUSTODY_INVALID'],
      [
        'two managed keys as two custodians',
        'targets',
        { to: [managedEntry, managedEntry], threshold: 2 },
        'CUSTODY_INVALID',
      ],
      ['a role that is not there', 'nobody', { to: [managedEntry] }, 'ROLE_UNKNOWN'],
      ['bins by themselves', 'bins', { to: [managedEntry] }, 'ROLE_UNKNOWN'],
    ])('%s', async (_, role, body, code) => {
      const { core, repository } = await service();
      const before = await core.service.readRepository(repository);
      expect(await codeOf(core.service.rotateRole(call, repository, role, { ...body, reason }))).toBe(code);
      expect(await core.service.readRepository(repository)).toEqual(before);
    });

    it('the service’s own key, brought by a client', async () => {
      const { core, repository } = await make('own-key', heldByAlice);
      const { root } = await (await Followers.of(core, repository)).follow();
      const [own] = root.roles.timestamp.keyIds;
      const declared = root.keys.get(own ?? '')?.declared;
      if (declared === undefined) throw new Error('no key');
      const body = { to: [clientEntry({ declared })], reason };
      expect(await codeOf(core.service.rotateRole(call, repository, 'root', body))).toBe('KEY_INVALID');
    });

    it('a key that was revoked, here or everywhere, in a rotation and in a creation', async () => {
      const { core, repository } = await make('revoked', heldByAlice);
      const { db } = given.database();
      const revoked = (key: typeof bob, where: string | null) => ({
        id: `revoked ${key.keyId} ${given.kind}`,
        material: key.signer.publicKey.materialId,
        repository: where,
        reason: 'stolen',
        revokedAt: new Date(core.clock.nowMs),
        actor: call.actor,
      });
      const [here, everywhere] = [clientKey('revoked here'), clientKey('revoked everywhere')];
      await db.insert(trustRevokedKeys).values([revoked(here, repository), revoked(everywhere, null)]);
      for (const key of [here, everywhere]) {
        const body = { to: [clientEntry(key)], reason };
        expect(await codeOf(core.service.rotateRole(call, repository, 'targets', body))).toBe('KEY_INVALID');
      }
      const create = (name: string, key: typeof bob) =>
        core.service.createRepository(call, `registry.example.com/rotation/${name}`, {
          roles: { root: { keys: [clientEntry(key)] } },
        });
      expect(await codeOf(create('revoked-there', everywhere))).toBe('KEY_INVALID');
      expect(await codeOf(create('not-revoked-there', here))).toBe('none');
    });

    it('a repository that another server still signs', async () => {
      const { core, repository } = await make('migrating');
      const { db } = given.database();
      const migration = JSON.stringify({ migration: { final: false, changes: 0 } });
      await db
        .update(trustRepositories)
        .set({ settings: sql`${trustRepositories.settings} || ${migration}::jsonb` })
        .where(eq(trustRepositories.repository, repository));
      const body = { to: [managedEntry], reason };
      expect(await codeOf(core.service.rotateRole(call, repository, 'targets', body))).toBe(
        'VERSION_UNCERTAIN',
      );
    });

    it('a managed root without its master key', async () => {
      const { repository } = await make('no-master', heldByAlice);
      const core = openCore(given.database(), { seed: `no master ${given.kind}`, rootMaster: false });
      const body = { to: [managedEntry], reason };
      expect(await codeOf(core.service.rotateRole(call, repository, 'root', body))).toBe(
        'SIGNER_UNAVAILABLE',
      );
    });

    it.each([
      ['by a key that is not asked', (sig: string) => ({ keyId: mallory.keyId, sig })],
      ['over other bytes', (sig: string) => ({ sig: `${sig.startsWith('0') ? '1' : '0'}${sig.slice(1)}` })],
      ['for another role', () => ({ role: 'targets' })],
      ['for another dialect', () => ({ dialect: 'notary' as const })],
    ])('a signature %s', async (name, spoil) => {
      const { core, repository } = await make(`signature-${name.replaceAll(' ', '-')}`, heldByAlice);
      const body = { to: [managedEntry], reason };
      const change = await changeOf(core.service.rotateRole(call, repository, 'root', body));
      const signature = await signRoot(change, alice);
      const signatures = [{ ...signature, ...spoil(signature.sig) }];
      expect(await codeOf(core.service.signChange(call, repository, change.id, { signatures }))).toBe(
        'SIGNATURE_INVALID',
      );
      expect((await core.service.readChange(repository, change.id)).documents[0]?.signatures).toEqual([]);
    });

    it('a signature made for another repository, or for a dead change', async () => {
      const one = await make('elsewhere-one', heldByAlice);
      const two = await make('elsewhere-two', heldByAlice);
      const body = { to: [clientEntry(bob)], reason };
      const [first, second] = [
        await changeOf(one.core.service.rotateRole(call, one.repository, 'root', body)),
        await changeOf(two.core.service.rotateRole(call, two.repository, 'root', body)),
      ];
      const signatures = await signaturesOf(first, [alice, bob]);
      expect(await codeOf(two.core.service.signChange(call, two.repository, second.id, { signatures }))).toBe(
        'SIGNATURE_INVALID',
      );
      await one.core.service.rejectChange(call, one.repository, first.id);
      one.core.clock.nowMs += 1_000;
      const next = await changeOf(one.core.service.rotateRole(call, one.repository, 'root', body));
      expect(await codeOf(one.core.service.signChange(call, one.repository, next.id, { signatures }))).toBe(
        'SIGNATURE_INVALID',
      );
    });
  });
}

const signAllOf = async (
  { service }: CoreForTest,
  repository: string,
  change: Parameters<typeof signaturesOf>[0],
  key: Parameters<typeof signaturesOf>[1][number],
) => {
  const [document] = change.documents;
  if (document === undefined) throw new Error('no document');
  const asked = {
    ...change,
    documents: change.documents.map((each) => ({
      ...each,
      thresholds: [{ ...each.thresholds[0], of: 'role' as const, threshold: 1, keyIds: [key.keyId] }],
    })),
  };
  return await service.signChange(call, repository, change.id, {
    signatures: await signaturesOf(asked, [key]),
  });
};
