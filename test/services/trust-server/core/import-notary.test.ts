/** A repository whose server keys stayed on another server: one call brings its roots and hands over to ours. */
import { toBase64 } from '@vidimus/crypto';
import { notaryDialect } from '@vidimus/notary';
import { DEFAULT_LIMITS, verifyTopLevel } from '@vidimus/tuf';
import { beforeEach, expect, it } from 'vitest';
import type { ImportRepository } from '../../../../services/trust-server/src/schemas/index.ts';
import { describeEachDatabase } from '../../../support/each-database.ts';
import { NotaryHistory, type OwnKey } from '../../../support/notary-history.ts';
import { type CoreForTest, call, codeOf, day, errorOf, openCore } from './core-for-test.ts';

let names = 0;

describeEachDatabase('a repository handed over', (given) => {
  let core: CoreForTest;
  let made: NotaryHistory;
  let repository: string;
  beforeEach(async () => {
    names += 1;
    repository = `registry.example.com/handed/app-${names}`;
    made = await NotaryHistory.create(repository);
    await made.tag('v1');
    await made.delegate('releases');
    await made.tag('v2', 'releases');
    await made.rotateRoot();
    core = openCore(given.database());
    core.clock.nowMs = made.now;
  });

  /** A key of the service, as far as a client has it. */
  const served = async (role: 'timestamp' | 'snapshot'): Promise<OwnKey> => {
    const declared = await core.service.notaryKey({ ...call, mayCreate: true }, repository, role, 'current');
    return { key: notaryDialect.toKey(declared), signer: made.root.signer };
  };
  /** The next root, which hands over, and what goes with it. */
  const handOver = async (): Promise<ImportRepository> => {
    made.online.timestamp = await served('timestamp');
    made.online.snapshot = await served('snapshot');
    await made.publishRoot();
    const roots = made.rows.filter(({ role }) => role === 'root').map(({ data }) => toBase64(data ?? empty));
    const file = (role: string): string => toBase64(made.row(role).data ?? empty);
    return {
      dialect: 'notary',
      roots: roots.slice(0, -1),
      update: {
        root: roots.at(-1) ?? '',
        targets: file('targets'),
        'targets/releases': file('targets/releases'),
      },
      highest: { timestamp: 41, snapshot: 17 },
    };
  };
  const empty = new Uint8Array();
  const bytesOf = async (role: string, version?: number): Promise<Uint8Array> =>
    (await core.service.readNotary(repository, { role, ...(version === undefined ? {} : { version }) }))
      ?.bytes ?? empty;
  const importing = async (body: ImportRepository) =>
    await core.service.importRepository(call, repository, body);

  it('answers every root by its version, and goes on above what clients have seen', async () => {
    const body = await handOver();
    const { created, body: summary } = await importing(body);
    expect(created).toBe(true);
    expect(summary).toMatchObject({
      dialects: ['notary'],
      tagCount: 2,
      versions: { root: 3, timestamp: 42 },
    });
    for (const { role, version, data } of made.rows) {
      if (role === 'root')
        expect(Buffer.from(await bytesOf('root', version))).toEqual(Buffer.from(data ?? empty));
    }
    const context = { dialect: notaryDialect, repository, foreign: true, limits: DEFAULT_LIMITS };
    const root = notaryDialect.decode('root', notaryDialect.open(await bytesOf('root'), 1_000_000));
    const timestamp = verifyTopLevel(context, root, 'timestamp', await bytesOf('timestamp'));
    const snapshot = verifyTopLevel(context, root, 'snapshot', await bytesOf('snapshot'));
    expect([timestamp.document.version, snapshot.document.version]).toEqual([42, 18]);
    expect([...snapshot.document.meta.keys()].sort()).toEqual(['releases', 'root', 'targets']);
  });

  it('lives as one that was made here: renewed, and published to', async () => {
    await importing(await handOver());
    core.clock.nowMs += 2 * day;
    await core.service.renew();
    const { version } = notaryDialect.decode(
      'timestamp',
      notaryDialect.open(await bytesOf('timestamp'), 100_000),
    );
    expect(version).toBe(43);
    made.now = core.clock.nowMs;
    await made.tag('v3');
    const part = { role: 'targets', bytes: made.row('targets').data ?? empty };
    await core.service.updateNotary({ ...call, mayCreate: false }, repository, [part]);
    expect((await core.service.readRepository(repository)).tagCount).toBe(3);
  });

  it('may be asked for again after a lost answer', async () => {
    const body = await handOver();
    await importing(body);
    expect(await importing(body)).toMatchObject({ created: false, body: { repository } });
  });

  it('is not made by a dry run', async () => {
    const body = await handOver();
    const dry = await core.service.importRepository({ ...call, dryRun: true }, repository, body);
    expect(dry).toMatchObject({ created: true, body: { tagCount: 2 }, impact: { versions: { root: 3 } } });
    expect(await core.service.hasRepository(repository)).toBe(false);
    expect((await importing(body)).created).toBe(true);
  });

  it('does not displace another of its name', async () => {
    const body = await handOver();
    await importing(body);
    const { roots, ...rest } = body;
    expect(await codeOf(importing({ ...rest, roots: roots.slice(1) }))).toBe('REPOSITORY_EXISTS');
  });

  const refused: readonly (readonly [string, string, (body: ImportRepository) => ImportRepository])[] = [
    ['no targets', 'BODY_INVALID', (b) => ({ ...b, update: { root: b.update['root'] ?? '' } })],
    ['no next root', 'BODY_INVALID', (b) => ({ ...b, update: { targets: b.update['targets'] ?? '' } })],
    ['a root left out', 'BODY_INVALID', (b) => ({ ...b, roots: b.roots.slice(0, 1) })],
    ['the oldest root left out', 'BODY_INVALID', (b) => ({ ...b, roots: [b.update['root'] ?? ''] })],
    ['roots in the wrong order', 'SIGNATURE_INVALID', (b) => ({ ...b, roots: b.roots.toReversed() })],
    [
      'a name that is no role',
      'BODY_INVALID',
      (b) => ({ ...b, update: { ...b.update, 'targets/root': b.update['root'] ?? '' } }),
    ],
  ];
  it.each(refused)('is refused with %s, and nothing is stored', async (_, code, spoil) => {
    const body = spoil(await handOver());
    expect(await codeOf(importing(body))).toBe(code);
    expect(await core.service.hasRepository(repository)).toBe(false);
  });

  it("is refused with a stranger's root for the first or the next, or for another repository", async () => {
    const body = await handOver();
    const stranger = await NotaryHistory.create(repository, { label: 'stranger' });
    const foreign = toBase64(stranger.row('root').data ?? empty);
    const first = await errorOf(importing({ ...body, roots: [foreign, ...body.roots.slice(1)] }));
    expect([first.code, first.detail['rule']]).toEqual(['SIGNATURE_INVALID', 'THRESHOLD']);
    expect(await codeOf(importing({ ...body, update: { ...body.update, root: foreign } }))).toBe(
      'BODY_INVALID',
    );
    const elsewhere = core.service.importRepository(call, 'registry.example.com/handed/other', body);
    expect((await errorOf(elsewhere)).detail['rule']).toBe('BINDING');
  });

  it('is refused when its root does not hand over to keys of ours', async () => {
    const body = await handOver();
    const other = await NotaryHistory.create(repository, { label: repository });
    await other.rotateRoot();
    await other.publishRoot();
    const update = { ...body.update, root: toBase64(other.row('root').data ?? empty) };
    expect(await codeOf(importing({ ...body, update }))).toBe('BODY_INVALID');
  });
});
