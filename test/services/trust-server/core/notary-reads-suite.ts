/** What the REST API says of repositories that Notary clients own, and what it cannot do to them. */
import { describe, expect, it } from 'vitest';
import { edKey } from '../../../packages/notary/update/wire-client.ts';
import type { DatabaseForSuite } from '../../../support/each-database.ts';
import { call, codeOf, day, digestOf, errorOf, managed, openCore, tagOf } from './core-for-test.ts';
import { creator, NotaryPublisher } from './notary-publisher-for-test.ts';

let made = 0;

export function notaryReadsSuite({ database }: DatabaseForSuite): void {
  const open = async (name: string) => {
    made += 1;
    const core = openCore(database(), { seed: `notary reads ${name}` });
    const client = await NotaryPublisher.on(core, `registry.example.com/notary-reads/${name}-${made}`);
    return { ...core, client, repository: client.repository };
  };
  /** Two signers and `releases`, as Docker makes them. */
  const withSigners = async (name: string) => {
    const bed = await open(name);
    const [alice, bob] = [edKey('alice'), edKey('bob')];
    const delegations = [
      { name: 'targets/alice', keys: [alice] },
      { name: 'targets/bob', keys: [bob], paths: ['1.'] },
      { name: 'targets/releases', keys: [alice, bob] },
    ];
    const { client } = bed;
    await client.create();
    await client.upload({
      targets: client.targets({ version: 2, delegations }),
      'targets/alice': client.targets({ version: 1, tags: { v1: 'image' } }, alice),
      'targets/releases': client.targets({ version: 1, tags: { v1: 'image' } }, alice),
    });
    return { ...bed, alice, bob };
  };

  it('the summary says which dialect, whose keys, and who else signs', async () => {
    const { service, repository, client } = await withSigners('summary');
    const summary = await service.readRepository(repository);
    expect(summary).toMatchObject({
      dialects: ['notary'],
      versions: { root: 1, targets: 2, snapshot: 2, timestamp: 2 },
      tagCount: 1,
      problems: [],
    });
    expect(summary.roles).toMatchObject({
      root: { custody: 'client', keyIds: [client.rootKey.keyId] },
      targets: { custody: 'client', independentCustodians: 1 },
      snapshot: { custody: 'managed' },
      timestamp: { custody: 'managed' },
    });
    expect(summary.delegations.map(({ role, paths, custody }) => [role, paths, custody])).toEqual([
      ['alice', ['*'], 'client'],
      ['bob', ['1.*'], 'client'],
      ['releases', ['*'], 'client'],
    ]);
  });

  it('roles are those of the wire, delegated ones with them', async () => {
    const { service, repository } = await withSigners('roles');
    const roles = await service.listRoles(repository);
    expect(roles.map(({ role }) => role)).toEqual([
      'root',
      'targets',
      'snapshot',
      'timestamp',
      'alice',
      'bob',
      'releases',
    ]);
    expect((await service.readRole(repository, 'timestamp')).expiresAfter).toBe('1d');
    expect(await codeOf(service.readRole(repository, 'revocations'))).toBe('ROLE_UNKNOWN');
    // Delegated, and nothing is signed by it yet.
    const bob = await service.readRole(repository, 'bob');
    expect(bob).toMatchObject({ custody: 'client', paths: ['1.*'] });
    expect(bob.version).toBeUndefined();
    expect(await codeOf(service.readRole(repository, 'carol'))).toBe('ROLE_UNKNOWN');
  });

  it('a tag names the role that answers for it and the signers who list it', async () => {
    const { service, repository, alice } = await withSigners('tag');
    const tag = await service.readTag(repository, 'v1');
    expect(tag).toMatchObject({ digest: digestOf('image'), size: 5, signedBy: { actor: 'token:ci' } });
    expect(tag.vouchedBy.map(({ role, path }) => [role, path])).toEqual([
      ['releases', ['targets', 'releases']],
      ['alice', ['targets', 'alice']],
    ]);
    expect(tag.vouchedBy[0]?.keyIds).toContain(alice.keyId);
    const { items } = await service.listTags(repository, { limit: 10 });
    expect(items).toEqual([{ tag: 'v1', digest: digestOf('image'), size: 5, role: 'releases' }]);
  });

  it('tags follow what clients would read: releases first, then targets', async () => {
    const { service, repository, client, alice, bob } = await withSigners('follow');
    const tags = async () =>
      Object.fromEntries(
        (await service.listTags(repository, { limit: 10 })).items.map(({ tag, digest, role }) => [
          tag,
          `${role} ${digest}`,
        ]),
      );
    const delegations = [
      { name: 'targets/alice', keys: [alice] },
      { name: 'targets/releases', keys: [alice, bob] },
    ];
    await client.upload({
      targets: client.targets({ version: 3, tags: { v1: 'other', v2: 'two' }, delegations }),
    });
    expect(await tags()).toEqual({
      v1: `releases ${digestOf('image')}`,
      v2: `targets ${digestOf('two')}`,
    });
    await client.upload({ 'targets/releases': client.targets({ version: 2 }, bob) });
    expect(await tags()).toEqual({ v1: `targets ${digestOf('other')}`, v2: `targets ${digestOf('two')}` });
    await client.upload({ targets: client.targets({ version: 4, delegations }) });
    expect(await tags()).toEqual({});
    expect((await service.readRepository(repository)).tagCount).toBe(0);
  });

  it('a tag keeps its time and signer while its digest stays', async () => {
    const { service, repository, client, clock } = await open('since');
    await client.create({ v1: 'one' });
    const first = await service.readTag(repository, 'v1');
    clock.nowMs += day / 4;
    const custom = { v1: { note: 'new' } };
    await client.upload(
      { targets: client.targets({ version: 2, tags: { v1: 'one' }, custom }) },
      { ...creator, actor: 'token:other' },
    );
    expect((await service.readTag(repository, 'v1')).signedBy).toEqual(first.signedBy);
    await client.upload({ targets: client.targets({ version: 3, tags: { v1: 'two' } }) });
    expect((await service.readTag(repository, 'v1')).signedBy.at).not.toBe(first.signedBy.at);
  });

  it('what is no tag is served and left out of the list', async () => {
    const { service, repository, client } = await open('no-tag');
    await client.create({ 'dir/file name': 'a file', ok: 'image', constructor: 'image 2' });
    const { items } = await service.listTags(repository, { limit: 10 });
    expect(items.map(({ tag }) => tag)).toEqual(['constructor', 'ok']);
    expect(Buffer.from((await client.read('targets')) ?? []).toString()).toContain('dir/file name');
  });

  it('the audit tells who uploaded what, with tags before and after', async () => {
    const { service, repository, client } = await open('audit');
    await client.create({ v1: 'one' });
    await client.upload({ targets: client.targets({ version: 2, tags: { v1: 'two' } }) });
    const { items } = await service.readAudit({ repository }, { limit: 10 });
    expect(items.map(({ action, actor, versions }) => [action, actor, versions?.['targets']])).toEqual([
      ['notary.update', 'token:ci', 2],
      ['notary.create', 'token:ci', 1],
    ]);
    expect(items[0]).toMatchObject({
      before: { tags: [{ tag: 'v1', digest: digestOf('one'), role: 'targets' }] },
      after: { tags: [{ tag: 'v1', digest: digestOf('two'), role: 'targets' }] },
    });
    const history = await service.readTagHistory(repository, 'v1', { limit: 10 });
    expect(history.items).toHaveLength(2);
  });

  it('an upload that moves many tags is told in several events', async () => {
    const { service, repository, client } = await open('many');
    const tags = Object.fromEntries(Array.from({ length: 250 }, (_, index) => [`t${index}`, `${index}`]));
    await client.create(tags);
    const { items } = await service.readAudit({ repository }, { limit: 10 });
    expect(items).toHaveLength(3);
    expect((await service.readTagHistory(repository, 't249', { limit: 10 })).items).toHaveLength(1);
    expect((await service.readRepository(repository)).tagCount).toBe(250);
  });

  it('the fleet lists it beside the others', async () => {
    const { service, client, repository } = await open('fleet');
    await client.create();
    const other = `${repository}-rest`;
    await service.createRepository(call, other, managed);
    const page = await service.listRepositories({ prefix: repository, mayRead: () => true }, { limit: 10 });
    expect(page.items.map(({ repository: name, dialects }) => [name, dialects])).toEqual([
      [repository, ['notary']],
      [other, ['tuf']],
    ]);
  });

  describe('edits over REST', () => {
    it('of tags are refused: the keys are the client’s', async () => {
      const { service, repository, client } = await open('edit');
      await client.create({ v1: 'one' });
      const refused = await errorOf(service.putTag(call, repository, 'v2', tagOf('two')));
      expect(refused.code).toBe('CUSTODY_INVALID');
      expect(refused.message).toContain('docker trust');
      expect(await codeOf(service.deleteTag(call, repository, 'v1'))).toBe('CUSTODY_INVALID');
      expect(await client.version('timestamp')).toBe(1);
    });

    it('of revoked digests are refused: the dialect cannot say it', async () => {
      const { service, repository, client } = await open('revoke');
      await client.create({ v1: 'one' });
      const revoked = service.revokeDigest(call, repository, digestOf('one'), { reason: 'bad' });
      expect(await codeOf(revoked)).toBe('DIALECT_INEXPRESSIBLE');
      expect((await service.listRevocations(repository, { limit: 10 })).items).toEqual([]);
      expect(await service.readRevocation(repository, digestOf('one'))).toBeUndefined();
    });

    it('cannot create the name again, and can end it', async () => {
      const { service, repository, client } = await open('rest-end');
      await client.create();
      expect(await codeOf(service.createRepository(call, repository, managed))).toBe('REPOSITORY_EXISTS');
      await service.endRepository(call, repository);
      expect(await client.read('root')).toBeUndefined();
      const feed = await service.readChangefeed({ repository }, { after: -1, count: 1 });
      expect(feed[0]?.category).toBe('deletion');
    });
  });
}
