/** A repository whose root is in other hands: the change that creates it. Runs over every kind of database. */
import { fromBase64, sha256Hex } from '@vidimus/crypto';
import { tufDialect } from '@vidimus/tuf';
import { describe, expect, it } from 'vitest';
import type { CreateRepository } from '../../../../services/trust-server/src/schemas/index.ts';
import type { DatabaseForSuite } from '../../../support/each-database.ts';
import {
  bodyOf,
  Client,
  type ClientKey,
  call,
  changeOf,
  clientKey,
  codeOf,
  day,
  digestOf,
  errorOf,
  openCore,
  signRoot,
  tagOf,
} from './core-for-test.ts';

const alice = clientKey('alice');
const bob = clientKey('bob');
const mallory = clientKey('mallory');

const heldBy = (threshold: number, ...keys: readonly ClientKey[]): CreateRepository => ({
  roles: { root: { threshold, keys: keys.map(({ declared }) => ({ custody: 'client', key: declared })) } },
});

export function changeSuite(given: DatabaseForSuite): void {
  const propose = async (name: string, body: CreateRepository) => {
    const opened = openCore(given.database(), { seed: `change ${given.kind}` });
    const repository = `registry.example.com/change/${name}`;
    const change = await changeOf(opened.service.createRepository(call, repository, body));
    return { ...opened, repository, change };
  };

  describe('a creation with a client-held root', () => {
    it('is a change that carries the exact bytes, thresholds and times', async () => {
      const { change, repository, service } = await propose('shape', heldBy(2, alice, bob));
      const [document] = change.documents;
      if (document === undefined) throw new Error('no document');
      expect(change).toMatchObject({
        repository,
        state: 'open',
        kind: 'create',
        edit: { method: 'PUT', path: `/v2/${repository}/_trust`, body: heldBy(2, alice, bob) },
        times: { issued: '2026-11-21T09:00:00Z', expires: { root: '2027-11-21T09:00:00Z' } },
        createdAt: '2026-11-21T09:00:00Z',
        expiresAt: '2026-11-28T09:00:00Z',
        createdBy: call.actor,
        base: {},
      });
      expect(document).toMatchObject({
        dialect: 'tuf',
        role: 'root',
        version: 1,
        thresholds: [{ of: 'role', threshold: 2, keyIds: [alice.keyId, bob.keyId].sort() }],
        signatures: [],
        missing: 2,
      });
      expect(document.sha256).toBe(sha256Hex(fromBase64(document.toSign)));
      const file = tufDialect.seal(fromBase64(document.toSign), []);
      const root = tufDialect.decode('root', tufDialect.open(file, 100_000));
      expect(root.binding).toMatchObject({ repository, role: 'root' });
      expect(root.roles.root.threshold).toBe(2);
      expect(await service.readChange(repository, change.id)).toEqual(change);
      const error = await errorOf(service.readRepository(repository));
      expect(error.code).toBe('REPOSITORY_UNKNOWN');
      expect(error.detail['change']).toBe(change.id);
      expect(await service.readMetadata(repository, { role: 'root', version: 1 })).toBeUndefined();
    });

    it('publishes itself at the threshold, and clients walk from the root that was signed', async () => {
      const { change, repository, service, clock, ...rest } = await propose(
        'threshold',
        heldBy(2, alice, bob),
      );
      clock.nowMs += 60_000;
      const one = await service.signChange(call, repository, change.id, {
        signatures: [await signRoot(change, alice)],
      });
      expect(one.state).toBe('open');
      expect(one.documents[0]).toMatchObject({
        missing: 1,
        signatures: [{ keyId: alice.keyId, by: call.actor, at: '2026-11-21T09:01:00Z' }],
      });
      const two = await service.signChange(call, repository, change.id, {
        signatures: [await signRoot(change, bob)],
      });
      expect(two.state).toBe('published');
      expect(two.published).toEqual({ root: 1, targets: 1, revocations: 1, snapshot: 1, timestamp: 1 });

      const client = await new Client({ service, clock, ...rest }, repository).pin();
      const { root } = await client.refresh();
      expect(root.keyIds).toHaveLength(2);
      expect(Buffer.from(root.envelope.message).toString('base64')).toBe(change.documents[0]?.toSign);
      await bodyOf(service.putTag(call, repository, '1.0', tagOf('a')));
      expect(await client.targets()).toEqual({ '1.0': digestOf('a') });
      const summary = await service.readRepository(repository);
      expect(summary.roles['root']).toMatchObject({ custody: 'client', independentCustodians: 2 });
      expect(summary.problems).toEqual([]);
      expect(summary.openChanges).toBe(0);
    });

    it('takes the same signature again, before and after it was published', async () => {
      const { change, repository, service } = await propose('idempotent', heldBy(2, alice, bob));
      const body = { signatures: [await signRoot(change, alice)] };
      const first = await service.signChange(call, repository, change.id, body);
      expect(await service.signChange({ ...call, actor: 'other' }, repository, change.id, body)).toEqual(
        first,
      );
      await service.signChange(call, repository, change.id, { signatures: [await signRoot(change, bob)] });
      expect((await service.signChange(call, repository, change.id, body)).state).toBe('published');
    });

    it.each([
      ['a key that is not listed', mallory, (sig: string) => sig],
      [
        'a signature of other bytes',
        alice,
        (sig: string) => `${sig.startsWith('0') ? '1' : '0'}${sig.slice(1)}`,
      ],
      ['no hex', alice, () => 'zz'],
      ['upper-case hex', alice, (sig: string) => sig.toUpperCase()],
    ])('refuses %s and says which bytes were meant', async (name, key, spoil) => {
      const { change, repository, service } = await propose(
        `bad-${name.replaceAll(' ', '-')}`,
        heldBy(1, alice),
      );
      const signature = await signRoot(change, key);
      const error = await errorOf(
        service.signChange(call, repository, change.id, {
          signatures: [{ ...signature, sig: spoil(signature.sig) }],
        }),
      );
      expect(error.code).toBe('SIGNATURE_INVALID');
      expect(error.detail['expectedSha256']).toBe(change.documents[0]?.sha256);
      expect((await service.readChange(repository, change.id)).documents[0]?.missing).toBe(1);
    });

    it('keeps nothing of a post in which one signature is bad', async () => {
      const { change, repository, service } = await propose('mixed-post', heldBy(2, alice, bob));
      const signatures = [
        await signRoot(change, alice),
        { ...(await signRoot(change, alice)), keyId: bob.keyId },
      ];
      expect(await codeOf(service.signChange(call, repository, change.id, { signatures }))).toBe(
        'SIGNATURE_INVALID',
      );
      expect((await service.readChange(repository, change.id)).documents[0]?.signatures).toEqual([]);
    });

    it('counts the service’s own key, which signs last', async () => {
      const body: CreateRepository = {
        roles: {
          root: {
            threshold: 2,
            keys: [{ custody: 'client', key: alice.declared }, { custody: 'managed' }],
          },
        },
      };
      const { change, repository, service } = await propose('mixed', body);
      expect(change.documents[0]?.missing).toBe(1);
      const own = change.documents[0]?.thresholds[0]?.keyIds.find((keyId) => keyId !== alice.keyId) ?? '';
      const stolen = { ...(await signRoot(change, alice)), keyId: own };
      expect(await codeOf(service.signChange(call, repository, change.id, { signatures: [stolen] }))).toBe(
        'SIGNATURE_INVALID',
      );
      const signed = await service.signChange(call, repository, change.id, {
        signatures: [await signRoot(change, alice)],
      });
      expect(signed.state).toBe('published');
      const summary = await service.readRepository(repository);
      expect(summary.roles['root']).toMatchObject({ custody: 'mixed', independentCustodians: 2 });
    });

    it('is the same change when asked for again, a conflict when asked for otherwise', async () => {
      const { change, repository, service } = await propose('conflict', heldBy(1, alice));
      const again = await changeOf(service.createRepository(call, repository, heldBy(1, alice)));
      expect(again).toEqual(change);
      const other = service.createRepository(call, repository, heldBy(1, bob));
      const error = await errorOf(other);
      expect(error.code).toBe('CHANGE_CONFLICT');
      expect(error.detail['change']).toBe(change.id);
    });

    it('is superseded by name; the new change names the dead one it replaces', async () => {
      const { change, repository, service } = await propose('supersede', heldBy(2, alice, bob));
      await service.signChange(call, repository, change.id, { signatures: [await signRoot(change, alice)] });
      const next = await changeOf(
        service.createRepository({ ...call, supersede: change.id }, repository, heldBy(1, bob)),
      );
      expect(next.insteadOf).toEqual([change.id]);
      expect(next.documents[0]).toMatchObject({ version: 1, signatures: [] });
      expect((await service.readChange(repository, change.id)).state).toBe('rejected');
      const late = { signatures: [await signRoot(change, bob)] };
      expect(await codeOf(service.signChange(call, repository, change.id, late))).toBe('CHANGE_CLOSED');
      const signed = await service.signChange(call, repository, next.id, {
        signatures: [await signRoot(next, bob)],
      });
      expect(signed.state).toBe('published');
      const { items } = await service.listChanges(repository, {}, { limit: 10 });
      expect(items.map(({ id }) => id)).toEqual([next.id, change.id]);
      const open = await service.listChanges(repository, { state: 'open' }, { limit: 10 });
      expect(open.items).toEqual([]);
    });

    it('can be rejected once, and not signed afterwards', async () => {
      const { change, repository, service } = await propose('reject', heldBy(1, alice));
      expect((await service.rejectChange(call, repository, change.id)).state).toBe('rejected');
      expect((await service.rejectChange(call, repository, change.id)).state).toBe('rejected');
      const signatures = [await signRoot(change, alice)];
      expect(await codeOf(service.signChange(call, repository, change.id, { signatures }))).toBe(
        'CHANGE_CLOSED',
      );
      expect(await codeOf(service.rejectChange(call, repository, 'unknown'))).toBe('CHANGE_UNKNOWN');
      expect(await codeOf(service.readChange('registry.example.com/other', change.id))).toBe(
        'CHANGE_UNKNOWN',
      );
    });

    it('expires after seven days, and frees the place', async () => {
      const { change, repository, service, clock } = await propose('expired', heldBy(1, alice));
      clock.nowMs += 7 * day;
      expect((await service.readChange(repository, change.id)).state).toBe('expired');
      const signatures = [await signRoot(change, alice)];
      expect(await codeOf(service.signChange(call, repository, change.id, { signatures }))).toBe(
        'CHANGE_CLOSED',
      );
      await service.renew();
      const next = await changeOf(service.createRepository(call, repository, heldBy(1, alice)));
      expect(next.insteadOf).toEqual([change.id]);
      const actions = (await service.readAudit({ repository }, { limit: 10 })).items.map(
        ({ action }) => action,
      );
      expect(actions).toEqual(['change.open', 'change.expire', 'change.open']);
    });

    it('does not publish a root that has expired meanwhile', async () => {
      const body = heldBy(1, alice);
      const short = { roles: { root: { ...body.roles?.root, expiresAfter: '1d' } } };
      const { change, repository, service, clock } = await propose('short-root', short);
      clock.nowMs += 2 * day;
      const signatures = [await signRoot(change, alice)];
      expect(await codeOf(service.signChange(call, repository, change.id, { signatures }))).toBe(
        'CHANGE_CLOSED',
      );
      expect(await service.readMetadata(repository, { role: 'root', version: 1 })).toBeUndefined();
      expect((await service.readChange(repository, change.id)).state).toBe('expired');
      const again = await changeOf(service.createRepository(call, repository, short));
      expect(again.insteadOf).toEqual([change.id]);
    });

    it('counts a signature in a dry run and keeps it not', async () => {
      const { service, repository, change } = await propose('dry-sign', heldBy(2, alice, bob));
      const body = { signatures: [await signRoot(change, alice)] };
      const dry = await service.signChange({ ...call, dryRun: true }, repository, change.id, body);
      expect(dry.documents[0]?.missing).toBe(1);
      expect((await service.readChange(repository, change.id)).documents[0]?.missing).toBe(2);
    });

    it('is not made, signed or rejected on a base that is not there', async () => {
      const { service, repository, change } = await propose('no-base', heldBy(1, alice));
      const at = { ...call, ifMatch: { role: 'root', version: 1 } };
      const body = { signatures: [await signRoot(change, alice)] };
      const other = 'registry.example.com/change/no-base-either';
      expect([
        await codeOf(service.createRepository(at, other, heldBy(1, alice))),
        await codeOf(service.signChange(at, repository, change.id, body)),
        await codeOf(service.rejectChange(at, repository, change.id)),
      ]).toEqual(['VERSION_CONFLICT', 'VERSION_CONFLICT', 'VERSION_CONFLICT']);
      expect((await service.readChange(repository, change.id)).state).toBe('open');
    });

    it('is only shown by a dry run', async () => {
      const { service } = openCore(given.database(), { seed: `change dry ${given.kind}` });
      const repository = 'registry.example.com/change/dry';
      const dry = { ...call, dryRun: true };
      const change = await changeOf(service.createRepository(dry, repository, heldBy(1, alice)));
      expect(change.documents[0]?.missing).toBe(1);
      expect(await service.createRepository(dry, repository, heldBy(1, alice))).toMatchObject({
        impact: { versions: { root: 1 }, diff: [{ role: 'root' }] },
      });
      expect(await codeOf(service.readChange(repository, change.id))).toBe('CHANGE_UNKNOWN');
      expect(await codeOf(service.listChanges(repository, {}, { limit: 5 }))).toBe('REPOSITORY_UNKNOWN');
    });

    it('is in the audit with everybody who signed', async () => {
      const { change, repository, service } = await propose('audit', heldBy(2, alice, bob));
      for (const key of [alice, bob]) {
        await service.signChange({ ...call, actor: key.keyId.slice(0, 8) }, repository, change.id, {
          signatures: [await signRoot(change, key)],
        });
      }
      const { items } = await service.readAudit({ repository }, { limit: 10 });
      expect(items.map(({ action, actor }) => [action, actor])).toEqual([
        ['repository.create', bob.keyId.slice(0, 8)],
        ['change.sign', bob.keyId.slice(0, 8)],
        ['change.sign', alice.keyId.slice(0, 8)],
        ['change.open', call.actor],
      ]);
      expect(items.every((event) => event.change === change.id)).toBe(true);
    });
  });
}
