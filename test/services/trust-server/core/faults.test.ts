/** What fails around a publish must leave all of it or nothing, and tell the caller which. */
import { type Database, DatabaseError } from '@vidimus/database';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMetadataCache } from '../../../../services/trust-server/src/core/read/metadata-cache.ts';
import { type EmbeddedForTest, openEmbeddedForTest } from '../../../support/database-embedded.ts';
import { Client, call, codeOf, digestOf, managed, openCore, startMs, tagOf } from './core-for-test.ts';

type Fault = 'none' | 'unreachable' | 'commit lost' | 'timeout';

/** The real database, with a fault in the way when the test says so. */
function withFaults(database: Database): { readonly database: Database; fault: Fault } {
  const unavailable = () => new DatabaseError('UNAVAILABLE', { message: 'down' });
  const state: { fault: Fault } = { fault: 'none' };
  const faulty: Database = {
    kind: database.kind,
    get db() {
      if (state.fault === 'unreachable') throw unavailable();
      return database.db;
    },
    transaction: async <T>(...[work, options]: Parameters<typeof database.transaction<T>>): Promise<T> => {
      if (state.fault === 'unreachable') throw unavailable();
      if (state.fault === 'timeout') throw new DatabaseError('TIMEOUT', { message: 'slow' });
      return await database.transaction(async (tx) => {
        const done = await work(tx);
        if (state.fault === 'commit lost') throw unavailable();
        return done;
      }, options);
    },
    listen: (channel, listener) => database.listen(channel, listener),
    ping: () => (state.fault === 'unreachable' ? Promise.reject(unavailable()) : database.ping()),
    close: () => database.close(),
  };
  return Object.assign(state, { database: faulty });
}

describe('a publish that fails', () => {
  let opened: EmbeddedForTest;
  beforeAll(async () => {
    opened = await openEmbeddedForTest();
  });
  afterAll(() => opened.close());

  const make = async (name: string) => {
    const faults = withFaults(opened.database);
    const core = openCore(faults.database, { seed: 'faults' });
    const repository = `registry.example.com/faults/${name}`;
    await core.service.createRepository(call, repository, managed);
    const client = await new Client(core, repository).pin();
    return { ...core, repository, client, faults };
  };

  it.each([
    ['unreachable', 'DATABASE_UNAVAILABLE'],
    ['commit lost', 'DATABASE_UNAVAILABLE'],
    ['timeout', 'BUSY'],
  ] as const)(
    'because the database is %s changes nothing, and everybody who waits is told',
    async (fault, code) => {
      const { service, repository, client, faults } = await make(fault.replace(' ', '-'));
      faults.fault = fault;
      const edits = ['a', 'b', 'c'].map((tag) => codeOf(service.putTag(call, repository, tag, tagOf(tag))));
      expect(await Promise.all(edits)).toEqual([code, code, code]);
      faults.fault = 'none';
      expect(await client.targets()).toEqual({});
      await service.putTag(call, repository, 'd', tagOf('d'));
      expect(await client.targets()).toEqual({ d: digestOf('d') });
      const { versions } = await service.readRepository(repository);
      expect(versions).toMatchObject({ targets: 2, snapshot: 2, timestamp: 2 });
      expect((await service.readAudit({ repository }, { limit: 10 })).items).toHaveLength(2);
    },
  );

  it('because a key cannot be opened changes nothing', async () => {
    const { service, repository, client, keyStore } = await make('key');
    keyStore.forgetAll();
    const other = openCore(opened.database, { seed: 'faults' });
    await other.service.putTag(call, repository, 'before', tagOf('before'));
    const locked = openCore(opened.database, { seed: 'faults', master: 'another master key' });
    expect(await codeOf(locked.service.putTag(call, repository, 'a', tagOf('a')))).toBe('SIGNER_UNAVAILABLE');
    expect((await service.readRepository(repository)).versions['targets']).toBe(2);
    await service.putTag(call, repository, 'b', tagOf('b'));
    expect(Object.keys(await client.targets())).toEqual(['before', 'b'].sort());
  });

  it('does not keep reads from being answered from memory', async () => {
    const { service, repository, faults, clock, heard } = await make('reads');
    const before = await service.readMetadata(repository, { role: 'timestamp' });
    faults.fault = 'unreachable';
    clock.nowMs += 5_000;
    expect(await service.readMetadata(repository, { role: 'timestamp' })).toBe(before);
    expect(heard).toEqual(['stale']);
    expect(
      await codeOf(Promise.resolve(service.readMetadata('registry.example.com/x', { role: 'timestamp' }))),
    ).toBe('DATABASE_UNAVAILABLE');
    expect((await service.readiness()).checks['database']).toBe('unavailable');
    faults.fault = 'none';
  });

  it('in the background is tried again by the next round', async () => {
    const { service, repository, faults, clock, heard } = await make('round');
    clock.nowMs += 0.6 * 86_400_000;
    faults.fault = 'commit lost';
    expect((await service.renew()).renewed).toBe(0);
    expect(heard.some((line) => line.startsWith(`failed ${repository} `))).toBe(true);
    faults.fault = 'unreachable';
    expect(await codeOf(service.renew())).toBe('DATABASE_UNAVAILABLE');
    faults.fault = 'none';
    await service.renew();
    expect((await service.readRepository(repository)).versions['timestamp']).toBe(2);
  });
});

describe('a read while the database is down', () => {
  let opened: EmbeddedForTest;
  beforeAll(async () => {
    opened = await openEmbeddedForTest();
  });
  afterAll(() => opened.close());

  it('is answered from memory, also when something newer was announced or announcements were missed', async () => {
    const core = openCore(opened.database, { seed: 'reads' });
    const repository = 'registry.example.com/faults/reads';
    await core.service.createRepository(call, repository, managed);
    const faults = withFaults(opened.database);
    const cache = createMetadataCache({ database: faults.database, now: () => startMs });
    const timestamp = async () => (await cache.read(repository, { role: 'timestamp' }))?.sha256;
    const first = await timestamp();
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    await core.service.putTag(call, repository, 'a', tagOf('a'));

    faults.fault = 'unreachable';
    cache.announced({ repository, incarnation: 1, versions: { tuf: 2 } });
    expect(await timestamp()).toBe(first);
    cache.forget();
    expect(await timestamp()).toBe(first);

    faults.fault = 'none';
    cache.forget();
    expect(await timestamp()).not.toBe(first);
    // The end of a repository leaves nothing to serve.
    cache.announced({ repository, incarnation: 1, versions: {} });
    faults.fault = 'unreachable';
    expect(await codeOf(timestamp())).toBe('DATABASE_UNAVAILABLE');
  });

  it('forgets any number of repositories', async () => {
    const cache = createMetadataCache({ database: opened.database, now: () => startMs });
    const read = (name: string) => cache.read(`registry.example.com/forget/${name}`, { role: 'timestamp' });
    for (const name of ['a', 'b', 'c']) expect(await read(name)).toBeUndefined();
    expect(read('c')).toBeUndefined();
    cache.forget();
    for (const name of ['a', 'b', 'c']) expect(read(name)).toBeInstanceOf(Promise);
  });

  it('asks again after an answer that was overtaken on its way', async () => {
    const core = openCore(opened.database, { seed: 'overtaken' });
    const repository = 'registry.example.com/faults/overtaken';
    const cache = createMetadataCache({ database: opened.database, now: () => startMs });
    const read = () => cache.read(repository, { role: 'timestamp' });
    const before = read();
    // Another replica creates it, after our question and before its answer.
    cache.announced({ repository, incarnation: 1, versions: { tuf: 1 } });
    expect(await before).toBeUndefined();
    await core.service.createRepository(call, repository, managed);
    expect(await read()).toBeDefined();
  });
});
