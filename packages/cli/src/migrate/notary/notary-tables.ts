/**
 * The tables of notary-server and notary-signer 0.7: what is asked of them, and what an answer must look like.
 * Every statement has a bound of its own; a row that does not fit is told apart, never guessed at.
 * @see theupdateframework/notary, migrations/server and migrations/signer
 */
import { z } from 'zod';
import type { SourceReader, SourceRow } from './source-database.ts';

/** Each page is a walk over an index of the whole table. */
const namesPerPage = 10_000;
const changesPerPage = 1_000;
/** Versions of one repository: at three a publish, some 160,000 publishes. */
export const MAX_VERSIONS = 500_000;
/** Largest document that is read at all. */
export const MAX_DOCUMENT_BYTES = 64 * 1024 * 1024;
/** A JWE of the largest key there is (RSA 8192) has 8 KiB. */
const maxSealedBytes = 64 * 1024;
/** Keys that are asked for at once: timestamp and snapshot of one root. */
const maxKeysAsked = 64;

/** A stored version, without its bytes. */
export interface VersionRow {
  readonly id: number;
  readonly role: string;
  readonly version: number;
  /** As the column has it; null in databases that were never migrated. */
  readonly sha256: string | null;
  readonly length: number;
  readonly createdAtMs: number | null;
}

export interface ChangeRow {
  readonly id: number;
  readonly createdAtMs: number | null;
  readonly version: number;
  readonly sha256: string | null;
  readonly category: string;
}

export interface SealedKeyRow {
  readonly keyId: string;
  readonly encryption: string;
  readonly keywrap: string;
  readonly algorithm: string;
  readonly alias: string;
  /** For whom the signer made it; empty in rows of its first versions. */
  readonly gun: string;
  readonly role: string;
  /** The JWE; null when it is longer than any key could be. */
  readonly sealed: string | null;
}

const whole = z.coerce.number().refine(Number.isSafeInteger);
const instant = z.coerce.number().refine(Number.isFinite).nullable();
const text = z.string();
/** char(64) is padded with blanks. */
const hash = z
  .string()
  .transform((value) => value.trimEnd())
  .nullable();

const nameSchema = z.object({ gun: text, first: whole });
const versionSchema = z.object({
  id: whole,
  role: text,
  version: whole,
  sha256: hash,
  length: whole,
  created_ms: instant,
});
const changeSchema = z.object({
  id: whole,
  created_ms: instant,
  version: whole,
  sha256: hash,
  category: text,
});
const keySchema = z.object({
  key_id: text,
  encryption_alg: text,
  keywrap_alg: text,
  algorithm: text,
  passphrase_alias: text,
  gun: text,
  role: text,
  sealed: z.union([text, z.instanceof(Uint8Array)]).nullable(),
});

/** A repository, and the id of its first row. */
export interface NameRow {
  readonly gun: string;
  readonly first: number;
}

/** The next repository names (GUNs) in the order in which they came to be; of deleted ones there is none. */
export async function readNames(reader: SourceReader, after: number): Promise<readonly NameRow[]> {
  // Case matters to Notary, but not to the collation that MySQL's tables usually have.
  const name = exactName(reader);
  const rows = await reader.query(
    `select gun, first from (select ${name} as gun, min(id) as first from tuf_files where deleted_at is null
     group by ${name}) names where first > ? order by first limit ${namesPerPage}`,
    [after],
  );
  return rows.map((row) => nameSchema.parse({ ...row, gun: asText(row['gun']) }));
}

/** Rows that are no versions: what a program other than Notary wrote. */
export interface VersionList {
  readonly versions: readonly VersionRow[];
  readonly unreadable: number;
  /** There are more than `MAX_VERSIONS`. */
  readonly tooMany: boolean;
}

/** Every stored version of a repository. */
export async function listVersions(reader: SourceReader, gun: string): Promise<VersionList> {
  const rows = await reader.query(
    `select id, role, version, sha256, octet_length(data) as length, ${milliseconds(reader)} as created_ms
     from tuf_files where gun = ? and ${exactName(reader)} = ? and deleted_at is null
     order by id limit ${MAX_VERSIONS + 1}`,
    [gun, gun],
  );
  const versions: VersionRow[] = [];
  for (const row of rows) {
    const { success, data } = versionSchema.safeParse(row);
    if (!success) continue;
    const { created_ms: createdAtMs, ...rest } = data;
    versions.push({ ...rest, createdAtMs });
  }
  return { versions, unreadable: rows.length - versions.length, tooMany: rows.length > MAX_VERSIONS };
}

/** The bytes of a version; undefined when they are gone, NULL, or beyond `MAX_DOCUMENT_BYTES`. */
export async function readDocument(reader: SourceReader, id: number): Promise<Uint8Array | undefined> {
  const [row] = await reader.query(
    `select data from tuf_files where id = ? and octet_length(data) <= ${MAX_DOCUMENT_BYTES}`,
    [id],
  );
  const data = row?.['data'];
  return data instanceof Uint8Array ? data : undefined;
}

/** The change feed of a repository after one of its records. */
export async function* listChanges(
  reader: SourceReader,
  gun: string,
  after: number,
): AsyncIterable<ChangeRow> {
  let last = after;
  for (;;) {
    const rows = await reader.query(
      `select id, ${milliseconds(reader)} as created_ms, version, sha256, category from changefeed
       where gun = ? and ${exactName(reader)} = ? and id > ? order by id limit ${changesPerPage}`,
      [gun, gun, last],
    );
    for (const row of rows) {
      const { created_ms: createdAtMs, ...rest } = changeSchema.parse(row);
      last = rest.id;
      yield { ...rest, createdAtMs };
    }
    if (rows.length < changesPerPage) return;
  }
}

/** The sealed private keys among these ids. */
export async function readSealedKeys(
  reader: SourceReader,
  keyIds: readonly string[],
): Promise<readonly SealedKeyRow[]> {
  const asked = keyIds.slice(0, maxKeysAsked);
  if (asked.length === 0) return [];
  const rows = await reader.query(
    `select key_id, encryption_alg, keywrap_alg, algorithm, passphrase_alias, gun, role,
     case when octet_length(private) <= ${maxSealedBytes} then private end as sealed
     from private_keys where key_id in (${asked.map(() => '?').join(', ')}) and deleted_at is null`,
    asked,
  );
  return rows.map((row) => {
    const key = keySchema.parse(row);
    return {
      keyId: key.key_id,
      encryption: key.encryption_alg,
      keywrap: key.keywrap_alg,
      algorithm: key.algorithm,
      alias: key.passphrase_alias,
      gun: key.gun,
      role: key.role,
      sealed: key.sealed === null ? null : asText(key.sealed),
    };
  });
}

/** The tables are there and may be read. @throws CliError SOURCE_INVALID */
export async function assertServerTables(reader: SourceReader): Promise<void> {
  await reader.query(
    'select id, gun, role, version, sha256, data, created_at, deleted_at from tuf_files limit 1',
  );
  await reader.query('select id, gun, version, sha256, category, created_at from changefeed limit 1');
}

/** @throws CliError SOURCE_INVALID */
export async function assertSignerTable(reader: SourceReader): Promise<void> {
  await reader.query(
    'select key_id, encryption_alg, keywrap_alg, algorithm, passphrase_alias, private, gun, role, deleted_at from private_keys limit 1',
  );
}

function exactName({ kind }: SourceReader): string {
  return kind === 'mysql' ? 'cast(gun as binary)' : 'gun';
}

/** Milliseconds since 1970. Notary writes UTC into columns that know no zone. */
function milliseconds({ kind }: SourceReader): string {
  return kind === 'mysql'
    ? "timestampdiff(microsecond, '1970-01-01', created_at) div 1000"
    : '(extract(epoch from created_at) * 1000)::float8';
}

function asText(value: SourceRow[string]): string {
  if (typeof value === 'string') return value;
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : '';
}
