/** One role migrates, another one serves: what that one cannot do, on a real PostgreSQL. */
import {
  openDatabase,
  SERVING_GRANTS,
  trustEvents,
  trustMetadata,
  trustRepositories,
} from '@vidimus/database';
import { sql } from 'drizzle-orm';
import postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type PostgresServer, type RoleUrls, startPostgres } from '../../support/postgres-server.ts';
import { sampleEvent, sampleMetadata, sampleRepository } from './sample-rows.ts';

let server: PostgresServer;

/** A database with an owner and a serving role of its own. */
interface Site extends RoleUrls {
  readonly owner: string;
  readonly serving: string;
}

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(async () => {
  await server.stop();
});

async function administer(url: string, ...statements: readonly string[]): Promise<readonly postgres.Row[]> {
  const client = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    let rows: readonly postgres.Row[] = [];
    for (const statement of statements) rows = await client.unsafe(statement);
    return rows;
  } finally {
    await client.end();
  }
}

async function makeSite(): Promise<Site> {
  const urls = await server.createRoles();
  return { ...urls, owner: new URL(urls.migrateUrl).username, serving: new URL(urls.url).username };
}

describe('a database with a serving role of its own', () => {
  let site: Site;
  beforeAll(async () => {
    site = await makeSite();
    const database = await openDatabase({ url: site.url, migrateUrl: site.migrateUrl });
    await database.db.insert(trustRepositories).values(sampleRepository('r.io/a'));
    await database.db.insert(trustMetadata).values(sampleMetadata('r.io/a', 'root', 1));
    await database.db.insert(trustEvents).values(sampleEvent('r.io/a', 1));
    await database.close();
  });

  it('says of every table what the serving role may do', async () => {
    const rows = await administer(
      site.superuser,
      "select tablename from pg_tables where schemaname = 'public'",
    );
    expect(rows.map(({ tablename }) => tablename).sort()).toEqual(Object.keys(SERVING_GRANTS).sort());
  });

  it('lets the serving role own nothing', async () => {
    const rows = await administer(
      site.superuser,
      `select c.relname from pg_class c join pg_roles r on r.oid = c.relowner where r.rolname = '${site.serving}'`,
    );
    expect(rows).toEqual([]);
  });

  it.each([
    "update trust_events set actor = 'nobody'",
    'delete from trust_events',
    'truncate trust_events cascade',
    'drop table trust_events cascade',
    'alter table trust_events disable trigger all',
    'alter table trust_events disable trigger trust_events_append_only',
    'drop trigger trust_events_append_only on trust_events',
    'alter table trust_events drop constraint trust_events_chain',
    'alter table trust_events rename to gone',
    "set session_replication_role = 'replica'",
    "create or replace function trust_refuse_change() returns trigger language plpgsql as 'begin return new; end'",
    'update trust_event_tags set tag = tag',
    'delete from trust_event_roles',
    'update trust_metadata set bytes = bytes',
    'delete from trust_metadata',
    'delete from trust_repositories',
    'delete from trust_heads',
    'insert into database_migrations (position, name, sha256) values (99, $$x$$, $$x$$)',
    'create schema mine',
    'create table public.mine (a int)',
  ])('keeps the serving role from: %s', async (statement) => {
    await expect(administer(site.url, statement)).rejects.toMatchObject({ code: '42501' });
    const [row] = await administer(site.superuser, 'select actor from trust_events');
    expect(row).toMatchObject({ actor: 'ci' });
  });

  it('keeps even the owner from changing an event while the trigger is there', async () => {
    await expect(
      administer(site.migrateUrl, "update trust_events set actor = 'nobody'"),
    ).rejects.toMatchObject({
      constraint_name: 'trust_events_append_only',
    });
  });

  it('is served without the owner as long as nothing is left to migrate', async () => {
    const database = await openDatabase({ url: site.url });
    await database.transaction(async (tx) => {
      await tx.execute(sql`select * from trust_repositories for update`);
    });
    await database.close();
  });

  it('takes back, at the next start, what was granted by hand', async () => {
    await administer(site.migrateUrl, `grant update on trust_events to ${site.serving}`);
    await (await openDatabase({ url: site.url, migrateUrl: site.migrateUrl })).close();
    await expect(administer(site.url, "update trust_events set actor = 'nobody'")).rejects.toMatchObject({
      code: '42501',
    });
  });
});

describe('a serving role that could get around its grants', () => {
  let site: Site;
  beforeEach(async () => {
    site = await makeSite();
  });

  const refused = { code: 'SERVER_UNSUITABLE' };
  const open = () => openDatabase({ url: site.url, migrateUrl: site.migrateUrl });

  it('is refused when it is the one that migrates', async () => {
    await expect(openDatabase({ url: site.migrateUrl, migrateUrl: site.migrateUrl })).rejects.toMatchObject(
      refused,
    );
  });

  it('is refused when it is a superuser', async () => {
    await administer(site.superuser, `alter role ${site.serving} superuser`);
    await expect(open()).rejects.toMatchObject(refused);
  });

  it('is refused when it may become the owner', async () => {
    await administer(site.superuser, `grant ${site.owner} to ${site.serving}`);
    await expect(open()).rejects.toMatchObject(refused);
  });

  it('is refused when it may create schemas, whose tables would stand before ours', async () => {
    const name = new URL(site.superuser).pathname.slice(1);
    await administer(site.superuser, `grant create on database ${name} to ${site.serving}`);
    await expect(open()).rejects.toMatchObject(refused);
  });

  it('is refused when it still owns the tables of before, until they are handed over', async () => {
    const { superuser, serving, owner } = site;
    const name = new URL(superuser).pathname.slice(1);
    await administer(superuser, `alter database ${name} owner to ${serving}`);
    await (await openDatabase({ url: site.url })).close();
    await administer(superuser, `alter database ${name} owner to ${owner}`);
    await administer(superuser, `grant select on all tables in schema public to ${owner}`);
    await expect(open()).rejects.toMatchObject(refused);
    await administer(superuser, `reassign owned by ${serving} to ${owner}`);
    await (await open()).close();
  });

  it('is refused when the two URLs name two databases', async () => {
    const other = await makeSite();
    const outcome = openDatabase({ url: site.url, migrateUrl: other.migrateUrl });
    await expect(outcome).rejects.toMatchObject({ code: 'URL_INVALID' });
  });
});
