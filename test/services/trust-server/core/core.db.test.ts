/** Several replicas on one PostgreSQL: the row lock decides, whatever the processes believe. */

import { sha256Hex } from '@vidimus/crypto';
import { openDatabase } from '@vidimus/database';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeEachDatabase, openPostgresForTest } from '../../../support/each-database.ts';
import { changeSuite } from './change-suite.ts';
import { Client, call, codeOf, managed, openCore, tagOf } from './core-for-test.ts';
import { freshnessSuite } from './freshness-suite.ts';
import { publishSuite } from './publish-suite.ts';

describeEachDatabase('publishing', publishSuite);
describeEachDatabase('changes', changeSuite);
describeEachDatabase('freshness, reads and audit', freshnessSuite);

describe('two replicas on one PostgreSQL', () => {
  let opened: Awaited<ReturnType<typeof openPostgresForTest>>;
  let second: Awaited<ReturnType<typeof openDatabase>>;
  beforeAll(async () => {
    opened = await openPostgresForTest();
    second = await openDatabase({ url: opened.url });
  });
  afterAll(async () => {
    await second.close();
    await opened.close();
  });
  const replicas = () => {
    const one = openCore(opened.database, { seed: 'one' });
    return { one, two: openCore(second, { seed: 'two', clock: one.clock }) };
  };

  it('carry out every intent, with no version left out or used twice', async () => {
    const { one, two } = replicas();
    const repository = 'registry.example.com/replicas/intents';
    await one.service.createRepository(call, repository, managed);
    const edits = Array.from({ length: 200 }, (_, index) => {
      const { service } = index % 2 === 0 ? one : two;
      return codeOf(service.putTag(call, repository, `t${index}`, tagOf(`${index}`)));
    });
    expect(new Set(await Promise.all(edits))).toEqual(new Set(['none']));
    for (const core of [one, two]) {
      core.clock.nowMs += 1_000;
      const client = await new Client(core, repository).pin();
      expect(Object.keys(await client.targets())).toHaveLength(200);
    }
    const { versions } = await one.service.readRepository(repository);
    for (let version = 1; version <= (versions['targets'] ?? 0); version += 1) {
      expect(await two.service.readMetadata(repository, { role: 'targets', version })).toBeDefined();
    }
    expect(versions['targets']).toBe(versions['timestamp']);
  });

  it('let one of two edits on the same base win', async () => {
    const { one, two } = replicas();
    const repository = 'registry.example.com/replicas/base';
    await one.service.createRepository(call, repository, managed);
    const at = { ...call, ifMatch: { role: 'targets', version: 1 } };
    const codes = await Promise.all([
      codeOf(one.service.putTag(at, repository, 'a', tagOf('a'))),
      codeOf(two.service.putTag(at, repository, 'b', tagOf('b'))),
    ]);
    expect(codes.sort()).toEqual(['VERSION_CONFLICT', 'none']);
  });

  it('create a repository once', async () => {
    const { one, two } = replicas();
    const repository = 'registry.example.com/replicas/create';
    const outcomes = await Promise.all(
      [one, two, one, two].map(({ service }) => service.createRepository(call, repository, managed)),
    );
    const created = outcomes.filter((outcome) => outcome.outcome === 'done' && outcome.created);
    expect(created).toHaveLength(1);
  });

  it('renew everything that is due once between them', async () => {
    const { one, two } = replicas();
    const names = Array.from({ length: 12 }, (_, index) => `registry.example.com/replicas/renew-${index}`);
    for (const name of names) await one.service.createRepository(call, name, managed);
    one.clock.nowMs += 0.6 * 86_400_000;
    await Promise.all([one.service.renew(), two.service.renew()]);
    for (const name of names) expect((await two.service.readRepository(name)).versions['timestamp']).toBe(2);
  });

  it('sign nothing that somebody wrote into the database without a key', async () => {
    const { one, two } = replicas();
    const repository = 'registry.example.com/replicas/tampered';
    await one.service.createRepository(call, repository, managed);
    await one.service.putTag(call, repository, 'good', tagOf('good'));
    const file = await one.service.readMetadata(repository, { role: 'targets', version: 2 });
    const forged = Buffer.from(
      new TextDecoder()
        .decode(file?.bytes)
        .replaceAll(tagOf('good').digest.slice(7), tagOf('evil').digest.slice(7)),
    );
    const owner = postgres(opened.url, { max: 1, onnotice: () => undefined });
    try {
      await owner`alter table trust_metadata disable trigger user`;
      await owner`update trust_metadata set bytes = ${forged}, sha256 = ${sha256Hex(forged)}
        where repository = ${repository} and role = 'targets' and version = 2`;
      await owner`update trust_heads set sha256 = ${sha256Hex(forged)}
        where repository = ${repository} and role = 'targets'`;
      await owner`alter table trust_metadata enable trigger user`;
    } finally {
      await owner.end();
    }
    expect(await codeOf(two.service.putTag(call, repository, 'other', tagOf('other')))).toBe('INTERNAL');
    expect(await codeOf(one.service.putTag(call, repository, 'other', tagOf('other')))).toBe('INTERNAL');
    expect(await two.service.readMetadata(repository, { role: 'targets', version: 3 })).toBeUndefined();
  });
});
