/** Backup, five more publishes, destruction, restore on another database: no version ever has two contents. */
import { toBase64 } from '@vidimus/crypto';
import type { Database } from '@vidimus/database';
import { expect, it } from 'vitest';
import { checkRestored } from '../../../../../services/trust-server/src/core/backup/index.ts';
import type { DatabaseForSuite } from '../../../../support/each-database.ts';
import {
  bodyOf,
  Client,
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
import { backupText, contentsOf, masters, restoreText } from './backup-for-test.ts';

/** Opens an empty database beside the suite's own; the suite closes it. */
export type OpenTarget = () => Promise<{ readonly database: Database; close(): Promise<void> }>;

export function backupSuite({ database }: DatabaseForSuite, openTarget: OpenTarget): void {
  const owner = clientKey('owner of the backup');

  /** A repository with a managed root, and one whose root a client holds; both with tags, then five publishes more. */
  async function prepare() {
    const core = openCore(database(), { seed: 'backup' });
    const online = 'registry.example.com/backup/online';
    const held = 'registry.example.com/backup/held';
    await core.service.createRepository(call, online, managed);
    const change = await changeOf(
      core.service.createRepository(call, held, {
        roles: { root: { keys: [{ custody: 'client', key: owner.declared }] } },
      }),
    );
    await core.service.signChange(call, held, change.id, { signatures: [await signRoot(change, owner)] });
    for (const repository of [online, held]) {
      await core.service.putTag(call, repository, '1', tagOf('before'));
      await core.service.revokeDigest(call, repository, digestOf('bad'), { reason: 'CVE' });
    }
    const waiting = 'registry.example.com/backup/waiting';
    await core.service.createRepository(call, waiting, {
      roles: { root: { keys: [{ custody: 'client', key: clientKey('waiting').declared }] } },
    });
    const text = await backupText(database(), core.clock.nowMs);
    const backedUpMs = core.clock.nowMs;
    for (let at = 0; at < 5; at += 1) {
      // Half of a year in, the managed root is renewed.
      if (at === 2) {
        core.clock.nowMs += 200 * day;
        await core.service.renew();
      }
      for (const repository of [online, held]) {
        await core.service.putTag(call, repository, `after${at}`, tagOf(`after ${at}`));
      }
    }
    return { core, online, held, waiting, text, backedUpMs };
  }

  let prepared: Promise<Awaited<ReturnType<typeof prepare>>> | undefined;
  const once = () => {
    prepared ??= prepare();
    return prepared;
  };

  async function withRestored(
    work: (
      given: Awaited<ReturnType<typeof prepare>> & { restored: CoreForTest; target: Database },
    ) => Promise<void>,
  ): Promise<void> {
    const given = await once();
    const { database: target, close } = await openTarget();
    try {
      await restoreText(target, given.text, given.core.clock.nowMs);
      const restored = openCore(target, { seed: 'restored', clock: { ...given.core.clock } });
      await work({ ...given, restored, target });
    } finally {
      await close();
    }
  }

  const newestRoot = async (core: CoreForTest, repository: string) => {
    let version = 1;
    for (;;) {
      const file = await core.service.readMetadata(repository, { role: 'root', version: version + 1 });
      if (file === undefined) break;
      version += 1;
    }
    const file = await core.service.readMetadata(repository, { role: 'root', version });
    if (file === undefined) throw new Error('no root');
    return { version, sha256: file.sha256, bytes: file.bytes };
  };

  it('is read-only after a restore, says why, and serves what it has', () =>
    withRestored(async ({ restored, online, held, target }) => {
      for (const repository of [online, held]) {
        const refused = await errorOf(restored.service.putTag(call, repository, '2', tagOf('two')));
        expect(refused.code).toBe('VERSION_UNCERTAIN');
        expect(refused.detail['fix']).toContain('vidimus key resume');
        expect(await codeOf(restored.service.endRepository(call, repository))).toBe('VERSION_UNCERTAIN');
        expect(
          await codeOf(restored.service.revokeDigest(call, repository, digestOf('x'), { reason: 'r' })),
        ).toBe('VERSION_UNCERTAIN');
        const { problems } = await restored.service.readRepository(repository);
        expect(problems.map(({ code }) => code)).toContain('VERSION_UNCERTAIN');
        expect(await restored.service.readMetadata(repository, { role: 'timestamp' })).toBeDefined();
      }
      const before = await contentsOf(target, online);
      await restored.service.renew();
      expect(await contentsOf(target, online)).toEqual(before);
    }));

  it('publishes again above everything clients have seen, under the newest root', () =>
    withRestored(async ({ core, restored, online, target }) => {
      const client = await new Client(core, online).pin();
      await client.refresh();
      const { version, sha256, bytes } = await newestRoot(core, online);
      expect(version).toBeGreaterThan(1);
      const said = { reason: 'disk lost', newestRoot: { tuf: { version, sha256 } } };
      expect(await codeOf(restored.service.recoverRepository(call, online, said))).toBe('VERSION_UNCERTAIN');
      const supplied = { ...said, roots: { tuf: [toBase64(bytes)] } };
      await restored.service.recoverRepository({ ...call, dryRun: true }, online, supplied);
      expect(await codeOf(restored.service.putTag(call, online, '2', tagOf('two')))).toBe(
        'VERSION_UNCERTAIN',
      );
      await bodyOf(restored.service.recoverRepository(call, online, supplied));
      // The cache of a client that saw the last state before the disaster, against the restored service.
      const warm = client.against(restored);
      expect(await warm.targets()).toEqual({ '1': digestOf('before'), [digestOf('bad')]: digestOf('bad') });
      await restored.service.putTag(call, online, '2', tagOf('two'));
      expect(Object.keys(await warm.targets())).toContain('2');
      const old = await contentsOf(database(), online);
      for (const [name, hash] of await contentsOf(target, online)) {
        if (old.has(name)) expect([name, hash]).toEqual([name, old.get(name)]);
      }
      expect(await codeOf(restored.service.recoverRepository(call, online, supplied))).toBe('none');
    }));

  it('takes the newest files of a client, so that nothing that was published is lost', () =>
    withRestored(async ({ core, restored, held }) => {
      const client = await new Client(core, held).pin();
      const seen = await client.targets();
      const { version, sha256 } = await newestRoot(core, held);
      const summary = await core.service.readRepository(held);
      const targets = await core.service.readMetadata(held, {
        role: 'targets',
        version: summary.versions['targets'] ?? 0,
      });
      await bodyOf(
        restored.service.recoverRepository(call, held, {
          reason: 'disk lost',
          newestRoot: { tuf: { version, sha256 } },
          files: { tuf: { targets: toBase64(targets?.bytes ?? new Uint8Array()) } },
        }),
      );
      expect(await client.against(restored).targets()).toEqual(seen);
      const { items } = await restored.service.listTags(held, { limit: 100 });
      expect(items.map(({ tag }) => tag).sort()).toEqual(
        Object.keys(seen)
          .filter((path) => !path.startsWith('sha256:'))
          .sort(),
      );
      expect((await restored.service.readRepository(held)).tagCount).toBe(items.length);
    }));

  it.each([
    ['another root than said', { version: 1, sha256: '0'.repeat(64) }, 'VERSION_UNCERTAIN'],
    ['a newer root than supplied', { version: 9, sha256: '0'.repeat(64) }, 'VERSION_UNCERTAIN'],
  ])('refuses %s', (_, said, code) =>
    withRestored(async ({ restored, held }) => {
      const body = { reason: 'r', newestRoot: { tuf: said } };
      expect(await codeOf(restored.service.recoverRepository(call, held, body))).toBe(code);
      const other = await newestRoot(restored, 'registry.example.com/backup/online');
      const foreign = { ...body, roots: { tuf: [toBase64(other.bytes)] } };
      expect(await codeOf(restored.service.recoverRepository(call, held, foreign))).toBe('SIGNATURE_INVALID');
    }),
  );

  it('begins new repositories, and those whose creation waited, above what may have been', () =>
    withRestored(async ({ restored, waiting }) => {
      for (const repository of [waiting, 'registry.example.com/backup/made-since']) {
        await restored.service.createRepository(call, repository, managed);
        const { versions } = await restored.service.readRepository(repository);
        expect(Math.min(...Object.values(versions))).toBe(2 ** 20 + 1);
        await (await new Client(restored, repository).pin(2 ** 20 + 1)).refresh();
      }
    }));

  it('opens every key and walks every repository in a drill', () =>
    withRestored(async ({ target, online, held, backedUpMs }) => {
      const head = {
        service: {
          key: masters.service.key.export().toString('base64'),
          fingerprint: masters.service.fingerprint,
        },
        root: { key: masters.root.key.export().toString('base64'), fingerprint: masters.root.fingerprint },
      };
      const parts = {
        database: target,
        repositories: [online, held],
        random: (length: number) => new Uint8Array(length).fill(3),
        atMs: backedUpMs,
      };
      const sound = await checkRestored({ ...parts, masters: head });
      expect(sound).toMatchObject({ walked: 2, locked: 0, unsound: [] });
      expect(sound.keys).toBeGreaterThan(5);
      const rootless = await checkRestored({ ...parts, masters: { service: head.service } });
      expect(rootless.locked).toBeGreaterThan(0);
      const swapped = { service: head.root, root: head.service };
      expect((await checkRestored({ ...parts, masters: swapped })).unsound.length).toBeGreaterThan(0);
    }));

  it('refuses a database that is not empty', async () => {
    const { core, text } = await once();
    await expect(restoreText(database(), text, core.clock.nowMs)).rejects.toMatchObject({
      code: 'NOT_EMPTY',
    });
  });
}
