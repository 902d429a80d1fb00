/** Edits of a repository whose service signs both dialects. Runs over every kind of database. */
import { isJsonObject } from '@vidimus/canonical-json';
import { fromBase64 } from '@vidimus/crypto';
import { type Queries, trustRepositories } from '@vidimus/database';
import { notaryDialect } from '@vidimus/notary';
import { type DialectName, MAX_TARGETS_PER_ROLE, nextTargets } from '@vidimus/tuf';
import { eq } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { createManagedKeys } from '../../../../services/trust-server/src/core/keys/managed-keys.ts';
import {
  createDocumentReader,
  readCurrent,
} from '../../../../services/trust-server/src/core/publish/current-documents.ts';
import { termsOf } from '../../../../services/trust-server/src/core/publish/notary-part.ts';
import { publish } from '../../../../services/trust-server/src/core/publish/publication.ts';
import { toTagTarget } from '../../../../services/trust-server/src/core/publish/tag-target.ts';
import { headsIn, readHeads } from '../../../../services/trust-server/src/core/store/metadata.ts';
import {
  lockLive,
  type RepositoryRow,
} from '../../../../services/trust-server/src/core/store/repositories.ts';
import type { DatabaseForSuite } from '../../../support/each-database.ts';
import { bodyOf, call, codeOf, day, digestOf, errorOf, openCore, startMs, tagOf } from './core-for-test.ts';
import { BothReaders, dualManaged } from './dual-for-test.ts';

/** Numbers below a bound, the same in every run. */
function lcg(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

export function dualEditSuite(given: DatabaseForSuite): void {
  const make = async (name: string) => {
    const core = openCore(given.database(), { seed: `dual edit ${given.kind}` });
    const repository = `registry.example.com/dual-edit/${name}`;
    await core.service.createRepository(call, repository, dualManaged);
    const readers = await BothReaders.open(core, repository);
    await readers.tags();
    return { ...core, core, repository, readers };
  };

  describe('an edit of a repository in both dialects', () => {
    it('is seen by both kinds of clients: signed, moved, revoked', async () => {
      const { service, repository, readers } = await make('tags');
      const body = await bodyOf(service.putTag(call, repository, '1.0', tagOf('a')));
      expect(body.published).toEqual({ targets: 2, snapshot: 2, timestamp: 2 });
      expect(await readers.tags()).toEqual({ '1.0': digestOf('a') });
      await service.putTag(call, repository, '1.0', tagOf('b'));
      expect(await readers.tags()).toEqual({ '1.0': digestOf('b') });
      await service.putTag(call, repository, '2.0', tagOf('c'));
      await service.deleteTag(call, repository, '1.0');
      expect(await readers.tags()).toEqual({ '2.0': digestOf('c') });
      const { targets, snapshot, timestamp } = await readers.notary.refresh();
      const versions = [targets, snapshot, timestamp].map(({ document }) => document.version);
      expect(versions).toEqual([5, 5, 5]);
    });

    it('takes a batch of members of objects like any other tags', async () => {
      const { service, repository, readers } = await make('batch');
      const names = [
        'constructor',
        '__proto__',
        'toString',
        ...Array.from({ length: 60 }, (_, i) => `v${i}`),
      ];
      await service.editTags(call, repository, { sign: names.map((tag) => ({ tag, ...tagOf(tag) })) });
      expect(Object.getOwnPropertyNames(await readers.tags()).sort()).toEqual([...names].sort());
      await service.editTags(call, repository, {
        sign: [{ tag: 'new', ...tagOf('new') }],
        revoke: names.slice(1),
      });
      expect(Object.keys(await readers.tags()).sort()).toEqual(['constructor', 'new']);
    });

    it('writes length, digest and custom alike in both', async () => {
      const { service, repository, readers } = await make('custom');
      const custom = { build: { number: 7, by: 'café <ci> & "co"\n' } };
      const entry = { ...tagOf('a'), mediaType: 'application/vnd.oci.image.index.v1+json', custom };
      await service.putTag(call, repository, '1.0', entry);
      const targets = [(await readers.tuf.refresh()).targets, (await readers.notary.refresh()).targets];
      const [tuf, notary] = targets.map(({ document }) => document.targets.get('1.0'));
      expect(notary).toEqual(tuf);
      expect(tuf?.custom).toMatchObject(custom);
      expect(isJsonObject(tuf?.custom) && tuf.custom['vidimus']).toMatchObject({
        mediaType: entry.mediaType,
      });
    });

    it('writes the other dialect as its Go clients do: hashes in base64, nothing of ours beside them', async () => {
      const { service, repository } = await make('form');
      await service.putTag(call, repository, '1.0', tagOf('a'));
      const file = await service.readNotary(repository, { role: 'targets' });
      const { signed } = notaryDialect.open(file?.bytes ?? new Uint8Array(), 1_000_000);
      expect(Object.keys(signed).sort()).toEqual(['_type', 'delegations', 'expires', 'targets', 'version']);
      const { targets } = signed;
      const entry = isJsonObject(targets) ? targets['1.0'] : undefined;
      const hashes = isJsonObject(entry) ? entry['hashes'] : undefined;
      const sha256 = isJsonObject(hashes) ? hashes['sha256'] : undefined;
      const digest = Buffer.from(fromBase64(typeof sha256 === 'string' ? sha256 : '')).toString('hex');
      expect(`sha256:${digest}`).toBe(digestOf('a'));
    });

    it('in a dry run changes neither', async () => {
      const { service, repository, readers } = await make('dry');
      const outcome = await service.putTag({ ...call, dryRun: true }, repository, '1.0', tagOf('a'));
      expect(outcome).toMatchObject({ outcome: 'done', impact: { versions: { targets: 2 } } });
      expect(await readers.tags()).toEqual({});
      expect((await readers.notary.refresh()).timestamp.document.version).toBe(1);
    });

    it('that changes nothing publishes in neither', async () => {
      const { service, repository, readers } = await make('nothing');
      await service.putTag(call, repository, '1.0', tagOf('a'));
      await service.putTag(call, repository, '1.0', tagOf('a'));
      expect((await readers.notary.refresh()).timestamp.document.version).toBe(2);
    });

    it('is refused on another base, and then neither moves', async () => {
      const { service, repository, readers } = await make('base');
      const at = { ...call, ifMatch: { role: 'targets', version: 9 } };
      expect(await codeOf(service.putTag(at, repository, '1.0', tagOf('a')))).toBe('VERSION_CONFLICT');
      expect(await readers.tags()).toEqual({});
    });

    it('meets others: all are carried out, and both dialects have them', async () => {
      const { service, repository, readers } = await make('together');
      const codes = await Promise.all([
        ...Array.from({ length: 30 }, (_, index) =>
          codeOf(service.putTag(call, repository, `t${index}`, tagOf(`${index}`))),
        ),
        codeOf(service.deleteTag(call, repository, 'absent')),
      ]);
      expect(codes.filter((code) => code !== 'none')).toEqual(['TAG_UNKNOWN']);
      expect(Object.keys(await readers.tags())).toHaveLength(30);
      const [tuf, notary] = [await readers.tuf.refresh(), await readers.notary.refresh()];
      expect(notary.targets.document.version).toBe(tuf.targets.document.version);
    });

    it('stays flat where one dialect alone would move into bins', async () => {
      const { service, repository, readers } = await make('flat');
      const sign = Array.from({ length: 1_100 }, (_, index) => ({ tag: `v${index}`, ...tagOf(`v${index}`) }));
      const body = await bodyOf(service.editTags(call, repository, { sign }));
      expect(body.published).toEqual({ targets: 2, snapshot: 2, timestamp: 2 });
      expect(Object.keys(await readers.tags())).toHaveLength(1_100);
    });
  });

  describe('any sequence of edits', () => {
    it('leaves both dialects with the same tags after every step', async () => {
      const { service, repository, readers, clock } = await make('any');
      const random = lcg(7);
      const pick = <T>(items: readonly T[]): T | undefined => items[random(items.length)];
      const names = ['a', 'b', 'c', 'd'];
      const texts = ['1', '2', '3'];
      const revoked = new Set<string>();
      let tags: Record<string, string> = {};
      for (let step = 0; step < 40; step += 1) {
        clock.nowMs += random(20) * 3_600_000;
        await service.renew();
        const [name = '', text = ''] = [pick(names), pick(texts)];
        const digest = digestOf(text);
        const kind = random(5);
        if (kind <= 1) {
          const code = await codeOf(service.putTag(call, repository, name, tagOf(text)));
          expect(code).toBe(revoked.has(digest) ? 'WOULD_BREAK' : 'none');
          if (code === 'none') tags = { ...tags, [name]: digest };
        } else if (kind === 2) {
          const code = await codeOf(service.deleteTag(call, repository, name));
          expect(code).toBe(name in tags ? 'none' : 'TAG_UNKNOWN');
          tags = Object.fromEntries(Object.entries(tags).filter(([tag]) => tag !== name));
        } else if (kind === 3) {
          await service.revokeDigest(call, repository, digest, { reason: 'any' });
          revoked.add(digest);
          tags = Object.fromEntries(Object.entries(tags).filter(([, named]) => named !== digest));
        } else {
          await codeOf(service.liftRevocation(call, repository, digest));
          revoked.delete(digest);
        }
        expect(await readers.tags()).toEqual(tags);
      }
    });
  });

  describe('a publish whose dialects disagree', () => {
    const partOf = async (tx: Queries, row: RepositoryRow, dialect: DialectName, text?: string) => {
      const heads = headsIn(await readHeads(tx, row), dialect);
      const base = await readCurrent(createDocumentReader(), tx, row, heads);
      const terms = termsOf(row, dialect, heads, startMs);
      const target =
        text === undefined ? [] : [toTagTarget({ tag: '1.0', ...tagOf(text), sinceMs: startMs })];
      const edits = { set: target, remove: text === undefined ? ['1.0'] : [] };
      const targets = new Map([['targets', nextTargets('targets', base.targets, edits, terms)]]);
      return { dialect, base, terms, targets };
    };

    it.each([
      ['other digests', 'b', 'c'],
      ['a tag in one alone', 'b', undefined],
      ['a tag in the other alone', undefined, 'c'],
    ])('by %s is refused whole: nothing of either is stored', async (name, tuf, notary) => {
      const { service, repository, readers, keyStore } = await make(`spoiled-${name.replaceAll(' ', '-')}`);
      await service.putTag(call, repository, '1.0', tagOf('a'));
      const keys = createManagedKeys({ keyStore, randomBytes: () => new Uint8Array(), now: () => startMs });
      const attempt = given.database().transaction(async (tx) => {
        const row = await lockLive(tx, repository);
        if (row === undefined) throw new Error('no row');
        const set = [{ tag: '1.0', ...tagOf('b'), sinceMs: startMs, sinceVersion: 1, actor: 'x' }];
        return await publish(tx, {
          at: row,
          managed: new Set(row.settings.managed),
          signerOf: await keys.signers(tx, row),
          parts: [await partOf(tx, row, 'tuf', tuf), await partOf(tx, row, 'notary', notary)],
          events: () => [],
          tags: () => ({ set, remove: [] }),
          newId: () => 'id',
        });
      });
      expect(await codeOf(attempt)).toBe('DIALECTS_DISAGREE');
      expect(await readers.tags()).toEqual({ '1.0': digestOf('a') });
      expect(await service.readMetadata(repository, { role: 'targets', version: 3 })).toBeUndefined();
      expect(await service.readNotary(repository, { role: 'targets', version: 3 })).toBeUndefined();
    });
  });

  describe('a revoked digest in a repository in both dialects', () => {
    it('is listed in one and has no tags in both; lifting it brings none back', async () => {
      const { service, repository, readers } = await make('digest');
      await service.editTags(call, repository, {
        sign: [
          { tag: 'a', ...tagOf('bad') },
          { tag: 'b', ...tagOf('bad') },
          { tag: 'c', ...tagOf('good') },
        ],
      });
      const revoked = await bodyOf(
        service.revokeDigest(call, repository, digestOf('bad'), { reason: 'CVE' }),
      );
      expect(revoked).toMatchObject({ tags: ['a', 'b'], stillServed: [] });
      expect(await readers.tags()).toEqual({ c: digestOf('good') });
      expect(Object.keys(await readers.tuf.targets())).toContain(digestOf('bad'));
      expect((await readers.notary.refresh()).targets.document.delegations?.roles).toEqual([]);
      expect(await codeOf(service.putTag(call, repository, 'a', tagOf('bad')))).toBe('WOULD_BREAK');
      await service.liftRevocation(call, repository, digestOf('bad'));
      expect(await readers.tags()).toEqual({ c: digestOf('good') });
    });

    it('that no tag names leaves targets of the other dialect as it is, and its timestamp moves on', async () => {
      const { service, repository, readers } = await make('no-tags');
      await service.revokeDigest(call, repository, digestOf('bad'), { reason: 'CVE' });
      const { targets, snapshot, timestamp } = await readers.notary.refresh();
      const versions = [targets, snapshot, timestamp].map(({ document }) => document.version);
      expect(versions).toEqual([1, 1, 2]);
    });
  });

  describe('freshness of a repository in both dialects', () => {
    it('renews each timestamp at half-life, and what lives longer at its own time', async () => {
      const { service, repository, readers, clock } = await make('renewed');
      await service.putTag(call, repository, '1.0', tagOf('a'));
      clock.nowMs += 0.6 * day;
      expect(await service.renew()).toMatchObject({ failed: 0 });
      const versionsOf = async (reader: 'tuf' | 'notary') => {
        const { root, targets, snapshot, timestamp } = await readers[reader].refresh();
        return [root, targets, snapshot, timestamp].map(({ document }) => document.version);
      };
      expect([await versionsOf('tuf'), await versionsOf('notary')]).toEqual([
        [1, 2, 2, 3],
        [1, 2, 2, 3],
      ]);
      clock.nowMs = startMs + 4 * day;
      await service.renew();
      expect([await versionsOf('tuf'), await versionsOf('notary')]).toEqual([
        [1, 2, 3, 4],
        [1, 2, 2, 4],
      ]);
      expect(await readers.tags()).toEqual({ '1.0': digestOf('a') });
    });

    it('renews managed roots in both, which clients with an old one follow', async () => {
      const { service, repository, readers, clock, heard } = await make('roots');
      await service.putTag(call, repository, '1.0', tagOf('a'));
      clock.nowMs += 200 * day;
      await service.renew();
      expect(heard.filter((line) => line.startsWith(`failed ${repository}`))).toEqual([]);
      expect(await readers.tags()).toEqual({ '1.0': digestOf('a') });
      expect((await readers.tuf.refresh()).root.document.version).toBe(2);
      expect((await readers.notary.refresh()).root.document.version).toBe(2);
    });
  });

  describe('answers about a repository in both dialects', () => {
    it('name both, and speak of the dialect that has revocations', async () => {
      const { service, repository, readers } = await make('answers');
      await service.putTag(call, repository, '1.0', tagOf('a'));
      const summary = await service.readRepository(repository);
      expect(summary.dialects).toEqual(['tuf', 'notary']);
      expect(summary.versions).toEqual({ root: 1, targets: 2, revocations: 1, snapshot: 2, timestamp: 2 });
      expect(summary.problems.map(({ code }) => code)).toEqual(['ROOT_ONLINE']);
      const { root } = await readers.tuf.refresh();
      expect((await service.readTag(repository, '1.0')).vouchedBy[0]?.keyIds).toEqual(
        root.document.roles.targets.keyIds,
      );
      const fleet = await service.listRepositories({ prefix: repository, mayRead: () => true }, { limit: 5 });
      expect(fleet.items[0]?.dialects).toEqual(['tuf', 'notary']);
    });

    it('tell the change feed of every publish and of the end', async () => {
      const { service, repository } = await make('feed');
      await service.putTag(call, repository, '1.0', tagOf('a'));
      const timestamp = await service.readNotary(repository, { role: 'timestamp' });
      await service.endRepository(call, repository);
      const changes = await service.readChangefeed({ repository }, { after: 0, count: 10 });
      expect(changes.map(({ category, version }) => [category, version])).toEqual([
        ['update', 1],
        ['update', 2],
        ['deletion', 0],
      ]);
      expect(changes[1]?.sha256).toBe(timestamp?.sha256);
    });
  });

  describe('the most tags of a repository in both dialects', () => {
    it('is that of one flat file; one more is refused by name, and its neighbours are not', async () => {
      const { service, repository, readers } = await make('most');
      await service.putTag(call, repository, 'v0', tagOf('a'));
      await given
        .database()
        .db.update(trustRepositories)
        .set({ tagCount: MAX_TARGETS_PER_ROLE })
        .where(eq(trustRepositories.repository, repository));
      const [first, over, beside] = [
        codeOf(service.putTag(call, repository, 'v0', tagOf('b'))),
        errorOf(service.putTag(call, repository, 'over', tagOf('o'))),
        codeOf(service.putTag(call, repository, 'v0', tagOf('c'))),
      ];
      expect(await over).toMatchObject({
        code: 'DIALECT_INEXPRESSIBLE',
        detail: { tags: MAX_TARGETS_PER_ROLE + 1, most: MAX_TARGETS_PER_ROLE },
      });
      expect([await first, await beside]).toEqual(['none', 'none']);
      expect(await readers.tags()).toEqual({ v0: digestOf('c') });
    });
  });
}
