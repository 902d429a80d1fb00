/** PostgreSQL through postgres.js: a pool for drizzle alone, one connection for LISTEN, one to migrate. */

import { sql as statement } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { assertChannel } from './channel.ts';
import type { Database, Listener } from './database.ts';
import { fromDriver } from './driver-error.ts';
import { DatabaseError } from './errors.ts';
import { grantToServing } from './grants.ts';
import { applyMigrations, type MigrationTarget, pendingMigrations } from './migrate.ts';
import type { Migration } from './migrations.ts';
import { preparing } from './prepared-client.ts';
import type { Row } from './raw-query.ts';
import { runTransaction } from './transaction.ts';

/** What a deployment may tune. */
export interface PostgresOptions {
  /** Connections in the pool. Default 10. */
  readonly maxConnections?: number;
  /** A statement that runs longer ends in TIMEOUT. Default 30 s. */
  readonly statementTimeoutMs?: number;
}

const defaultConnections = 10;
const defaultStatementTimeoutMs = 30_000;
const connectTimeoutSeconds = 10;
/** Between attempts while the server is away; queries wait that long for their refusal, too. */
const reconnectPauseSeconds = 0.25;
const idleInTransactionTimeoutMs = 60_000;
const migrationLockTimeoutMs = 120_000;
const closeTimeoutSeconds = 5;
const leastServerVersion = 150_000; // UNIQUE NULLS NOT DISTINCT
/** pg_advisory_lock(int8): "vidimus" in ASCII. Held while one replica migrates. */
const migrationLock = '33329927238284659';

type Client = postgres.Sql;

/** Where the database is, and as whom. */
export interface PostgresSource {
  readonly url: string;
  /** The role that owns the schema and migrates it; the role of `url`, which serves, then needs to own nothing. */
  readonly migrateUrl?: string;
}

/** Connects, migrates under a lock, and returns the database. @throws DatabaseError */
export async function openPostgres(
  { url, migrateUrl }: PostgresSource,
  migrations: readonly Migration[],
  options: PostgresOptions = {},
): Promise<Database> {
  assertUrl(url);
  if (migrateUrl === undefined) await migratePostgres(url, migrations);
  else await migrateApart(url, migrateUrl, migrations);
  const pool = connect(url, options.maxConnections ?? defaultConnections, {
    statement_timeout: options.statementTimeoutMs ?? defaultStatementTimeoutMs,
    idle_in_transaction_session_timeout: idleInTransactionTimeoutMs,
  });
  // drizzle rewires the parsers of the client it is given, so nobody else may use this pool.
  const db = drizzle({ client: preparing(pool) });
  const listening = connect(url, 1, {});
  return {
    kind: 'postgres',
    db,
    transaction: (work, transactionOptions) =>
      runTransaction(db, work, { ...transactionOptions, isPipelined: true }),
    listen: (channel, listener) => listen(listening, channel, listener),
    ping: async () => {
      await db.execute(statement`select 1`).catch(rethrow);
    },
    close: async () => {
      await Promise.all([
        pool.end({ timeout: closeTimeoutSeconds }),
        listening.end({ timeout: closeTimeoutSeconds }),
      ]);
    },
  };
}

/** One role migrates and another one serves: what that one may do is granted anew at every start. */
async function migrateApart(
  url: string,
  migrateUrl: string,
  migrations: readonly Migration[],
): Promise<void> {
  assertUrl(migrateUrl);
  const serving = await whoIs(url);
  const migrating = await whoIs(migrateUrl);
  if (serving.database !== migrating.database) {
    throw new DatabaseError('URL_INVALID', {
      message: `DATABASE_URL and DATABASE_MIGRATE_URL name two databases, ${serving.database} and ${migrating.database}`,
      hint: 'they differ in user and password alone',
    });
  }
  await migratePostgres(migrateUrl, migrations, serving.role);
  // As the serving role: two servers with a database of one name would show here.
  await migratePostgres(url, migrations);
}

async function whoIs(url: string): Promise<{ readonly role: string; readonly database: string }> {
  const client = connect(url, 1, {});
  try {
    const [row] = await client`select current_user::text as role, current_database()::text as database`;
    return { role: String(row?.['role']), database: String(row?.['database']) };
  } catch (error) {
    throw fromDriver(error);
  } finally {
    await client.end({ timeout: closeTimeoutSeconds });
  }
}

/** @param serving the role that is given what it needs, where it is not the one that migrates */
async function migratePostgres(
  url: string,
  migrations: readonly Migration[],
  serving?: string,
): Promise<void> {
  const client = connect(url, 1, { lock_timeout: migrationLockTimeoutMs });
  try {
    await assertServer(client);
    const target = toTarget(client);
    const isCurrent = (await pendingMigrations(target, migrations)).length === 0;
    if (isCurrent && serving === undefined) return;
    // Replicas that start together wait here; the second finds nothing left to do.
    await client`select pg_advisory_lock(${migrationLock}::int8)`;
    await applyMigrations(target, migrations);
    if (serving !== undefined) await grantToServing(target, serving);
  } catch (error) {
    throw fromDriver(error);
  } finally {
    // Ending the session also releases the lock.
    await client.end({ timeout: closeTimeoutSeconds });
  }
}

async function assertServer(client: Client): Promise<void> {
  const [row] = await client`
    select current_setting('server_version_num')::int as version, current_setting('server_encoding') as encoding`;
  if (
    typeof row?.['version'] !== 'number' ||
    row['version'] < leastServerVersion ||
    row['encoding'] !== 'UTF8'
  ) {
    throw new DatabaseError('SERVER_UNSUITABLE', {
      message: `PostgreSQL ${row?.['version']} with encoding ${row?.['encoding']} will not do`,
      hint: 'use PostgreSQL 15 or newer and a database with encoding UTF8',
    });
  }
}

function connect(url: string, max: number, connection: Record<string, number>): Client {
  return postgres(url, {
    max,
    connect_timeout: connectTimeoutSeconds,
    // The default grows to 20 s, during which a server that is back would not be used.
    backoff: () => reconnectPauseSeconds,
    onnotice: () => undefined,
    connection: { application_name: 'vidimus', TimeZone: 'UTC', ...connection },
    types: {
      int8: { to: 20, from: [20], serialize: String, parse: toSafeInteger },
      bytea: { to: 17, from: [17], serialize: toByteaText, parse: fromByteaText },
    },
  });
}

async function listen(client: Client, channel: string, listener: Listener): Promise<() => Promise<void>> {
  assertChannel(channel);
  let established = false;
  const onListen = () => {
    if (established) listener.onGap?.();
    established = true;
  };
  const { unlisten } = await client.listen(channel, listener.onNotify, onListen).catch(rethrow);
  return async () => {
    await unlisten();
  };
}

function toTarget(client: postgres.Sql | postgres.TransactionSql): MigrationTarget {
  return {
    query: async (text, params = []): Promise<readonly Row[]> => await client.unsafe(text, [...params]),
    transaction: async (work) => {
      if (!('begin' in client))
        throw new DatabaseError('STATEMENT', { message: 'a migration is one transaction' });
      await client.begin(async (tx) => await work(toTarget(tx)));
    },
  };
}

function assertUrl(url: string): void {
  if (!URL.canParse(url) || !/^postgres(ql)?:$/.test(new URL(url).protocol)) {
    // The text may hold a password: it is not repeated.
    throw new DatabaseError('URL_INVALID', {
      message: 'the database URL cannot be read',
      hint: 'write postgres://user:password@host:5432/database',
    });
  }
}

function toSafeInteger(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new DatabaseError('STATEMENT', { message: `${text} is beyond 2^53 - 1` });
}

function toByteaText(bytes: Uint8Array): string {
  return `\\x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`;
}

function fromByteaText(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.slice(2), 'hex'));
}

function rethrow(error: unknown): never {
  throw fromDriver(error);
}
