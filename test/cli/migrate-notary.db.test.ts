/** `vidimus migrate notary` over PostgreSQL tables that anybody may have written into. */
import { createPrivateKey } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { NotaryHistory } from '../support/notary-history.ts';
import { notaryPrivateBytes, sealSignerKey } from '../support/notary-signer-rows.ts';
import { createNotaryPostgres, type NotaryDatabase } from '../support/notary-tables.ts';
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts';
import { createServiceBed, type ServiceBed } from '../support/service-bed.ts';
import { runCommand } from '../support/service-command.ts';

let postgres: PostgresServer;
let bed: ServiceBed;
beforeAll(async () => {
  postgres = await startPostgres();
  bed = createServiceBed();
});
afterAll(async () => {
  await bed?.close();
  await postgres?.stop();
});

const name = (text: string): string => `registry.example.com/hostile/${text}`;

async function fill(source: NotaryDatabase, made: NotaryHistory, gun = made.repository): Promise<void> {
  for (const { role, version, data, sha256 } of made.rows) {
    if (data === undefined) continue;
    await source.insertFile({ gun, role, version, data, sha256: sha256 ?? null });
  }
}

const reportSchema = z.object({
  counts: z.record(z.string(), z.number()),
  notThere: z.array(z.string()),
  exitCode: z.number(),
  repositories: z.array(
    z.looseObject({
      repository: z.string(),
      outcome: z.string(),
      refusal: z.looseObject({ code: z.string(), fix: z.string() }).optional(),
      leftOut: z.array(z.looseObject({ code: z.string() })).optional(),
    }),
  ),
});

async function migrate(source: NotaryDatabase, data: string, ...more: readonly string[]) {
  const words = ['migrate', 'notary', '--server-db', source.url, '--data', data, '--json', ...more];
  const { stdout } = await runCommand(words);
  const report = reportSchema.parse(JSON.parse(stdout));
  return { ...report, of: new Map(report.repositories.map((entry) => [entry.repository, entry])) };
}

describe('tables with hostile rows', () => {
  it('give what is sound, and a reason for everything else', async () => {
    const source = await createNotaryPostgres(postgres);
    const [good, other] = [
      await NotaryHistory.create(name('good')),
      await NotaryHistory.create(name('other')),
    ];
    await good.tag('v1');
    await other.tag('v1');
    await fill(source, good);
    await fill(source, other);
    // Rows that lead nowhere, beside the sound ones.
    const junk = new Uint8Array(3_000_000).fill(0x41);
    const gun = good.repository;
    await source.insertFile({ gun, role: 'targets/../../root', version: 1, data: junk });
    await source.insertFile({ gun, role: 'targets/huge', version: 1, data: junk });
    await source.insertFile({ gun, role: "x'; drop table tuf_files; --", version: 1, data: junk });
    await source.insertFile({ gun, role: 'targets', version: -5, data: junk });
    await source.insertFile({
      gun,
      role: 'targets/other',
      version: 1,
      data: other.row('targets').data ?? junk,
    });
    // Repositories of which something that matters is wrong.
    const spoilt = async (
      text: string,
      spoil: (made: NotaryHistory) => void,
      gunOf = name(text),
    ): Promise<void> => {
      const made = await NotaryHistory.create(name(text));
      await made.tag('v1');
      spoil(made);
      await fill(source, made, gunOf);
    };
    await spoilt('wrong-hash', (made) => made.spoil('targets', { sha256: '00'.repeat(32) }));
    await spoilt('no-root', (made) => made.drop('root'));
    await spoilt('gap', (made) => made.spoil('root', { version: 4 }));
    await spoilt('foreign-bytes', (made) => {
      const { data, sha256 } = other.row('timestamp');
      made.spoil('timestamp', { data, sha256 });
    });
    await spoilt('renamed', () => undefined, name('another-name'));
    await spoilt('plain', () => undefined, 'alpine');
    await spoilt('huge', (made) => made.spoil('root', { data: junk, sha256: undefined }));

    const data = await bed.directory();
    const report = await migrate(source, data);
    expect(report.exitCode).toBe(1);
    expect(report.counts).toEqual({ imported: 2, updated: 0, unchanged: 0, refused: 7 });
    const codes = Object.fromEntries(
      report.repositories.flatMap(({ repository, refusal }) => (refusal ? [[repository, refusal.code]] : [])),
    );
    expect(codes).toEqual({
      [name('wrong-hash')]: 'HASH_MISMATCH',
      [name('no-root')]: 'MISSING',
      [name('gap')]: 'ROOT_CHAIN',
      [name('foreign-bytes')]: 'THRESHOLD',
      [name('another-name')]: 'BINDING',
      alpine: 'NAME_INVALID',
      [name('huge')]: 'LIMIT',
    });
    expect(
      report.of
        .get(good.repository)
        ?.leftOut?.map(({ code }) => code)
        .sort(),
    ).toEqual(['INVALID_ROLE', 'INVALID_ROLE', 'UNLISTED', 'UNLISTED', 'VERSION']);

    // Mended there, they come over in the next run; what is here stays.
    await source.execute('update tuf_files set sha256 = null where gun = ?', [name('wrong-hash')]);
    const again = await migrate(source, data, '--final');
    expect(again.of.get(name('wrong-hash'))?.outcome).toBe('imported');
    expect(again.of.get(good.repository)?.outcome).toBe('updated');
    expect((await migrate(source, data, '--final')).of.get(good.repository)?.outcome).toBe('unchanged');
  });

  it('with NULL where Notary has none are read for what they are', async () => {
    const source = await createNotaryPostgres(postgres);
    await source.execute(
      'alter table tuf_files alter column data drop not null, alter column version drop not null',
    );
    await source.execute('alter table tuf_files alter column role drop not null');
    const [half, whole] = [
      await NotaryHistory.create(name('half')),
      await NotaryHistory.create(name('whole')),
    ];
    await fill(source, half);
    await fill(source, whole);
    await source.execute("update tuf_files set data = null where gun = ? and role = 'snapshot'", [
      half.repository,
    ]);
    await source.execute('insert into tuf_files (gun, role, version, data) values (?, null, null, null)', [
      whole.repository,
    ]);
    const { of } = await migrate(source, await bed.directory());
    expect(of.get(half.repository)?.refusal?.code).toBe('MISSING');
    expect(of.get(whole.repository)).toMatchObject({ outcome: 'imported', problems: expect.anything() });
  });

  it('give no repository the key of another, whatever its root lists', async () => {
    const source = await createNotaryPostgres(postgres);
    const victim = await NotaryHistory.create(name('victim'));
    const thief = await NotaryHistory.create(name('a-thief'));
    const { timestamp, snapshot } = victim.online;
    // Whoever owns a repository writes what he likes into its root; the old server then signed for it.
    Object.assign(thief.online, { timestamp, snapshot });
    await thief.publishRoot();
    await thief.publish('targets');
    await fill(source, thief);
    await fill(source, victim);
    for (const [role, { key, seed = new Uint8Array() }] of Object.entries({ timestamp, snapshot })) {
      const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
      const secret = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
      await source.insertKey({
        keyId: key.keyId,
        algorithm: 'ed25519',
        alias: 'one',
        publicBytes: new Uint8Array([1]),
        sealed: await sealSignerKey(notaryPrivateBytes(secret), 'secret'),
        gun: victim.repository,
        role,
      });
    }
    const words = ['migrate', 'notary', '--server-db', source.url, '--signer-db', source.url, '--json'];
    const data = await bed.directory();
    const { stdout } = await runCommand([...words, '--data', data], { NOTARY_SIGNER_ONE: 'secret' });
    expect(stdout).not.toContain('secret');
    const of = new Map(
      reportSchema.parse(JSON.parse(stdout)).repositories.map((entry) => [entry.repository, entry]),
    );
    expect(of.get(victim.repository)).toMatchObject({
      custody: { timestamp: 'service', snapshot: 'service' },
    });
    expect(of.get(thief.repository)).toMatchObject({
      custody: { timestamp: 'elsewhere', snapshot: 'elsewhere' },
      problems: [{ code: 'KEY_OF_ANOTHER' }, { code: 'KEY_OF_ANOTHER' }, { code: 'TIMESTAMP_KEY_LOST' }],
    });
  });

  it('say which copies are no longer there', async () => {
    const source = await createNotaryPostgres(postgres);
    await fill(source, await NotaryHistory.create(name('gone')));
    const data = await bed.directory();
    await migrate(source, data);
    await source.execute('delete from tuf_files');
    expect((await migrate(source, data)).notThere).toEqual([name('gone')]);
    const { stdout, exit } = await runCommand([
      'migrate',
      'notary',
      '--server-db',
      source.url,
      '--data',
      data,
    ]);
    expect([exit, stdout]).toEqual([
      0,
      `0 repositories\nread-only here, and no longer there: ${name('gone')}; to end one: DELETE /v2/REPO/_trust\n`,
    ]);
  });
});

describe('a source that is not what it should be', () => {
  it.each([
    ['has no tables of Notary', 2, 'SOURCE_INVALID', async () => await postgres.createDatabase()],
    ['is not there', 4, 'SOURCE_UNREACHABLE', async () => 'postgres://127.0.0.1:1/n'],
  ])('and %s is exit %i %s', async (_, exit, code, url) => {
    const words = [
      'migrate',
      'notary',
      '--server-db',
      await url(),
      '--data',
      await bed.directory(),
      '--json',
    ];
    const result = await runCommand(words);
    expect(result.exit).toBe(exit);
    expect(JSON.parse(result.stdout)).toMatchObject({ error: { code, hint: expect.stringMatching(/\w/) } });
  });

  it('is not asked while the service runs on the same data directory', async () => {
    const source = await createNotaryPostgres(postgres);
    const data = await bed.directory();
    const service = await bed.start({ data });
    const { exit, stdout } = await runCommand([
      'migrate',
      'notary',
      '--server-db',
      source.url,
      '--data',
      data,
      '--json',
    ]);
    expect([exit, JSON.parse(stdout)]).toMatchObject([2, { error: { code: 'LOCKED' } }]);
    await service.stop();
  });
});
