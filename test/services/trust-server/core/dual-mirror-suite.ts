/** A repository that Notary clients publish, mirrored in the dialect `tuf`. Runs over every kind of database. */
import { NotaryError } from '@vidimus/notary';
import { describe, expect, it } from 'vitest';
import type { AddDialects } from '../../../../services/trust-server/src/schemas/index.ts';
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
  openCore,
  tagOf,
} from './core-for-test.ts';
import { BothReaders, certifiedKey, signRoot } from './dual-for-test.ts';
import { entryOf, type Listed, NotaryOwner, tufKeyId, wireCall } from './notary-owner-for-test.ts';

const both: AddDialects = { dialects: ['tuf', 'notary'] };

/** How the wire refuses an upload. */
async function refusalOf(promise: Promise<void>): Promise<NotaryError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof NotaryError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

export function dualMirrorSuite(given: DatabaseForSuite): void {
  const start = async (name: string, tags: Listed) => {
    const core = openCore(given.database(), { seed: `mirror ${given.kind}` });
    const repository = `registry.example.com/dual-mirror/${name}`;
    const owner = await NotaryOwner.create(core, repository, tags);
    return { ...core, core, repository, owner };
  };
  const mirror = async (name: string, tags: Listed) => {
    const started = await start(name, tags);
    const { service, repository, owner, core } = started;
    const change = await changeOf(service.addDialects(call, repository, both));
    const signatures = [await owner.signTuf(change)];
    const signed = await service.signChange(call, repository, change.id, { signatures });
    expect(signed.state).toBe('published');
    return { ...started, change, readers: await BothReaders.open(core, repository) };
  };

  describe('a mirrored dialect', () => {
    it('is a change that the owner’s root key signs, and lists every tag from its first version', async () => {
      const { service, repository, owner, core } = await start('first', { '1.0': 'a', '2.0': 'b' });
      const change = await changeOf(service.addDialects(call, repository, both));
      expect(change).toMatchObject({
        kind: 'dialects',
        edit: { method: 'PATCH', path: `/v2/${repository}/_trust`, body: both },
        documents: [
          {
            dialect: 'tuf',
            role: 'root',
            version: 1,
            missing: 1,
            thresholds: [{ of: 'role', threshold: 1, keyIds: [tufKeyId(owner.rootKey)] }],
          },
        ],
      });
      expect(await service.readMetadata(repository, { role: 'root', version: 1 })).toBeUndefined();
      const signed = await service.signChange(call, repository, change.id, {
        signatures: [await owner.signTuf(change)],
      });
      expect(signed.published).toMatchObject({ root: 1, targets: 1, revocations: 1, timestamp: 1 });
      const readers = await BothReaders.open(core, repository);
      expect(await readers.tags()).toEqual({ '1.0': digestOf('a'), '2.0': digestOf('b') });
      const summary = await service.readRepository(repository);
      expect(summary).toMatchObject({
        dialects: ['tuf', 'notary'],
        mirrored: true,
        openChanges: 0,
        roles: { root: { custody: 'client' }, targets: { custody: 'managed' } },
      });
      expect(summary.problems).toEqual([]);
      expect((await service.readTag(repository, '1.0')).signedBy.actor).toBe('mirrored from notary');
    });

    it('follows every upload: signed, moved, removed, at once in both', async () => {
      const { owner, readers } = await mirror('uploads', { '1.0': 'a' });
      await owner.publish({ '1.0': 'a', '2.0': 'b' });
      expect(await readers.tags()).toEqual({ '1.0': digestOf('a'), '2.0': digestOf('b') });
      await owner.publish({ '1.0': 'moved', '2.0': 'b' });
      expect(await readers.tags()).toEqual({ '1.0': digestOf('moved'), '2.0': digestOf('b') });
      await owner.publish({ '2.0': 'b' });
      expect(await readers.tags()).toEqual({ '2.0': digestOf('b') });
    });

    it('answers as Docker does: releases first, then targets', async () => {
      const { owner, readers } = await mirror('releases', { '1.0': 'a', '2.0': 'b' });
      await owner.release({ '1.0': 'released' }, { '1.0': 'a', '2.0': 'b' });
      expect(await readers.tags()).toEqual({ '1.0': digestOf('released'), '2.0': digestOf('b') });
      await owner.release({});
      expect(await readers.tags()).toEqual({ '1.0': digestOf('a'), '2.0': digestOf('b') });
    });

    it('passes over what lost its signer, as Docker does, until it is signed again', async () => {
      const { owner, readers } = await mirror('rekeyed', { '1.0': 'a' });
      await owner.release({ '1.0': 'released', '2.0': 'only there' }, { '1.0': 'a' });
      expect(Object.keys(await readers.tags())).toEqual(['1.0', '2.0']);
      await owner.rekeyReleases({ '1.0': 'a' });
      expect(await readers.tuf.targets()).toEqual({ '1.0': digestOf('a') });
      await owner.release({ '1.0': 'released again' });
      expect(await readers.tags()).toEqual({ '1.0': digestOf('released again') });
    });

    it('says in the audit that it repeats, and credits nobody’s key', async () => {
      const { service, repository, owner } = await mirror('audit', { '1.0': 'a' });
      await owner.publish({ '1.0': 'b' });
      const { items } = await service.readAudit({ repository }, { limit: 10 });
      expect(items.map(({ action, actor }) => [action, actor])).toEqual([
        ['notary.update', wireCall.actor],
        ['repository.dialects', call.actor],
        ['change.sign', call.actor],
        ['change.open', call.actor],
        ['notary.create', wireCall.actor],
      ]);
      expect(items[0]?.after).toMatchObject({ mirrored: true });
      expect(items[4]?.after).not.toHaveProperty('mirrored');
    });

    it('leaves out what is no tag, and names it', async () => {
      const noSha256 = { length: 1, hashes: { sha512: Buffer.alloc(64, 1).toString('base64') } };
      const { service, repository, owner, readers } = await mirror('no-tags', {
        '1.0': 'a',
        'dir/file': 'f',
      });
      expect(Object.keys(await readers.tuf.targets())).toEqual(['1.0']);
      const problems = async () =>
        (await service.readRepository(repository)).problems.map(({ code, tag }) => [code, tag]);
      expect(await problems()).toEqual([['TARGET_NOT_MIRRORED', 'dir/file']]);
      await owner.publish({ '1.0': noSha256 });
      expect(Object.keys(await readers.tuf.targets())).toEqual([]);
      expect(await problems()).toEqual([['TARGET_NOT_MIRRORED', '1.0']]);
    });

    it('carries custom along, but not what only the service says, nor what does not fit', async () => {
      const { readers } = await mirror('custom', {
        plain: entryOf('a', { build: 7 }),
        forged: entryOf('b', { vidimus: { mediaType: 'x/y', since: '1999-01-01T00:00:00Z' } }),
        large: entryOf('c', { text: 'x'.repeat(16_370) }),
      });
      const { targets } = (await readers.tuf.refresh()).targets.document;
      const since = { since: '2026-11-21T09:00:00Z' };
      expect(targets.get('plain')?.custom).toEqual({ build: 7, vidimus: since });
      expect(targets.get('forged')?.custom).toEqual({ vidimus: since });
      expect(targets.get('large')?.custom).toEqual({ vidimus: since });
    });

    it('keeps its own versions above what an earlier incarnation had', async () => {
      const { service, repository, owner, core } = await mirror('again', { '1.0': 'a' });
      await service.endNotary(wireCall, repository);
      expect(await service.hasRepository(repository)).toBe(false);
      expect(await service.readMetadata(repository, { role: 'timestamp' })).toBeUndefined();
      const next = await NotaryOwner.create(core, repository, { '2.0': 'b' }, owner.rootKey);
      const change = await changeOf(service.addDialects(call, repository, both));
      expect(change.documents[0]?.version).toBe(2);
      const signatures = [await next.signTuf(change)];
      await service.signChange(call, repository, change.id, { signatures });
      const readers = await BothReaders.open(core, repository, 2);
      expect(await readers.tags()).toEqual({ '2.0': digestOf('b') });
    });

    it('is the same when asked for again, before and after it is signed', async () => {
      const { service, repository, owner } = await start('same', { '1.0': 'a' });
      const change = await changeOf(service.addDialects(call, repository, both));
      const other: AddDialects = { dialects: ['notary', 'tuf'] };
      expect(await changeOf(service.addDialects(call, repository, other))).toEqual(change);
      const signatures = [await owner.signTuf(change)];
      await service.signChange(call, repository, change.id, { signatures });
      const body = await bodyOf(service.addDialects(call, repository, other));
      expect(body.versions['timestamp']).toBe(1);
    });

    it('can be rejected and proposed anew, with other keys below root', async () => {
      const { service, repository, owner, core } = await start('rejected', { '1.0': 'a' });
      const first = await changeOf(service.addDialects(call, repository, both));
      expect((await service.rejectChange(call, repository, first.id)).state).toBe('rejected');
      await owner.publish({ '1.0': 'b' });
      const change = await changeOf(service.addDialects(call, repository, both));
      expect(change.insteadOf).toEqual([first.id]);
      expect(change.documents[0]?.sha256).not.toBe(first.documents[0]?.sha256);
      const late = { signatures: [await owner.signTuf(first)] };
      expect(await codeOf(service.signChange(call, repository, first.id, late))).toBe('CHANGE_CLOSED');
      const signatures = [await owner.signTuf(change)];
      await service.signChange(call, repository, change.id, { signatures });
      const readers = await BothReaders.open(core, repository);
      expect(await readers.tags()).toEqual({ '1.0': digestOf('b') });
    });

    it('expires after seven days, and the repository goes on', async () => {
      const { service, repository, clock, owner } = await start('expired', { '1.0': 'a' });
      const change = await changeOf(service.addDialects(call, repository, both));
      clock.nowMs += 7 * day;
      await service.renew();
      expect((await service.readChange(repository, change.id)).state).toBe('expired');
      expect(await service.hasRepository(repository)).toBe(true);
      await owner.publish({ '1.0': 'b' });
      expect((await service.readRepository(repository)).dialects).toEqual(['notary']);
    });

    it('is only shown by a dry run', async () => {
      const { service, repository } = await start('dry', { '1.0': 'a' });
      const dry = { ...call, dryRun: true };
      const change = await changeOf(service.addDialects(dry, repository, both));
      expect(change.documents[0]?.missing).toBe(1);
      expect(await codeOf(service.readChange(repository, change.id))).toBe('CHANGE_UNKNOWN');
    });
  });

  describe('any sequence of uploads', () => {
    it('leaves both dialects with the same tags after every step', async () => {
      const { owner, readers, clock, service } = await mirror('any', { a: '1' });
      const lists = { targets: { a: '1' } as Record<string, string>, releases: {} as Record<string, string> };
      let state = 11;
      const random = (below: number): number => {
        state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
        return Math.floor((state / 2_147_483_648) * below);
      };
      for (let step = 0; step < 30; step += 1) {
        clock.nowMs += random(10) * 3_600_000;
        await service.renew();
        const role = random(2) === 0 ? 'targets' : 'releases';
        const name = 'abcd'.charAt(random(4));
        const others = Object.entries(lists[role]).filter(([tag]) => tag !== name);
        lists[role] = Object.fromEntries(random(3) === 0 ? others : [...others, [name, `${random(3)}`]]);
        if (role === 'targets') await owner.publish(lists.targets);
        else await owner.release(lists.releases, lists.targets);
        const expected = Object.entries({ ...lists.targets, ...lists.releases });
        expect(await readers.tags()).toEqual(
          Object.fromEntries(expected.map(([tag, text]) => [tag, digestOf(text)])),
        );
      }
    });
  });

  describe('a mirrored dialect is refused', () => {
    it('to whoever brings keys of another', async () => {
      const { service, repository } = await start('keys', { '1.0': 'a' });
      const body: AddDialects = {
        ...both,
        roles: { root: { keys: [{ custody: 'client', key: clientKey('mallory').declared }] } },
      };
      expect(await codeOf(service.addDialects(call, repository, body))).toBe('BODY_INVALID');
    });

    it('signed by anybody but the owner', async () => {
      const { service, repository } = await start('stranger', { '1.0': 'a' });
      const change = await changeOf(service.addDialects(call, repository, both));
      const signatures = [await signRoot(change, clientKey('mallory'))];
      expect(await codeOf(service.signChange(call, repository, change.id, { signatures }))).toBe(
        'SIGNATURE_INVALID',
      );
    });

    it('signed by a root key that the owner has replaced meanwhile', async () => {
      const { service, repository, owner } = await start('replaced', { '1.0': 'a' });
      const change = await changeOf(service.addDialects(call, repository, both));
      const stolen = owner.rootKey;
      await owner.rotateRoot(await certifiedKey('the next one', repository));
      const signatures = [await owner.signTuf(change, stolen)];
      expect(await codeOf(service.signChange(call, repository, change.id, { signatures }))).toBe(
        'CHANGE_CLOSED',
      );
      expect(await service.readMetadata(repository, { role: 'root', version: 1 })).toBeUndefined();
    });

    it('while what the clients signed has expired', async () => {
      const { service, repository, clock, owner } = await start('dead', { '1.0': 'a' });
      clock.nowMs += owner.lifetimeMs + day;
      const error = await errorOf(service.addDialects(call, repository, both));
      expect(error).toMatchObject({ code: 'WOULD_BREAK', detail: { reason: 'SOURCE_EXPIRED' } });
    });

    it('where it would take the other dialect away, or names one twice', async () => {
      const { service, repository } = await start('away', { '1.0': 'a' });
      expect(await codeOf(service.addDialects(call, repository, { dialects: ['tuf'] }))).toBe('BODY_INVALID');
      const twice: AddDialects = { dialects: ['notary', 'notary'] };
      expect(await codeOf(service.addDialects(call, repository, twice))).toBe('BODY_INVALID');
    });
  });

  describe('over REST, a mirrored repository', () => {
    it('takes no tags', async () => {
      const { service, repository, readers } = await mirror('rest', { '1.0': 'a' });
      const codes = [
        await codeOf(service.putTag(call, repository, '1.0', tagOf('b'))),
        await codeOf(service.deleteTag(call, repository, '1.0')),
        await codeOf(service.editTags(call, repository, { revoke: ['1.0'] })),
      ];
      expect(codes).toEqual(['CUSTODY_INVALID', 'CUSTODY_INVALID', 'CUSTODY_INVALID']);
      expect(await readers.tags()).toEqual({ '1.0': digestOf('a') });
    });

    it('revokes a digest; its tags stay in both dialects, and the answer names them', async () => {
      const { service, repository, owner, readers } = await mirror('revoke', { '1.0': 'bad', '2.0': 'good' });
      const revoked = await bodyOf(
        service.revokeDigest(call, repository, digestOf('bad'), { reason: 'CVE' }),
      );
      expect(revoked).toMatchObject({ tags: [], stillServed: [{ role: 'targets', tag: '1.0' }] });
      expect(await readers.tags()).toEqual({ '1.0': digestOf('bad'), '2.0': digestOf('good') });
      expect(Object.keys(await readers.tuf.targets())).toContain(digestOf('bad'));
      // What was there may stay; what is new may not be this.
      await owner.publish({ '1.0': 'bad', '2.0': 'good', '3.0': 'new' });
      expect(Object.keys(await readers.tags())).toEqual(['1.0', '2.0', '3.0']);
    });

    it('refuses an upload that names a revoked digest anew, and stores none of it', async () => {
      const { service, repository, owner, readers } = await mirror('renamed', { '1.0': 'good' });
      await service.revokeDigest(call, repository, digestOf('bad'), { reason: 'CVE' });
      const error = await refusalOf(owner.publish({ '1.0': 'bad', '2.0': 'fine' }));
      expect(error.code).toBe('INVALID_UPDATE');
      expect(error.message).toContain('is revoked in this repository');
      expect(await readers.tags()).toEqual({ '1.0': digestOf('good') });
      expect((await readers.notary.refresh()).targets.document.version).toBe(1);
      await service.liftRevocation(call, repository, digestOf('bad'));
    });

    it('tells nothing but the truth when the same digest is revoked again', async () => {
      const { service, repository } = await mirror('twice', { '1.0': 'bad' });
      await service.revokeDigest(call, repository, digestOf('bad'), { reason: 'CVE' });
      const again = await bodyOf(service.revokeDigest(call, repository, digestOf('bad'), { reason: 'CVE' }));
      expect(again).toMatchObject({ stillServed: [{ role: 'targets', tag: '1.0' }] });
    });
  });

  describe('when the owner’s root moves on, a mirrored repository', () => {
    it('goes on, says so, and follows by a change that old and new keys sign', async () => {
      const { service, repository, owner, readers, core } = await mirror('outdated', { '1.0': 'a' });
      const former = owner.rootKey;
      const next = await certifiedKey('next', repository);
      await owner.rotateRoot(next);
      await owner.publish({ '1.0': 'b' });
      expect(await readers.tags()).toEqual({ '1.0': digestOf('b') });
      const codes = async () => (await service.readRepository(repository)).problems.map(({ code }) => code);
      expect(await codes()).toEqual(['MIRROR_ROOT_OUTDATED']);
      const fleet = await service.listRepositories(
        { prefix: repository, problem: 'MIRROR_ROOT_OUTDATED', mayRead: () => true },
        { limit: 5 },
      );
      expect(fleet.items).toHaveLength(1);

      const change = await changeOf(service.addDialects(call, repository, both));
      expect(change.documents[0]).toMatchObject({
        version: 2,
        thresholds: [
          { of: 'previous', threshold: 1, keyIds: [tufKeyId(former)] },
          { of: 'new', threshold: 1, keyIds: [tufKeyId(next)] },
        ],
      });
      const sign = async (key: typeof former) =>
        await service.signChange(call, repository, change.id, {
          signatures: [await owner.signTuf(change, key)],
        });
      expect((await sign(next)).state).toBe('open');
      expect((await sign(former)).state).toBe('published');
      expect(await codes()).toEqual([]);
      expect((await readers.tuf.refresh()).root.document.version).toBe(2);
      expect(await readers.tags()).toEqual({ '1.0': digestOf('b') });
      expect(await bodyOf(service.addDialects(call, repository, both))).toMatchObject({ mirrored: true });
      await owner.publish({ '1.0': 'c' });
      expect(await (await BothReaders.open(core, repository, 2)).tags()).toEqual({ '1.0': digestOf('c') });
    });

    it('goes on also where the change to follow is rejected', async () => {
      const { service, repository, owner, readers } = await mirror('not-followed', { '1.0': 'a' });
      await owner.rotateRoot(await certifiedKey('next', repository));
      const change = await changeOf(service.addDialects(call, repository, both));
      await service.rejectChange(call, repository, change.id);
      await owner.publish({ '1.0': 'b' });
      expect(await readers.tags()).toEqual({ '1.0': digestOf('b') });
    });
  });

  describe('freshness of a mirrored repository', () => {
    it('renews both while what the clients signed is valid', async () => {
      const { service, readers, clock } = await mirror('renewed', { '1.0': 'a' });
      clock.nowMs += 0.6 * day;
      expect(await service.renew()).toMatchObject({ failed: 0 });
      expect(await readers.tags()).toEqual({ '1.0': digestOf('a') });
      expect((await readers.tuf.refresh()).timestamp.document.version).toBe(2);
    });

    it('lets the mirror expire with its source, and revives it with the next upload', async () => {
      const { service, repository, owner, readers, clock, heard } = await mirror('dies', { '1.0': 'a' });
      clock.nowMs += owner.lifetimeMs + day;
      await service.renew();
      expect(heard.filter((line) => line.startsWith(`blocked ${repository}`))).not.toEqual([]);
      await expect(readers.notary.refresh()).rejects.toMatchObject({ code: 'EXPIRED' });
      await expect(readers.tuf.refresh()).rejects.toMatchObject({ code: 'EXPIRED' });
      const revocation = service.revokeDigest(call, repository, digestOf('a'), { reason: 'CVE' });
      expect(await codeOf(revocation)).toBe('WOULD_BREAK');
      await owner.publish({ '1.0': 'b' });
      // What was found blocked is looked at again after an hour.
      clock.nowMs += 3_600_000;
      await service.renew();
      expect(await readers.tags()).toEqual({ '1.0': digestOf('b') });
    });
  });
}
