/** Reads the migrations that `npm run db:generate` wrote: `meta/_journal.json` and one SQL file each. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DatabaseError } from './errors.ts';

/** One step of the schema; `position` counts from 1. */
export interface Migration {
  readonly position: number;
  readonly name: string;
  /** Of the SQL file, hex: an applied migration must never change. */
  readonly sha256: string;
  readonly statements: readonly string[];
}

const breakpoint = '--> statement-breakpoint';
const maxLevelsUp = 4;

/** All migrations in order. @throws DatabaseError MIGRATION_FAILED when the folder is not complete */
export async function readMigrations(folder: string = findMigrationsFolder()): Promise<readonly Migration[]> {
  const names = namesIn(await readMigrationFile(join(folder, 'meta', '_journal.json')));
  return await Promise.all(names.map((name, index) => readMigration(folder, name, index + 1)));
}

/** `migrations/` stands at the top of the sources and of the bundled program. */
function findMigrationsFolder(): string {
  let level = dirname(fileURLToPath(import.meta.url));
  for (let up = 0; up <= maxLevelsUp; up += 1) {
    const folder = join(level, 'migrations');
    if (existsSync(join(folder, 'meta', '_journal.json'))) return folder;
    level = dirname(level);
  }
  throw new DatabaseError('MIGRATION_FAILED', {
    message: 'the folder migrations/ was not found beside the program',
  });
}

async function readMigration(folder: string, name: string, position: number): Promise<Migration> {
  const text = await readMigrationFile(join(folder, `${name}.sql`));
  const statements = text.split(breakpoint).map((statement) => statement.trim());
  const sha256 = createHash('sha256').update(text).digest('hex');
  return { position, name, sha256, statements: statements.filter((statement) => statement !== '') };
}

async function readMigrationFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new DatabaseError(
      'MIGRATION_FAILED',
      { message: `cannot read the migration file ${path}` },
      { cause },
    );
  }
}

function namesIn(journalText: string): readonly string[] {
  const journal: unknown = JSON.parse(journalText);
  const entries: unknown =
    typeof journal === 'object' && journal !== null ? Reflect.get(journal, 'entries') : undefined;
  if (!Array.isArray(entries)) throw unreadableJournal();
  return entries.map((entry: unknown, index) => {
    const tag: unknown = typeof entry === 'object' && entry !== null ? Reflect.get(entry, 'tag') : undefined;
    const number: unknown =
      typeof entry === 'object' && entry !== null ? Reflect.get(entry, 'idx') : undefined;
    if (typeof tag !== 'string' || !/^[0-9a-z_-]+$/.test(tag) || number !== index) throw unreadableJournal();
    return tag;
  });
}

function unreadableJournal(): DatabaseError {
  return new DatabaseError('MIGRATION_FAILED', {
    message: 'migrations/meta/_journal.json is not as drizzle-kit writes it',
  });
}
