/**
 * Brings a database to the schema of this program, one migration a transaction, and refuses what it does not know.
 * drizzle's own migrator orders by time, skips silently and takes no lock; this one keeps (position, name, sha256).
 */

import { fromDriver } from './driver-error.ts';
import { DatabaseError } from './errors.ts';
import type { Migration } from './migrations.ts';
import type { Row } from './raw-query.ts';

/** A connection that nobody else uses while it migrates. */
export interface MigrationTarget {
  query(statement: string, params?: readonly (string | number)[]): Promise<readonly Row[]>;
  transaction(work: (target: MigrationTarget) => Promise<void>): Promise<void>;
}

/**
 * The migrations still to be applied.
 * @throws DatabaseError NEWER_SCHEMA, MIGRATION_CHANGED
 */
export async function pendingMigrations(
  target: MigrationTarget,
  migrations: readonly Migration[],
): Promise<readonly Migration[]> {
  const applied = await readApplied(target);
  for (const [index, row] of applied.entries()) assertKnown(row, migrations[index]);
  return migrations.slice(applied.length);
}

/**
 * Applies what is pending, up to `count` migrations. The caller holds the lock that keeps other processes away.
 * @throws DatabaseError NEWER_SCHEMA, MIGRATION_CHANGED, MIGRATION_FAILED
 */
export async function applyMigrations(
  target: MigrationTarget,
  migrations: readonly Migration[],
  count: number = migrations.length,
): Promise<void> {
  for (const migration of await pendingMigrations(target, migrations)) {
    if (migration.position <= count) await apply(target, migration);
  }
}

async function apply(target: MigrationTarget, migration: Migration): Promise<void> {
  try {
    await target.transaction(async (tx) => {
      await tx.query(
        `create table if not exists database_migrations
           (position integer primary key, name text not null unique, sha256 text not null)`,
      );
      for (const statement of migration.statements) await tx.query(statement);
      await tx.query('insert into database_migrations (position, name, sha256) values ($1, $2, $3)', [
        migration.position,
        migration.name,
        migration.sha256,
      ]);
    });
  } catch (error) {
    const cause = fromDriver(error);
    if (cause.code === 'UNAVAILABLE' || cause.code === 'DISK_FULL') throw cause;
    throw new DatabaseError(
      'MIGRATION_FAILED',
      { message: `migration ${migration.name} failed: ${cause.message}`, hint: 'nothing of it was applied' },
      { cause },
    );
  }
}

async function readApplied(target: MigrationTarget): Promise<readonly Row[]> {
  const [found] = await target.query(`select to_regclass('database_migrations') is not null as found`);
  if (found?.['found'] !== true) return [];
  return await target.query('select position, name, sha256 from database_migrations order by position');
}

function assertKnown(row: Row, known: Migration | undefined): void {
  const name = String(row['name']);
  if (known === undefined) {
    throw new DatabaseError('NEWER_SCHEMA', {
      message: `the database has migration ${name}, which this program does not know`,
      hint: 'a newer version of the program has been here: start that version',
    });
  }
  if (row['position'] !== known.position || name !== known.name || row['sha256'] !== known.sha256) {
    throw new DatabaseError('MIGRATION_CHANGED', {
      message: `migration ${name} of the database is not ${known.name} of this program`,
      hint: 'an applied migration must not be edited: restore the file, or use the program that applied it',
    });
  }
}
