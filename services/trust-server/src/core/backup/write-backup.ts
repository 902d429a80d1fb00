/** A backup of one moment: all rows as one transaction sees them, and the master keys that open the private ones. */
import { type Database, type Queries, queryRows } from '@vidimus/database';
import type { MasterKey } from '@vidimus/key-store';
import { type SQL, sql } from 'drizzle-orm';
import { printTime } from '../instants.ts';
import { backupFormat, backupVersion, createBackupWriter } from './backup-lines.ts';
import { type BackupTable, backupTables } from './backup-tables.ts';

/** The keys that wrap all others, as the service has them. */
export interface BackupMasters {
  readonly service: MasterKey;
  readonly root?: MasterKey;
}

export interface BackupParts {
  readonly database: Database;
  readonly masters: BackupMasters;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Takes the text piece by piece; the file around it encrypts it. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** Hears how many rows were written. */
  readonly progress?: (rows: number) => void;
}

/** What a backup holds, for the person who made it. */
export interface BackupContents {
  readonly at: string;
  readonly rows: Readonly<Record<string, number>>;
}

/** The service may go on meanwhile: what it publishes after the beginning is not in the backup. @throws DatabaseError */
export async function writeBackup(parts: BackupParts): Promise<BackupContents> {
  const at = printTime(parts.now());
  const writer = createBackupWriter();
  const rows: Record<string, number> = {};
  let count = 0;
  await parts.database.transaction(
    async (tx) => {
      const migrations = await countMigrations(tx);
      const masterKeys = printMasters(parts.masters);
      await parts.write(
        writer.head({ format: backupFormat, version: backupVersion, at, migrations, masterKeys }),
      );
      for (const table of backupTables) {
        rows[table.name] = 0;
        for await (const json of readRows(tx, table)) {
          await parts.write(writer.row({ table: table.name, json }));
          rows[table.name] = (rows[table.name] ?? 0) + 1;
          count += 1;
          if (count % 1_000 === 0) parts.progress?.(count);
        }
      }
      await parts.write(writer.end());
    },
    { isolation: 'repeatable read' },
  );
  return { at, rows };
}

/** How many migrations a database has. */
export async function countMigrations(queries: Queries): Promise<number> {
  const [row] = await queryRows(queries, sql`select count(*)::int as count from database_migrations`);
  return Number(row?.['count'] ?? 0);
}

async function* readRows(tx: Queries, table: BackupTable): AsyncGenerator<string> {
  const keys = table.keys.map(({ name }) => sql.identifier(name));
  const printed = table.keys.map(
    ({ name }, at) => sql`${sql.identifier(name)}::text as ${sql.identifier(`k${at}`)}`,
  );
  let after: readonly string[] | undefined;
  for (;;) {
    const rows = await queryRows(
      tx,
      sql`select row_to_json(t)::text as row, ${list(printed)} from ${sql.identifier(table.name)} t
        ${after === undefined ? sql`` : sql`where (${list(keys)}) > (${list(bounds(table, after))})`}
        order by ${list(keys)} limit ${sql.raw(String(table.rowsAtOnce))}`,
    );
    for (const { row } of rows) yield String(row);
    const last = rows.at(-1);
    if (last === undefined || rows.length < table.rowsAtOnce) return;
    after = table.keys.map((_, at) => String(last[`k${at}`]));
  }
}

/** Where the next page begins, typed as the columns are. */
function bounds({ keys }: BackupTable, after: readonly string[]): readonly SQL[] {
  return keys.map(({ type }, at) => sql`${after[at] ?? ''}::text::${sql.raw(type)}`);
}

function list(parts: readonly SQLPart[]): SQL {
  return sql.join([...parts], sql`, `);
}

type SQLPart = Parameters<typeof sql.join>[0][number];

function printMasters({ service, root }: BackupMasters) {
  return { service: printMaster(service), ...(root === undefined ? {} : { root: printMaster(root) }) };
}

function printMaster({ key, fingerprint }: MasterKey) {
  return { key: key.export().toString('base64'), fingerprint };
}
