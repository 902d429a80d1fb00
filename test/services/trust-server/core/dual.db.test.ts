/** On PostgreSQL, too: what a repository in both dialects promises holds on every kind of database, and for replicas. */
import { openDatabase } from '@vidimus/database';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeEachDatabase, openPostgresForTest } from '../../../support/each-database.ts';
import { call, codeOf, managed, openCore, tagOf } from './core-for-test.ts';
import { dualAddSuite } from './dual-add-suite.ts';
import { dualCreateSuite } from './dual-create-suite.ts';
import { dualEditSuite } from './dual-edit-suite.ts';
import { BothReaders } from './dual-for-test.ts';
import { dualMirrorSuite } from './dual-mirror-suite.ts';

describeEachDatabase('creation in both dialects', dualCreateSuite);
describeEachDatabase('edits in both dialects', dualEditSuite);
describeEachDatabase('adding a dialect', dualAddSuite);
describeEachDatabase('mirroring', dualMirrorSuite);

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

  it('sign tags while a dialect is added, and both dialects have all of them', async () => {
    const one = openCore(opened.database, { seed: 'one' });
    const two = openCore(second, { seed: 'two', clock: one.clock });
    const repository = 'registry.example.com/dual-replicas/added';
    await one.service.createRepository(call, repository, managed);
    const edits = Array.from({ length: 120 }, (_, index) => {
      const { service } = index % 2 === 0 ? one : two;
      return codeOf(service.putTag(call, repository, `t${index}`, tagOf(`${index}`)));
    });
    const added = [one, two].map(({ service }) =>
      codeOf(service.addDialects(call, repository, { dialects: ['tuf', 'notary'] })),
    );
    expect(new Set(await Promise.all([...edits, ...added]))).toEqual(new Set(['none']));
    for (const core of [one, two]) {
      core.clock.nowMs += 1_000;
      const readers = await BothReaders.open(core, repository);
      expect(Object.keys(await readers.tags())).toHaveLength(120);
    }
    const { items } = await one.service.readAudit({ repository }, { limit: 500 });
    expect(items.filter(({ action }) => action === 'repository.dialects')).toHaveLength(1);
  });
});
