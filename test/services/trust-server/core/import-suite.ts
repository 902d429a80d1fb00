/** Bringing repositories over, into every kind of database. */
import { createPrivateKey } from 'node:crypto';
import { sha256Hex, toHex } from '@vidimus/crypto';
import {
  keyKeys,
  trustChangefeed,
  trustEvents,
  trustHeads,
  trustMetadata,
  trustRepositories,
} from '@vidimus/database';
import { notaryDialect } from '@vidimus/notary';
import { DEFAULT_LIMITS, verifyRoot, verifyTopLevel } from '@vidimus/tuf';
import { and, eq } from 'drizzle-orm';
import { beforeEach, describe, expect, it } from 'vitest';
import type { HistoryKey } from '../../../../services/trust-server/src/core/import/history.ts';
import type {
  ImportedState,
  ImportOutcome,
} from '../../../../services/trust-server/src/core/import/import-outcome.ts';
import { importRepository } from '../../../../services/trust-server/src/core/import/import-repository.ts';
import { insertRevokedKey } from '../../../../services/trust-server/src/core/keys-index/key-rows.ts';
import type { DatabaseForSuite } from '../../../support/each-database.ts';
import { ed25519Key, NotaryHistory, type OwnKey } from '../../../support/notary-history.ts';
import { type CoreForTest, day, openCore, startMs } from './core-for-test.ts';
import { type GivenHistory, toRepositoryHistory } from './import-history-for-test.ts';

const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex');
let names = 0;

/** The private half of an Ed25519 key of a history, as a source hands it out. */
function toKey({ seed = new Uint8Array(0) }: OwnKey, role: string | undefined): HistoryKey {
  const der = Buffer.concat([pkcs8Head, seed]);
  return {
    role,
    pkcs8: createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({
      format: 'der',
      type: 'pkcs8',
    }),
  };
}

export function importSuite(given: DatabaseForSuite): void {
  let made: NotaryHistory;
  let core: CoreForTest;
  beforeEach(async () => {
    names += 1;
    made = await NotaryHistory.create(`registry.example.com/import/app-${names}`);
    await made.tag('v1');
    await made.delegate('releases');
    await made.tag('v2', 'releases');
    core = openCore(given.database());
  });

  const run = async (options: GivenHistory & { readonly final?: boolean } = {}): Promise<ImportOutcome> => {
    let ids = 0;
    const parts = {
      database: given.database(),
      keyStore: core.keyStore,
      now: () => core.clock.nowMs,
      newId: () => `import ${made.repository} ${core.clock.nowMs} ${++ids} ${Math.floor(ids / 7)}`,
    };
    const call = { actor: 'migrate notary', requestId: 'run-1', final: options.final ?? false };
    core.clock.nowMs += 1_000;
    return await importRepository(parts, call, toRepositoryHistory(made, options));
  };
  const state = async (options: Parameters<typeof run>[0] = {}): Promise<ImportedState> => {
    const outcome = await run(options);
    if (outcome.outcome === 'refused')
      throw new Error(`refused: ${outcome.refusal.code} ${outcome.refusal.message}`);
    return outcome.state;
  };
  const refusal = async (options: Parameters<typeof run>[0] = {}): Promise<string> => {
    const outcome = await run(options);
    return outcome.outcome === 'refused' ? outcome.refusal.code : outcome.outcome;
  };
  const stored = async () =>
    await given
      .database()
      .db.select()
      .from(trustMetadata)
      .where(eq(trustMetadata.repository, made.repository));
  const heads = async () =>
    new Map(
      (
        await given.database().db.select().from(trustHeads).where(eq(trustHeads.repository, made.repository))
      ).map((head) => [head.role, head]),
    );
  const row = async () => {
    const rows = await given
      .database()
      .db.select()
      .from(trustRepositories)
      .where(eq(trustRepositories.repository, made.repository));
    return rows.at(-1);
  };
  const version = async (role: string) => (await heads()).get(role)?.version;
  const keys = (): readonly HistoryKey[] => [
    toKey(made.online.timestamp, 'timestamp'),
    toKey(made.online.snapshot, 'snapshot'),
  ];

  describe('a repository of another Notary server', () => {
    it('is here with every version, byte for byte', async () => {
      await made.rotateRoot();
      const outcome = await run({ keys: keys() });
      expect(outcome).toMatchObject({ outcome: 'imported' });
      const rows = await stored();
      expect(rows).toHaveLength(made.rows.length);
      for (const { role, version, data, createdAtMs } of made.rows) {
        const model = role.replace(/^targets\//, '');
        const found = rows.find((each) => each.role === model && each.version === version);
        expect(Buffer.from(found?.bytes ?? [])).toEqual(Buffer.from(data ?? []));
        expect(found?.sha256).toBe(sha256Hex(data ?? new Uint8Array()));
        expect(found?.issuedAt.getTime()).toBe(createdAtMs);
      }
      const current = await heads();
      expect([...current.keys()].sort()).toEqual(['releases', 'root', 'snapshot', 'targets', 'timestamp']);
      for (const [role, head] of current) {
        expect(head.version).toBe(made.row(role === 'releases' ? 'targets/releases' : role).version);
        expect(head.resignAfter).toBeNull();
      }
      expect(await row()).toMatchObject({ dialects: ['notary'], tagCount: 2, activatedAt: expect.any(Date) });
    });

    it('is not taken while one of its roles lists a key that was revoked here', async () => {
      const material = made.delegated.get('releases')?.key.usable?.materialId ?? '';
      const revoked = { material, reason: 'stolen', revokedAtMs: startMs, actor: 'token:test' };
      await given.database().transaction((tx) => insertRevokedKey(tx, `revoked ${made.repository}`, revoked));
      expect(await refusal()).toBe('KEY_INVALID');
      expect(await stored()).toEqual([]);
    });

    it('says what it brought, who signs, and until when', async () => {
      const changes = [
        { id: 5, createdAtMs: 1_000, version: 1, sha256: 'ab'.repeat(32), category: 'update' as const },
        { id: 9, createdAtMs: 2_000, version: 0, sha256: '', category: 'deletion' as const },
      ];
      const imported = await state({ keys: keys(), changes });
      expect(imported).toMatchObject({
        rootVersion: 1,
        tags: 2,
        custody: { timestamp: 'service', snapshot: 'service' },
        keyIds: { timestamp: [made.online.timestamp.key.keyId] },
        final: false,
        warnings: [],
        leftOut: [],
        added: { versions: made.rows.length, changes: 2, keys: 2 },
      });
      expect(imported.expiresMs.timestamp).toBeGreaterThan(startMs + 12 * day);
      const feed = await given
        .database()
        .db.select()
        .from(trustChangefeed)
        .where(eq(trustChangefeed.repository, made.repository));
      expect(
        feed.map(({ version, category, createdAt }) => [version, category, createdAt.getTime()]),
      ).toEqual([
        [1, 'update', 1_000],
        [0, 'deletion', 2_000],
      ]);
      const events = await given
        .database()
        .db.select()
        .from(trustEvents)
        .where(eq(trustEvents.repository, made.repository));
      expect(events).toMatchObject([
        { action: 'repository.import', actor: 'migrate notary', result: 'done' },
      ]);
    });

    it('comes without keys when there are none, and without those that the root does not list', async () => {
      const stranger = await NotaryHistory.create(made.repository, { label: 'stranger' });
      const found = [toKey(stranger.online.timestamp, 'timestamp'), toKey(made.online.targets, undefined)];
      const imported = await state({ keys: found });
      expect(imported.custody).toEqual({ timestamp: 'elsewhere', snapshot: 'elsewhere' });
      expect(imported.added.keys).toBe(0);
      expect(await keyRows()).toEqual([]);
    });

    it('keeps a key for the role it was made for alone', async () => {
      const swapped = [toKey(made.online.timestamp, 'snapshot'), toKey(made.online.snapshot, undefined)];
      expect((await state({ keys: swapped })).custody).toEqual({
        timestamp: 'elsewhere',
        snapshot: 'service',
      });
      expect((await keyRows()).map(({ role }) => role)).toEqual(['snapshot']);
    });

    it('does not get the key of another repository, whose clients its documents would then be shown to', async () => {
      await state({ keys: keys() });
      const { timestamp, snapshot } = made.online;
      made = await NotaryHistory.create(`${made.repository}-thief`);
      Object.assign(made.online, { timestamp, snapshot });
      await made.publishRoot();
      await made.publish('targets');
      const imported = await state({ keys: keys() });
      expect(imported.custody).toEqual({ timestamp: 'elsewhere', snapshot: 'elsewhere' });
    });

    it('is whole or not at all', async () => {
      made.drop('targets', made.row('targets').version);
      expect(await refusal()).toBe('MISSING');
      expect([await stored(), await row()]).toEqual([[], undefined]);
    });

    it('leaves out an older version that nothing vouches for, and says so', async () => {
      made.spoil('targets', { sha256: '00'.repeat(32) }, 2);
      const imported = await state();
      expect(imported.leftOut).toEqual([{ role: 'targets', version: 2, code: 'HASH_MISMATCH' }]);
      expect(await stored()).toHaveLength(made.rows.length - 1);
    });

    it('leaves out what is newer than the newest timestamp leads to', async () => {
      const { version } = made.row('snapshot');
      await made.publishSnapshot();
      expect((await state()).leftOut).toEqual([{ role: 'snapshot', version: version + 1, code: 'UNLISTED' }]);
      expect((await heads()).get('snapshot')?.version).toBe(version);
      await made.publishTimestamp();
      expect((await state()).leftOut).toEqual([]);
      expect((await heads()).get('snapshot')?.version).toBe(version + 1);
    });

    it.each([
      ['no host', 'alpine'],
      ['upper case', 'registry.example.com/Team/App'],
      ['the directory', '_directory'],
      ['bytes that end a line', 'registry.example.com/a\nb'],
    ])('is refused for a name with %s', async (_, name) => {
      made = await NotaryHistory.create(name);
      expect(await refusal()).toBe('NAME_INVALID');
    });

    it('is refused where another repository has the name', async () => {
      await core.service.createRepository({ actor: 'a', requestId: 'r' }, made.repository, {
        roles: { root: { keys: [{ custody: 'managed' }] } },
      });
      expect(await refusal()).toBe('REPOSITORY_EXISTS');
    });
  });

  describe('run again', () => {
    it('writes nothing when nothing is new', async () => {
      await state({ keys: keys() });
      const before = await row();
      expect(await run({ keys: keys() })).toMatchObject({
        outcome: 'unchanged',
        state: { added: { versions: 0, changes: 0, keys: 0 } },
      });
      expect(await row()).toEqual(before);
    });

    it('adds what was published since, roots too', async () => {
      await state({ keys: keys() });
      await made.tag('v3', 'releases');
      await made.rotateRoot();
      await made.delegate('qa');
      const outcome = await run({ keys: keys() });
      expect(outcome).toMatchObject({ outcome: 'updated', state: { rootVersion: 2, tags: 3 } });
      expect(await stored()).toHaveLength(made.rows.length);
      expect((await heads()).get('root')?.version).toBe(2);
      expect(await row()).toMatchObject({ tagCount: 3 });
    });

    it('adds the change feed from where it was', async () => {
      const change = (id: number) => ({
        id,
        createdAtMs: id,
        version: id,
        sha256: 'ab'.repeat(32),
        category: 'update' as const,
      });
      await state({ changes: [change(3)] });
      const again = await state({ changes: [change(3), change(4)] });
      expect(again.added).toEqual({ versions: 0, changes: 1, keys: 0 });
    });

    it('adds keys that were not at hand before', async () => {
      expect((await state()).custody.timestamp).toBe('elsewhere');
      expect(await state({ keys: keys() })).toMatchObject({
        custody: { timestamp: 'service' },
        added: { keys: 2 },
      });
    });

    it('is refused when the repository was made anew there', async () => {
      await state();
      const name = made.repository;
      made = await NotaryHistory.create(name, { label: 'anew' });
      expect(await refusal()).toBe('HISTORY_CHANGED');
    });

    it('does not put a version in between that could not be used before', async () => {
      const { sha256 } = made.row('targets', 2);
      made.spoil('targets', { sha256: '00'.repeat(32) }, 2);
      await state();
      made.spoil('targets', { sha256 }, 2);
      expect((await state()).leftOut).toMatchObject([{ role: 'targets', version: 2 }]);
    });
  });

  describe('after its copy was ended here', () => {
    it('comes over again, and its keys with it', async () => {
      await state({ keys: keys() });
      await core.service.endRepository({ actor: 'a', requestId: 'r' }, made.repository);
      expect(await run({ keys: keys() })).toMatchObject({
        outcome: 'imported',
        state: { custody: { timestamp: 'service' }, added: { versions: made.rows.length, keys: 2 } },
      });
      expect((await keyRows()).map(({ incarnation, retiredAt }) => [incarnation, retiredAt])).toEqual([
        [2, null],
        [2, null],
      ]);
    });
  });

  describe('the final run', () => {
    it('has the service renew what it can sign', async () => {
      await state({ keys: keys() });
      expect(await run({ keys: keys(), final: true })).toMatchObject({
        outcome: 'updated',
        state: { final: true },
      });
      const current = await heads();
      expect(current.get('timestamp')?.resignAfter?.getTime()).toBeLessThan(startMs + 8 * day);
      expect(current.get('snapshot')?.resignAfter).not.toBeNull();
      expect(current.get('targets')?.resignAfter).toBeNull();
      expect(current.get('root')?.resignAfter).toBeNull();
    });

    it('has a new timestamp signed when it is due, and that verifies under the old root', async () => {
      await state({ keys: keys() });
      core.clock.nowMs = made.now + 9 * day;
      await core.service.renew();
      expect(await version('timestamp')).toBe(made.row('timestamp').version);
      await state({ keys: keys(), final: true });
      await core.service.renew();
      expect(await version('timestamp')).toBe(made.row('timestamp').version + 1);
      const file = await core.service.readNotary(made.repository, { role: 'timestamp' });
      const context = {
        dialect: notaryDialect,
        repository: made.repository,
        foreign: true,
        limits: DEFAULT_LIMITS,
      };
      const root = verifyRoot(context, made.row('root').data ?? new Uint8Array()).document;
      const { document } = verifyTopLevel(context, root, 'timestamp', file?.bytes ?? new Uint8Array());
      expect(document.expires).toBeGreaterThan(core.clock.nowMs);
    });

    it('opens what was read-only: until then uploads, new keys and the end are refused, with the reason', async () => {
      const by = { actor: 'a', requestId: 'r', mayCreate: true };
      const tries: readonly (() => Promise<unknown>)[] = [
        () => core.service.updateNotary(by, made.repository, []),
        () => core.service.notaryKey(by, made.repository, 'timestamp', 'rotate'),
        () => core.service.endNotary(by, made.repository),
      ];
      await state({ keys: keys() });
      for (const attempt of tries) {
        await expect(attempt()).rejects.toMatchObject({
          code: 'INVALID_UPDATE',
          message: expect.stringContaining('is being migrated from another server'),
        });
      }
      expect(await core.service.notaryKey(by, made.repository, 'timestamp', 'current')).toEqual(
        made.online.timestamp.key.declared,
      );
      await state({ keys: keys(), final: true });
      for (const attempt of tries) await attempt();
    });

    it('leaves a repository that lives: summary, tags, uploads, also with a delegation that nobody signs', async () => {
      const [releases] = made.delegations;
      if (releases === undefined) throw new Error('no delegation');
      const other = ed25519Key(`${made.repository} another delegate`);
      made.delegated.set('releases', other);
      made.delegations = [{ ...releases, keyIds: [other.key.keyId] }];
      await made.publish('targets');
      const imported = await state({ keys: keys(), final: true });
      expect(imported.warnings).toMatchObject([{ code: 'ROLE_UNSIGNED', role: 'releases' }]);
      const summary = await core.service.readRepository(made.repository);
      expect(summary).toMatchObject({ dialects: ['notary'], tagCount: 1, versions: { root: 1 } });
      core.clock.nowMs = Math.max(core.clock.nowMs, made.now);
      await made.tag('v3');
      const part = { role: 'targets', bytes: made.row('targets').data ?? new Uint8Array() };
      await core.service.updateNotary({ actor: 'a', requestId: 'r', mayCreate: false }, made.repository, [
        part,
      ]);
      const { items } = await core.service.listTags(made.repository, { limit: 10 });
      expect(items.map(({ tag }) => tag)).toEqual(['v1', 'v3']);
      expect(await core.service.readTag(made.repository, 'v3')).toMatchObject({ tag: 'v3' });
    });

    it('can be the first', async () => {
      expect(await run({ final: true })).toMatchObject({ outcome: 'imported', state: { final: true } });
      expect((await heads()).get('timestamp')?.resignAfter).toBeNull();
    });

    it('is the last: nothing that was published there afterwards comes over', async () => {
      await state({ final: true });
      expect(await run({ final: true })).toMatchObject({ outcome: 'unchanged' });
      await made.tag('late');
      expect(await refusal()).toBe('SOURCE_WENT_ON');
    });

    it('may be followed by keys that were not at hand', async () => {
      await state({ final: true });
      expect(await state({ keys: keys() })).toMatchObject({ custody: { timestamp: 'service' }, final: true });
      expect((await heads()).get('timestamp')?.resignAfter).not.toBeNull();
      expect(await row()).toMatchObject({ tagCount: 2 });
    });
  });

  describe('an imported key', () => {
    it('is stored sealed, and opens to sign for its repository', async () => {
      await state({ keys: keys() });
      const [key] = (await keyRows()).filter(({ role }) => role === 'timestamp');
      expect(key).toMatchObject({
        keyId: made.online.timestamp.key.keyId,
        algorithm: 'ed25519',
        retiredAt: null,
      });
      const secret = toHex(made.online.timestamp.seed ?? new Uint8Array());
      expect(toHex(key?.wrapped ?? new Uint8Array())).not.toContain(secret);
    });
  });

  const keyRows = async () =>
    await given
      .database()
      .db.select()
      .from(keyKeys)
      .where(and(eq(keyKeys.repository, made.repository), eq(keyKeys.dialect, 'notary')));
}
