/** What must stay of uploads after a crash, and of memory after strange questions. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMetadataCache } from '../../../../services/trust-server/src/core/read/metadata-cache.ts';
import { contentOf, useDataDirectory } from '../../../packages/database/embedded/data-directory-for-test.ts';
import { type EmbeddedForTest, openEmbeddedForTest } from '../../../support/database-embedded.ts';
import { day, openCore, startMs } from './core-for-test.ts';
import { creator, NotaryPublisher } from './notary-publisher-for-test.ts';

describe('an embedded database that lost its last writes', () => {
  const { open, keepCopy, warnings } = useDataDirectory();

  it('is brought forward by its journal: every upload, key, record and deletion as it was', async () => {
    const putBack = await keepCopy();
    const database = await open();
    const core = openCore(database, { seed: 'notary journal' });
    const client = await NotaryPublisher.on(core, 'registry.example.com/notary/journal');
    const gone = await NotaryPublisher.on(core, 'registry.example.com/notary/gone');
    await client.create({ v1: 'one' });
    await gone.create();
    const next = await client.served('timestamp', 'rotate');
    await client.upload({ root: await client.root({ version: 2, timestamp: next }) });
    await client.upload({ targets: client.targets({ version: 2, tags: { v1: 'two', v2: 'new' } }) });
    await core.service.endNotary(creator, gone.repository);
    core.clock.nowMs += 0.6 * day;
    await core.service.renew();
    const expected = await contentOf(database);
    await database.close();

    await putBack();
    const again = await open();
    expect(warnings()).toEqual(['JOURNAL_REPLAYED']);
    expect(await contentOf(again)).toEqual(expected);
    const later = openCore(again, { seed: 'notary journal', clock: core.clock });
    const same = await NotaryPublisher.on(later, client.repository);
    await same.upload({ targets: same.targets({ version: 3 }) });
    const feed = await later.service.readChangefeed({}, { after: 0, count: 100 });
    expect(feed.map(({ id }) => id)).toEqual(feed.map((_, index) => index + 1));
    expect(await same.version('timestamp')).toBe(5);
  });
});

describe('names that lead nowhere', () => {
  let opened: EmbeddedForTest;
  beforeAll(async () => {
    opened = await openEmbeddedForTest();
  });
  afterAll(() => opened.close());

  it('displace no repository from memory, however many are asked for', async () => {
    const core = openCore(opened.database, { seed: 'notary names' });
    const client = await NotaryPublisher.on(core, 'registry.example.com/notary/known');
    await client.create();
    const cache = createMetadataCache({ database: opened.database, now: () => startMs, maxAbsent: 16 });
    const ask = (name: string) => cache.readNotary(`registry.example.com/notary/${name}`, { role: 'root' });
    expect(await ask('known')).toBeDefined();
    for (let index = 0; index < 40; index += 1) await ask(`unknown-${index}`);
    expect(ask('known')).not.toBeInstanceOf(Promise);
    expect(ask('unknown-39')).toBeUndefined();
    expect(ask('unknown-0')).toBeInstanceOf(Promise);
    await ask('unknown-0');
  });

  it('of roles and hashes are asked for in vain, and nothing is kept of them', async () => {
    const core = openCore(opened.database, { seed: 'notary roles' });
    const client = await NotaryPublisher.on(core, 'registry.example.com/notary/roles');
    await client.create();
    const { service } = core;
    for (const question of [
      { role: 'releases' },
      { role: '../targets' },
      { role: 'targets', sha256: '0'.repeat(64) },
      { role: 'targets', sha256: 'x' },
      { role: 'targets', sha256: '' },
      { role: 'targets', version: Number.MAX_SAFE_INTEGER },
      { role: 'targets', version: Number.NaN },
    ]) {
      expect(await service.readNotary(client.repository, question)).toBeUndefined();
    }
  });
});
