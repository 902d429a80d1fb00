/** How much a publish asks of PostgreSQL: each statement is work for both, each answer waited for is time. */
import { type Database, openDatabase } from '@vidimus/database';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPostgresForTest } from '../../../support/each-database.ts';
import { type PostgresRelay, startPostgresRelay } from '../../../support/postgres-relay.ts';
import { call, managed, openCore, tagOf } from './core-for-test.ts';
import { NotaryPublisher } from './notary-publisher-for-test.ts';

let opened: Awaited<ReturnType<typeof openPostgresForTest>>;
let relay: PostgresRelay;
let database: Database;
beforeAll(async () => {
  opened = await openPostgresForTest();
  relay = await startPostgresRelay(opened.url);
  database = await openDatabase({ url: relay.url }, { postgres: { maxConnections: 1 } });
});
afterAll(async () => {
  await database.close();
  await relay.close();
  await opened.close();
});

/** What was executed, each statement by its verb and the table that tells it apart. */
function statements(): readonly string[] {
  return relay.executed.map((text) => {
    const [verb = ''] = text.trim().split(/\s/);
    const [table = ''] = /trust_\w+/.exec(text.replaceAll('trust_next_change', '')) ?? [];
    return `${verb} ${table}`.trim();
  });
}

describe('a publish on PostgreSQL', () => {
  it('of an upload is six statements, the last three in one go with COMMIT', async () => {
    const client = await NotaryPublisher.on(openCore(database), 'registry.example.com/statements/notary');
    const upload = (version: number): Promise<void> =>
      client.upload({ targets: client.targets({ version, tags: { v1: 'one' } }) });
    await client.create({ v1: 'one' });
    await upload(2);
    relay.forget();
    relay.holdAnswers('insert into trust_metadata', 'commit');
    await upload(3);
    expect(statements()).toEqual([
      'begin',
      'select trust_repositories',
      'select trust_heads',
      'with trust_metadata',
      'insert trust_changefeed',
      'commit',
    ]);
  });

  it('of a tag is seven', async () => {
    const { service } = openCore(database);
    const repository = 'registry.example.com/statements/tuf';
    await service.createRepository(call, repository, managed);
    for (const content of ['one', 'two']) await service.putTag(call, repository, 'a', tagOf(content));
    relay.forget();
    relay.holdAnswers('insert into trust_metadata', 'commit');
    await service.putTag(call, repository, 'a', tagOf('three'));
    expect(statements()).toEqual([
      'begin',
      'select trust_repositories',
      'select trust_heads',
      'select trust_tags',
      'with trust_metadata',
      'insert trust_tags',
      'commit',
    ]);
  });
});
