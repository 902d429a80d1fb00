/** Changes that wait while the repository moves on: who may end them, and what they must not undo. */
import { trustChanges } from '@vidimus/database';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
import { heldBy, party, signaturesOf, signBy } from '../delegations/delegations-for-test.ts';

const [alice, bob] = [party('alice'), party('bob')];
const guarded = { repositories: '_directory', calls: ['root' as const], approvers: 1 };

let opened: EmbeddedForTest;
let core: CoreForTest;
beforeAll(async () => {
  opened = await openEmbeddedForTest();
  core = openCore(opened.database, { seed: 'standing', approvals: [guarded] });
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
