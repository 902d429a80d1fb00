/** Creating, signing, revoking: what a client sees after each. Runs over every kind of database. */
import { describe, expect, it } from 'vitest';
import type { DatabaseForSuite } from '../../../support/each-database.ts';
import {
  bodyOf,
  Client,
  call,
  clientKey,
  codeOf,
  digestOf,
  errorOf,
  managed,
  openCore,
  startMs,
  tagOf,
} from './core-for-test.ts';

export function publishSuite(given: DatabaseForSuite): void {
  const core = () => openCore(given.database(), { seed: `publish ${given.kind}` });
  const make = async (name: string) => {
    const opened = core();
    const repository = `registry.example.com/publish/${name}`;
    await opened.service.createRepository(call, repository, managed);
    return { ...opened, repository, client: await new Client(opened, repository).pin() };
  };

  describe('a repository with everything managed', () => {
    it('is there at once, verifies, and delegates revocations from version 1', async () => {
      const { service, repository, client } = await make('fresh');
      const state = await client.refresh();
      expect(state.targets.document.delegations?.roles.map(({ name }) => name)).toEqual(['revocations']);
      expect(await client.targets()).toEqual({});
      const summary = await service.readRepository(repository);
      expect(summary.versions).toEqual({ root: 1, targets: 1, revocations: 1, snapshot: 1, timestamp: 1 });
      expect(summary.roles['root']).toMatchObject({
        custody: 'managed',
        threshold: 1,
        independentCustodians: 1,
      });
      expect(summary.problems.map(({ code }) => code)).toEqual(['ROOT_ONLINE']);
      expect(summary.expires['timestamp']).toBe('2026-11-22T09:00:00Z');
    });

    it('is the same when asked for again, and a conflict when asked for otherwise', async () => {
      const { service, repository } = await make('again');
      const again = await service.createRepository(call, repository, {
        ...managed,
        dialects: ['tuf'],
        digestRetention: '90d',
      });
      expect(again).toMatchObject({ outcome: 'done', created: false });
      const other = { ...managed, digestRetention: '1d' };
      expect(await codeOf(service.createRepository(call, repository, other))).toBe('REPOSITORY_EXISTS');
    });

    it('is made once when two ask at the same moment', async () => {
      const { service } = core();
      const repository = 'registry.example.com/publish/race';
      const outcomes = await Promise.all(
        [1, 2, 3].map(() => service.createRepository(call, repository, managed)),
      );
      const created = outcomes.map((outcome) => outcome.outcome === 'done' && outcome.created);
      expect(created.filter(Boolean)).toHaveLength(1);
      expect((await service.readRepository(repository)).versions['root']).toBe(1);
    });

    it.each([
      ['nobody is said to hold root', {}, 'CUSTODY_INVALID'],
      [
        'root has a threshold above its keys',
        { root: { threshold: 2, keys: [{ custody: 'managed' }] } },
        'THRESHOLD_INVALID',
      ],
      [
        'one custodian could meet the threshold alone',
        { root: { threshold: 2, keys: [{ custody: 'managed' }, { custody: 'managed' }] } },
        'CUSTODY_INVALID',
      ],
      [
        'a client should hold snapshot',
        {
          root: { keys: [{ custody: 'managed' }] },
          snapshot: { keys: [{ custody: 'client', key: clientKey('t').declared }] },
        },
        'CUSTODY_INVALID',
      ],
      [
        'a key is no key',
        { root: { keys: [{ custody: 'client', key: { keytype: 'ed25519' } }] } },
        'KEY_INVALID',
      ],
      [
        'a key is weak',
        {
          root: {
            keys: [
              {
                custody: 'client',
                key: { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: `01${'00'.repeat(31)}` } },
              },
            ],
          },
        },
        'KEY_INVALID',
      ],
      [
        'a lifetime is longer than ten years',
        { root: { expiresAfter: '4000d', keys: [{ custody: 'managed' }] } },
        'BODY_INVALID',
      ],
    ] as const)('is refused when %s', async (name, roles, code) => {
      const { service } = core();
      const repository = 'registry.example.com/publish/refused';
      // The table is readonly data; the body is not written to.
      const body = structuredClone({ roles });
      expect(await codeOf(service.createRepository(call, repository, body as never)), name).toBe(code);
      expect(await codeOf(service.readRepository(repository))).toBe('REPOSITORY_UNKNOWN');
    });

    it('needs the root master key, and only for root', async () => {
      const opened = openCore(given.database(), { seed: `no root ${given.kind}`, rootMaster: false });
      const create = opened.service.createRepository(call, 'registry.example.com/publish/rootless', managed);
      expect(await codeOf(create)).toBe('SIGNER_UNAVAILABLE');
    });

    it('shows what a dry run would make and makes nothing', async () => {
      const { service } = core();
      const repository = 'registry.example.com/publish/dry';
      const outcome = await service.createRepository({ ...call, dryRun: true }, repository, managed);
      expect(outcome).toMatchObject({ outcome: 'done', impact: { versions: { root: 1 } } });
      expect(await codeOf(service.readRepository(repository))).toBe('REPOSITORY_UNKNOWN');
    });
  });

  describe('tags', () => {
    it('are signed one by one: one publish each, visible at once', async () => {
      const { service, repository, client } = await make('one');
      const body = await bodyOf(service.putTag(call, repository, '1.0', { ...tagOf('a'), mediaType: 'a/b' }));
      expect(body).toMatchObject({ tag: '1.0', mediaType: 'a/b', role: 'targets' });
      expect(body.published).toEqual({ targets: 2, snapshot: 2, timestamp: 2 });
      expect(await client.targets()).toEqual({ '1.0': digestOf('a') });
    });

    it('with the names of object members are tags like any other (T36)', async () => {
      const { service, repository, client } = await make('members');
      const names = ['constructor', '__proto__', 'toString'];
      await service.editTags(call, repository, { sign: names.map((tag) => ({ tag, ...tagOf(tag) })) });
      const seen = await client.targets();
      expect(Object.getOwnPropertyNames(seen).sort()).toEqual([...names].sort());
      expect((await service.readTag(repository, '__proto__')).digest).toBe(digestOf('__proto__'));
      expect(await codeOf(service.readTag(repository, 'hasOwnProperty'))).toBe('TAG_UNKNOWN');
    });

    it('are published once in a batch, all or nothing', async () => {
      const { service, repository, client } = await make('batch');
      const sign = Array.from({ length: 250 }, (_, index) => ({ tag: `v${index}`, ...tagOf(`v${index}`) }));
      const body = await bodyOf(service.editTags(call, repository, { sign }));
      expect(body.published).toEqual({ targets: 2, snapshot: 2, timestamp: 2 });
      expect(Object.keys(await client.targets())).toHaveLength(250);
      const half = { sign: [{ tag: 'w', ...tagOf('w') }], revoke: ['v1', 'absent'] };
      expect(await codeOf(service.editTags(call, repository, half))).toBe('TAG_UNKNOWN');
      expect((await service.readRepository(repository)).versions['targets']).toBe(2);
      const first = await service.listTags(repository, { limit: 100 });
      expect(first.items.map(({ tag }) => tag).slice(0, 3)).toEqual(['v0', 'v1', 'v10']);
      const second = await service.listTags(repository, { limit: 200, after: first.next ?? '' });
      expect(second.items).toHaveLength(150);
      expect(second.next).toBeUndefined();
    });

    it('signed again with the same content publish nothing', async () => {
      const { service, repository } = await make('same');
      const entry = { ...tagOf('a'), custom: { note: 'x' }, platforms: ['linux/amd64'] };
      const first = await bodyOf(service.putTag(call, repository, '1.0', entry));
      const again = await bodyOf(service.putTag(call, repository, '1.0', entry));
      expect(again.versions).toEqual({ revocations: 1, ...first.versions });
      expect((await service.readAudit({ repository }, { limit: 10 })).items).toHaveLength(2);
    });

    it('keep their time when only what stands beside the digest changes', async () => {
      const { service, repository, clock } = await make('beside');
      await service.putTag(call, repository, '1.0', tagOf('a'));
      clock.nowMs += 60_000;
      await service.putTag({ ...call, actor: 'other' }, repository, '1.0', {
        ...tagOf('a'),
        custom: { n: 1 },
      });
      expect((await service.readTag(repository, '1.0')).signedBy).toEqual({
        actor: call.actor,
        at: '2026-11-21T09:00:00Z',
      });
    });

    it('that are revoked are gone at the next refresh', async () => {
      const { service, repository, client } = await make('revoked');
      await service.putTag(call, repository, '1.0', tagOf('a'));
      await service.putTag(call, repository, '2.0', tagOf('b'));
      expect(await bodyOf(service.deleteTag(call, repository, '1.0'))).toEqual({
        tag: '1.0',
        published: { targets: 4, snapshot: 4, timestamp: 4 },
      });
      expect(await client.targets()).toEqual({ '2.0': digestOf('b') });
      expect(await codeOf(service.deleteTag(call, repository, '1.0'))).toBe('TAG_UNKNOWN');
      expect((await service.readRepository(repository)).tagCount).toBe(1);
    });

    it('answer who vouches for them, since when and until when', async () => {
      const { service, repository } = await make('detail');
      await service.putTag(call, repository, '1.0', { ...tagOf('a'), mediaType: 'a/b' });
      const summary = await service.readRepository(repository);
      expect(await service.readTag(repository, '1.0')).toEqual({
        tag: '1.0',
        digest: digestOf('a'),
        size: 2,
        mediaType: 'a/b',
        vouchedBy: [
          {
            role: 'targets',
            path: ['targets'],
            keyIds: summary.roles['targets']?.keyIds,
            threshold: 1,
            version: 2,
            since: '2026-11-21T09:00:00Z',
            sinceVersion: 2,
            expires: '2027-02-19T09:00:00Z',
          },
        ],
        signedBy: { actor: call.actor, at: '2026-11-21T09:00:00Z' },
      });
      const hex = digestOf('a').slice(7);
      expect(await service.findTarget(repository, '1.0', hex)).toEqual({ size: 2, mediaType: 'a/b' });
      expect(await service.findTarget(repository, '1.0', digestOf('b').slice(7))).toBeUndefined();
      expect(await service.findTarget('registry.example.com/none', '1.0', hex)).toBeUndefined();
    });

    it.each([
      ['a field of the service in custom', { custom: { vidimus: 'x' } }],
      ['NUL in custom', { custom: { deep: [{ a: '\0' }] } }],
      ['too large a custom part', { custom: { a: 'x'.repeat(20_000) } }],
    ])('are refused with %s', async (_, more) => {
      const { service, repository } = await make('bad-custom');
      expect(await codeOf(service.putTag(call, repository, '1.0', { ...tagOf('a'), ...more }))).toBe(
        'BODY_INVALID',
      );
      expect((await service.readRepository(repository)).versions['timestamp']).toBe(1);
    });

    it('cannot be put into a role that lists none, or into an unknown repository', async () => {
      const { service, repository } = await make('role');
      const body = { ...tagOf('a'), role: 'revocations' };
      expect(await codeOf(service.putTag(call, repository, '1.0', body))).toBe('ROLE_UNKNOWN');
      expect(await codeOf(service.putTag(call, 'registry.example.com/no', '1.0', tagOf('a')))).toBe(
        'REPOSITORY_UNKNOWN',
      );
    });

    it('in a dry run answer versions and differences and change nothing', async () => {
      const { service, repository, client } = await make('dry-tag');
      const outcome = await service.putTag({ ...call, dryRun: true }, repository, '1.0', tagOf('a'));
      expect(outcome).toMatchObject({
        outcome: 'done',
        impact: {
          versions: { targets: 2, snapshot: 2, timestamp: 2 },
          diff: [{ role: 'targets', what: 'sign tag 1.0', after: digestOf('a') }],
        },
      });
      expect(await client.targets()).toEqual({});
      expect(await codeOf(service.deleteTag({ ...call, dryRun: true }, repository, 'x'))).toBe('TAG_UNKNOWN');
    });
  });

  describe('edits that meet', () => {
    it('are published together when they wait together, and all succeed', async () => {
      const { service, repository, client } = await make('together');
      const outcomes = await Promise.all(
        Array.from({ length: 40 }, (_, index) =>
          service.putTag(call, repository, `t${index}`, tagOf(`${index}`)),
        ),
      );
      expect(outcomes.every(({ outcome }) => outcome === 'done')).toBe(true);
      expect(Object.keys(await client.targets())).toHaveLength(40);
      const { versions } = await service.readRepository(repository);
      // The first finds nothing running; what waits meanwhile shares one version.
      expect(versions['targets']).toBeLessThan(12);
      expect(versions['targets']).toBeGreaterThan(1);
    });

    it('one that makes a file too large does not spoil those it is published with', async () => {
      const { service, repository, client } = await make('large');
      const large = (name: string, count: number) =>
        Array.from({ length: count }, (_, index) => ({
          tag: `${name}${index}`,
          ...tagOf(name),
          custom: { a: 'x'.repeat(16_000) },
        }));
      await service.editTags(call, repository, { sign: large('a', 305) });
      const codes = await Promise.all([
        codeOf(service.putTag(call, repository, 'first', tagOf('b'))),
        codeOf(service.editTags(call, repository, { sign: large('c', 10) })),
        codeOf(service.putTag(call, repository, 'last', tagOf('d'))),
      ]);
      expect(codes).toEqual(['none', 'BODY_INVALID', 'none']);
      expect(Object.keys(await client.targets())).toHaveLength(307);
    });

    it('one that is refused does not spoil those it is published with', async () => {
      const { service, repository, client } = await make('spoil');
      const codes = await Promise.all([
        codeOf(service.putTag(call, repository, 'a', tagOf('a'))),
        codeOf(service.deleteTag(call, repository, 'absent')),
        codeOf(service.putTag(call, repository, 'b', tagOf('b'))),
        codeOf(service.putTag(call, repository, 'c', { ...tagOf('c'), custom: { a: 'x'.repeat(20_000) } })),
      ]);
      expect(codes).toEqual(['none', 'TAG_UNKNOWN', 'none', 'BODY_INVALID']);
      expect(Object.keys(await client.targets())).toEqual(['a', 'b']);
    });

    it('with a base succeed on that base and conflict on another one', async () => {
      const { service, repository } = await make('base');
      const at = (version: number) => ({ ...call, ifMatch: { role: 'targets', version } });
      await service.putTag(at(1), repository, 'a', tagOf('a'));
      const error = await errorOf(service.putTag(at(1), repository, 'b', tagOf('b')));
      expect(error.code).toBe('VERSION_CONFLICT');
      expect(error.detail).toEqual({ role: 'targets', version: 2 });
      const codes = await Promise.all([
        codeOf(service.putTag(call, repository, 'c', tagOf('c'))),
        codeOf(service.putTag(at(2), repository, 'd', tagOf('d'))),
        codeOf(service.putTag(call, repository, 'e', tagOf('e'))),
      ]);
      expect(codes).toEqual(['none', 'VERSION_CONFLICT', 'none']);
    });
  });

  describe('revoked digests', () => {
    it('take away every tag that names them, in the same publish', async () => {
      const { service, repository, client } = await make('digest');
      const bad = digestOf('bad');
      await service.editTags(call, repository, {
        sign: [
          { tag: 'x', ...tagOf('bad') },
          { tag: 'y', ...tagOf('bad') },
          { tag: 'z', ...tagOf('good') },
        ],
      });
      const body = await bodyOf(service.revokeDigest(call, repository, bad, { reason: 'CVE-2026-1' }));
      expect({ ...body, tags: [...body.tags].sort() }).toEqual({
        tags: ['x', 'y'],
        stillServed: [],
        published: { targets: 3, revocations: 2, snapshot: 3, timestamp: 3 },
      });
      expect(await client.targets()).toEqual({ z: digestOf('good'), [bad]: bad });
      expect(await service.readRevocation(repository, bad)).toEqual({
        digest: bad,
        reason: 'CVE-2026-1',
        at: '2026-11-21T09:00:00Z',
        length: 4,
      });
      expect((await service.listRevocations(repository, { limit: 5 })).items).toHaveLength(1);
    });

    it('cannot be signed under another tag; the attempt is in the audit', async () => {
      const { service, repository } = await make('reborn');
      await service.revokeDigest(call, repository, digestOf('bad'), { reason: 'bad' });
      expect(await codeOf(service.putTag(call, repository, 'again', tagOf('bad')))).toBe('WOULD_BREAK');
      const [event] = (await service.readAudit({ repository }, { limit: 1 })).items;
      expect(event).toMatchObject({ action: 'tag.sign', result: 'refused', after: { code: 'WOULD_BREAK' } });
      expect((await service.readTagHistory(repository, 'again', { limit: 5 })).items).toHaveLength(1);
    });

    it('are revoked once for the same reason, and said anew for another', async () => {
      const { service, repository } = await make('twice');
      const revoke = (reason: string) =>
        bodyOf(service.revokeDigest(call, repository, digestOf('bad'), { reason }));
      await revoke('one');
      expect((await revoke('one')).published['revocations']).toBe(2);
      expect((await revoke('two')).published['revocations']).toBe(3);
      expect((await service.readRevocation(repository, digestOf('bad')))?.reason).toBe('two');
    });

    it('are lifted, and their tags do not come back', async () => {
      const { service, repository, client } = await make('lifted');
      const bad = digestOf('bad');
      await service.putTag(call, repository, 'x', tagOf('bad'));
      await service.revokeDigest(call, repository, bad, { reason: 'mistake' });
      await service.liftRevocation(call, repository, bad);
      expect(await client.targets()).toEqual({});
      expect(await codeOf(service.liftRevocation(call, repository, bad))).toBe('METADATA_UNKNOWN');
      await service.putTag(call, repository, 'x', tagOf('bad'));
      expect(await client.targets()).toEqual({ x: bad });
    });

    it('win against a tag that is signed at the same moment', async () => {
      const { service, repository, client } = await make('moment');
      const bad = digestOf('bad');
      await Promise.all([
        codeOf(service.putTag(call, repository, 'warm', tagOf('w'))),
        codeOf(service.putTag(call, repository, 'x', tagOf('bad'))),
        codeOf(service.revokeDigest(call, repository, bad, { reason: 'bad' })),
        codeOf(service.putTag(call, repository, 'y', tagOf('bad'))),
      ]);
      expect(await client.targets()).toEqual({ warm: digestOf('w'), [bad]: bad });
    });

    it('for the whole organisation belong into the directory', async () => {
      const { service, repository } = await make('scope');
      const body = { reason: 'x', scope: 'organisation' as const };
      expect(await codeOf(service.revokeDigest(call, repository, digestOf('a'), body))).toBe('BODY_INVALID');
    });
  });

  describe('an incarnation that ended', () => {
    it('leaves its roots, and the next one goes on above its versions', async () => {
      const { service, repository, client } = await make('ended');
      await service.putTag(call, repository, '1.0', tagOf('a'));
      const before = await client.refresh();
      expect(await bodyOf(service.endRepository(call, repository))).toEqual({
        repository,
        incarnation: 1,
        endedAt: '2026-11-21T09:00:00Z',
      });
      expect(await codeOf(service.readRepository(repository))).toBe('REPOSITORY_UNKNOWN');
      expect(await service.readMetadata(repository, { role: 'timestamp' })).toBeUndefined();
      expect(await service.readMetadata(repository, { role: 'targets', version: 2 })).toBeUndefined();
      expect((await service.readMetadata(repository, { role: 'root', version: 1 }))?.bytes).toEqual(
        before.root.envelope.bytes,
      );

      await service.createRepository(call, repository, managed);
      const summary = await service.readRepository(repository);
      expect(summary.incarnation).toBe(2);
      expect(summary.versions).toEqual({ root: 2, targets: 3, revocations: 2, snapshot: 3, timestamp: 3 });
      // Whoever trusted the old one is not moved to the new one behind their back.
      await expect(client.refresh()).rejects.toMatchObject({ name: 'TufError' });
      const anew = await new Client(
        { service, clock: { nowMs: startMs }, heard: [], keyStore: core().keyStore },
        repository,
      ).pin(2);
      expect(await anew.targets()).toEqual({});
    });

    it('does not end on a stale base', async () => {
      const { service, repository } = await make('stale-end');
      const at = { ...call, ifMatch: { role: 'targets', version: 7 } };
      expect(await codeOf(service.endRepository(at, repository))).toBe('VERSION_CONFLICT');
      await service.endRepository({ ...call, dryRun: true }, repository);
      expect((await service.readRepository(repository)).incarnation).toBe(1);
    });
  });

  describe('many tags', () => {
    it('move into bins in one publish; afterwards a tag touches its bin alone', async () => {
      const { service, repository, client } = await make('bins');
      const sign = Array.from({ length: 1_000 }, (_, index) => ({ tag: `v${index}`, ...tagOf(`v${index}`) }));
      await service.editTags(call, repository, { sign });
      const moved = await bodyOf(service.putTag(call, repository, 'new', tagOf('new')));
      expect(Object.keys(moved.published)).toHaveLength(260);
      expect(Object.keys(await client.targets())).toHaveLength(1_001);

      const next = await bodyOf(service.putTag(call, repository, 'new', tagOf('other')));
      expect(Object.keys(next.published).sort()).toEqual([
        expect.stringMatching(/^b8-[0-9a-f]{2}$/),
        'snapshot',
        'timestamp',
      ]);
      expect((await client.targets())['new']).toBe(digestOf('other'));
      const detail = await service.readTag(repository, 'new');
      expect(detail.vouchedBy[0]?.path).toEqual(['targets', 'bins', detail.vouchedBy[0]?.role]);
      await service.revokeDigest(call, repository, digestOf('v7'), { reason: 'bad' });
      expect((await client.targets())['v7']).toBeUndefined();
      expect((await service.readRepository(repository)).tagCount).toBe(1_000);
    });
  });
}
