/** Changes that wait while the repository moves on: who may end them, and what they must not undo. */
import { trustChanges } from '@vidimus/database';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PutDelegation } from '../../../../../services/trust-server/src/schemas/index.ts';
import { type EmbeddedForTest, openEmbeddedForTest } from '../../../../support/database-embedded.ts';
import {
  bodyOf,
  type CoreForTest,
  call,
  changeOf,
  codeOf,
  errorOf,
  managed,
  openCore,
  tagOf,
} from '../core-for-test.ts';
import { heldBy, own, party, signaturesOf, signBy } from '../delegations/delegations-for-test.ts';

const [alice, bob, carol] = [party('alice'), party('bob'), party('carol')];
const guarded = ['_directory', 'registry.example.com/standing/guarded'].map((repositories) => ({
  repositories,
  calls: ['root' as const],
  approvers: 1,
}));

let opened: EmbeddedForTest;
let core: CoreForTest;
beforeAll(async () => {
  opened = await openEmbeddedForTest();
  core = openCore(opened.database, { seed: 'standing', approvals: guarded });
});
afterAll(async () => {
  await core.service.stop();
  await opened.close();
});

const as = (actor: string) => ({ ...call, actor });

async function open(name: string) {
  const repository = `registry.example.com/standing/${name}`;
  await bodyOf(core.service.createRepository(call, repository, managed));
  const stateOf = async (id: string) => (await core.service.readChange(repository, id)).state;
  return { repository, service: core.service, stateOf };
}

/** A repository whose `qa` alice signs. */
async function withSigner(name: string) {
  const place = await open(name);
  const put = core.service.putDelegation(call, place.repository, 'qa', heldBy([alice], { paths: ['1.*'] }));
  await signBy(core, await changeOf(put), alice);
  return place;
}

describe('a change of somebody else', () => {
  it('is not ended by a caller who may only sign tags', async () => {
    const { repository, service, stateOf } = await open('superseded');
    const rotate = (entry: typeof alice.entry) =>
      service.rotateRole(as('token:admin'), repository, 'targets', { to: [entry], reason: 'hers' });
    await signBy(core, await changeOf(rotate(alice.entry)), alice);
    const rotation = await changeOf(rotate(bob.entry));
    const put = (more: object) =>
      service.putTag(
        { ...as('token:signer'), supersede: rotation.id, ...more },
        repository,
        '1.0',
        tagOf('a'),
      );
    expect(await codeOf(put({}))).toBe('DENIED');
    expect(await stateOf(rotation.id)).toBe('open');
    await changeOf(put({ endsOthers: true }));
    expect(await stateOf(rotation.id)).toBe('rejected');
  });
});

describe('a root that came to nothing', () => {
  it('is named by the one in its place, however many other changes were rejected since', async () => {
    const { repository, service } = await open('dead');
    const root = { to: [alice.entry], reason: 'hers' };
    const first = await changeOf(service.rotateRole(call, repository, 'root', root));
    await service.rejectChange(call, repository, first.id);
    await opened.database.transaction(async (tx) => {
      const [row] = await tx.select().from(trustChanges).where(eq(trustChanges.id, first.id));
      if (row === undefined) throw new Error('no change');
      const others = Array.from({ length: 101 }, (_, index) => ({ ...row, id: `zz${index}`, roles: ['qa'] }));
      await tx.insert(trustChanges).values(others);
    });
    const second = await changeOf(service.rotateRole(call, repository, 'root', root));
    expect(second.insteadOf).toContain(first.id);
  });
});

describe('a change of a delegation', () => {
  it('stands in the way of another one, also where that needs nobody else: it would undo it', async () => {
    const { repository, service, stateOf } = await withSigner('paths');
    const next = await changeOf(
      service.putDelegation(call, repository, 'qa', heldBy([bob], { paths: ['1.*'] })),
    );
    const narrow = (more: object = {}) =>
      service.putDelegation({ ...call, ...more }, repository, 'qa', heldBy([alice], { paths: ['1.2.*'] }));
    expect(await errorOf(narrow())).toMatchObject({ code: 'CHANGE_CONFLICT', detail: { change: next.id } });
    await bodyOf(narrow({ supersede: next.id }));
    expect(await stateOf(next.id)).toBe('rejected');
    expect((await service.readDelegation(repository, 'qa')).paths).toEqual(['1.2.*']);
  });

  it('becomes stale when a key that it lists is revoked elsewhere in the repository', async () => {
    const { repository, service, stateOf } = await open('revoked');
    const first = service.putDelegation(call, repository, 'one', heldBy([alice, bob]));
    await signBy(core, await changeOf(first), alice);
    const second = await changeOf(service.putDelegation(call, repository, 'two', heldBy([alice])));
    await service.revokeKey(call, repository, alice.tuf.keyId, { reason: 'stolen' });
    const signatures = await signaturesOf(second, alice);
    expect(await codeOf(service.signChange(call, repository, second.id, { signatures }))).toBe(
      'CHANGE_CLOSED',
    );
    expect(await stateOf(second.id)).toBe('stale');
    expect((await service.readKey(repository, alice.tuf.keyId)).roles).toEqual([]);
  });
});

describe('content that a revoked key alone has signed', () => {
  it('is not vouched for by the service, though its role lists the key still', async () => {
    const { repository, service } = await open('vouched');
    const rotate = (to: readonly (typeof alice.entry)[], more: object = {}) =>
      service.rotateRole({ ...call, ...more }, repository, 'targets', { to: [...to], reason: 'theirs' });
    await signBy(core, await changeOf(rotate([alice.entry, bob.entry])), alice);
    const tag = await changeOf(service.putTag(call, repository, '1.0', tagOf('a')));
    await signBy(core, tag, alice);
    const revocation = await changeOf(
      service.revokeKey(call, repository, alice.tuf.keyId, { reason: 'stolen' }),
    );
    const toService = () => rotate([own], { supersede: revocation.id });
    expect(await errorOf(toService())).toMatchObject({ code: 'WOULD_BREAK', detail: { role: 'targets' } });
    await signBy(core, revocation, bob);
    expect((await bodyOf(rotate([own]))).published).toMatchObject({ root: 4 });
  });
});

describe('a revoked key that a role lists still, while others have not signed its end', () => {
  it('signs nothing new, and what it has signed counts no more', async () => {
    const { repository, service, stateOf } = await open('still');
    const rotate = service.rotateRole(call, repository, 'targets', { to: [carol.entry], reason: 'hers' });
    await signBy(core, await changeOf(rotate), carol);
    const put = (name: string) =>
      service.putDelegation(call, repository, name, heldBy([alice, bob], { paths: [`${name}.*`] }));
    for (const name of ['qa', 'dev']) await signBy(core, await changeOf(put(name)), bob, carol);
    const tag = (name: string) =>
      changeOf(service.putTag(call, repository, `${name}.1`, { ...tagOf('a'), role: name }));
    const before = await tag('dev');
    const revocation = await changeOf(
      service.revokeKey(call, repository, alice.tuf.keyId, { reason: 'stolen' }),
    );
    expect(revocation.documents.map(({ role }) => role)).toEqual(['targets']);
    expect(await stateOf(before.id)).toBe('stale');
    const after = await tag('qa');
    const signatures = await signaturesOf(after, alice);
    expect(await codeOf(service.signChange(call, repository, after.id, { signatures }))).toBe(
      'SIGNATURE_INVALID',
    );
    expect((await signBy(core, after, bob)).state).toBe('published');
    expect((await signBy(core, revocation, carol)).state).toBe('published');
  });
});

describe('a revocation that another person must agree to', () => {
  it('is in force once they have, and leaves nothing behind where they have not', async () => {
    const { service } = core;
    const repository = 'registry.example.com/standing/guarded';
    const keys = [own, alice.entry, bob.entry];
    await bodyOf(service.createRepository(call, repository, { roles: { root: { keys } } }));
    const ann = as('oidc:issuer.example/ann');
    const revoke = ({ tuf }: typeof alice) =>
      changeOf(service.revokeKey(ann, repository, tuf.keyId, { reason: 'stolen' }));
    const revokedAt = async ({ tuf }: typeof alice) =>
      (await service.readKey(repository, tuf.keyId)).revokedAt;

    const refused = await revoke(alice);
    expect(await revokedAt(alice)).toBeUndefined();
    await service.rejectChange(as('oidc:issuer.example/carol'), repository, refused.id);
    expect(await revokedAt(alice)).toBeUndefined();

    const agreed = await revoke(bob);
    const done = await service.approveChange(as('oidc:issuer.example/carol'), repository, agreed.id);
    expect(done.state).toBe('published');
    expect(await revokedAt(bob)).toBeDefined();
    const back = service.rotateRole(ann, repository, 'root', { to: keys, reason: 'again' });
    expect(await codeOf(back)).toBe('KEY_INVALID');
  });
});

describe('content that needed a revoked key, of two', () => {
  it('is not vouched for by a key of the service that came later: refused, as foretold', async () => {
    const { repository, service } = await open('two');
    const put = (body: PutDelegation) => service.putDelegation(call, repository, 'qa', body);
    await signBy(core, await changeOf(put(heldBy([alice, bob], { threshold: 2 }))), alice, bob);
    const body = heldBy([alice, bob], { threshold: 2 });
    await bodyOf(put({ ...body, signers: [...body.signers, { name: 'ci', keys: [own] }] }));
    const wish = { threshold: 1 };
    const foretold = await service.readKeyImpact(repository, alice.tuf.keyId, wish);
    expect(foretold).toMatchObject({ usable: false, needs: 'replacement' });
    const revoked = service.revokeKey(call, repository, alice.tuf.keyId, { reason: 'stolen', ...wish });
    expect(await errorOf(revoked)).toMatchObject({ code: 'WOULD_BREAK', detail: { impact: foretold } });
  });
});

describe('a change of tags', () => {
  it('becomes stale when its role is delegated no more', async () => {
    const { repository, service, stateOf } = await withSigner('removed');
    const tag = await changeOf(service.putTag(call, repository, '1.0', { ...tagOf('a'), role: 'qa' }));
    await bodyOf(service.removeDelegation(call, repository, 'qa'));
    const signatures = await signaturesOf(tag, alice);
    expect(await codeOf(service.signChange(call, repository, tag.id, { signatures }))).toBe('CHANGE_CLOSED');
    expect(await stateOf(tag.id)).toBe('stale');
  });
});

describe('an entry of the directory', () => {
  it('waits for another person where the rule speaks of root: it names root keys', async () => {
    const { service } = core;
    await bodyOf(service.createRepository(call, '_directory', managed));
    const roots = { tuf: { keyIds: [alice.tuf.keyId], threshold: 1 } };
    const ann = as('oidc:issuer.example/ann');
    const entry = await changeOf(service.putEntry(ann, 'registry.example.com/shop/**', { roots }));
    expect(entry).toMatchObject({ kind: 'directory', documents: [], approvals: { needed: 1, missing: 1 } });
    expect((await service.listEntries({ limit: 10 })).items).toEqual([]);
    await service.approveChange(as('oidc:issuer.example/carol'), '_directory', entry.id);
    expect((await service.listEntries({ limit: 10 })).items).toMatchObject([{ roots }]);
  });
});
