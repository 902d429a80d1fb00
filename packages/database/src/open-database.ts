/** Opens either kind of database, migrated and ready. */
import type { Database, DatabaseWarning } from './database.ts';
import { openEmbedded } from './embedded/open-embedded.ts';
import { readMigrations } from './migrations.ts';
import { openPostgres, type PostgresOptions, type PostgresSource } from './postgres.ts';

/** Which database: PostgreSQL by its URL, or a data directory for the embedded one. */
export type DatabaseSource = PostgresSource | { readonly directory: string };

/** How to open it. */
export interface OpenDatabaseOptions {
  /** Hears what does not stop the start but that an operator should read. */
  readonly warn?: (warning: DatabaseWarning) => void;
  readonly postgres?: PostgresOptions;
  /** Default: `migrations/` beside the program. */
  readonly migrationsFolder?: string;
}

/** Connects (or locks and starts the embedded database), migrates, and returns the database. @throws DatabaseError */
export async function openDatabase(
  source: DatabaseSource,
  options: OpenDatabaseOptions = {},
): Promise<Database> {
  const migrations = await readMigrations(options.migrationsFolder);
  if ('url' in source) return await openPostgres(source, migrations, options.postgres);
  return await openEmbedded(source.directory, { migrations, warn: options.warn ?? (() => undefined) });
}
