/**
 * The tables of notary-server and notary-signer 0.7, which Debian's package does not bring, in PostgreSQL and
 * MariaDB; and rows put into them without a server.
 * @see theupdateframework/notary, migrations/server and migrations/signer: columns, types and constraints as there
 */
import { createHash } from 'node:crypto';
import postgres from 'postgres';
import type { MariadbServer } from './mariadb-server.ts';
import type { PostgresServer } from './postgres-server.ts';

/** A database with the tables of both programs. */
export interface NotaryDatabase {
  readonly kind: 'postgres' | 'mysql';
  readonly url: string;
  insertFile(file: FileRow): Promise<void>;
  insertChange(change: FeedRow): Promise<void>;
  insertKey(key: KeyRow): Promise<void>;
  /** Any one statement; `?` for each value. */
  execute(statement: string, values?: readonly Value[]): Promise<void>;
}

export interface FileRow {
  readonly gun: string;
  readonly role: string;
  readonly version: number;
  readonly data: Uint8Array;
  /** Of the data unless given. */
  readonly sha256?: string | null;
  /** `YYYY-MM-DD HH:MM:SS` */
  readonly createdAt?: string;
}

export interface FeedRow {
  readonly gun: string;
  readonly version: number;
  readonly sha256: string;
  readonly category?: 'update' | 'deletion';
  readonly createdAt?: string;
}

export interface KeyRow {
  readonly keyId: string;
  readonly algorithm: string;
  readonly alias: string;
  readonly publicBytes: Uint8Array;
  /** The JWE. */
  readonly sealed: string;
  readonly gun: string;
  readonly role: string;
}

type Value = string | number | null | Uint8Array;

/** A new PostgreSQL database with empty tables. */
export async function createNotaryPostgres(server: PostgresServer): Promise<NotaryDatabase> {
  const url = await server.createDatabase();
  const execute = async (statement: string, values: readonly Value[] = []): Promise<void> => {
    const client = postgres(url, { max: 1, onnotice: () => undefined });
    let count = 0;
    try {
      await client.unsafe(
        statement.replace(/\?/g, () => `$${++count}`),
        values.map((value) => (value instanceof Uint8Array ? Buffer.from(value) : value)),
      );
    } finally {
      await client.end({ timeout: 1 });
    }
  };
  for (const statement of postgresTables) await execute(statement);
  return withRows('postgres', url, execute);
}

/** A new MariaDB database with empty tables. */
export async function createNotaryMariadb(server: MariadbServer): Promise<NotaryDatabase> {
  const url = await server.createDatabase();
  const execute = (statement: string, values: readonly Value[] = []): Promise<void> =>
    server.execute(url, [
      [statement, values.map((value) => (value instanceof Uint8Array ? Buffer.from(value) : value))],
    ]);
  for (const statement of mysqlTables) await execute(statement);
  return withRows('mysql', url, execute);
}

function withRows(
  kind: NotaryDatabase['kind'],
  url: string,
  execute: NotaryDatabase['execute'],
): NotaryDatabase {
  return {
    kind,
    url,
    execute,
    insertFile: ({ gun, role, version, data, sha256, createdAt = '2026-11-20 08:00:00' }) =>
      execute(
        'insert into tuf_files (created_at, updated_at, gun, role, version, data, sha256) values (?, ?, ?, ?, ?, ?, ?)',
        [createdAt, createdAt, gun, role, version, data, sha256 === undefined ? hash(data) : sha256],
      ),
    insertChange: ({ gun, version, sha256, category = 'update', createdAt = '2026-11-20 08:00:00' }) =>
      execute('insert into changefeed (created_at, gun, version, sha256, category) values (?, ?, ?, ?, ?)', [
        createdAt,
        gun,
        version,
        sha256,
        category,
      ]),
    insertKey: ({ keyId, algorithm, alias, publicBytes, sealed, gun, role }) =>
      execute(
        `insert into private_keys (key_id, encryption_alg, keywrap_alg, algorithm, passphrase_alias, public, private, gun, role)
         values (?, 'A256GCM', 'PBES2-HS256+A128KW', ?, ?, ?, ?, ?, ?)`,
        [keyId, algorithm, alias, publicBytes, Buffer.from(sealed), gun, role],
      ),
  };
}

function hash(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

const postgresTables: readonly string[] = [
  `create table tuf_files (
    id serial primary key, created_at timestamp null default null, updated_at timestamp null default null,
    deleted_at timestamp null default null, gun varchar(255) not null, role varchar(255) not null,
    version integer not null, data bytea not null, sha256 char(64) default null, unique (gun, role, version))`,
  'create index tuf_files_sha256_idx on tuf_files (sha256)',
  'create table change_category (category varchar(20) primary key)',
  "insert into change_category values ('update'), ('deletion')",
  `create table changefeed (
    id serial primary key, created_at timestamp default current_timestamp, gun varchar(255) not null,
    version integer not null, sha256 char(64) default null,
    category varchar(20) not null default 'update' references change_category)`,
  'create index idx_changefeed_gun on changefeed (gun)',
  `create table private_keys (
    id serial primary key, created_at timestamp null default null, updated_at timestamp null default null,
    deleted_at timestamp null default null, key_id varchar(255) not null, encryption_alg varchar(255) not null,
    keywrap_alg varchar(255) not null, algorithm varchar(50) not null, passphrase_alias varchar(50) not null,
    public bytea not null, private bytea not null, gun varchar(255) not null, role varchar(255) not null,
    last_used timestamp null default null, constraint key_id unique (key_id),
    constraint key_id_2 unique (key_id, algorithm))`,
];

const mysqlTables: readonly string[] = [
  `create table tuf_files (
    id int(11) not null auto_increment, created_at timestamp null default null, updated_at timestamp null default null,
    deleted_at timestamp null default null, gun varchar(255) not null, role varchar(255) not null,
    version int(11) not null, data longblob not null, sha256 char(64) default null, primary key (id),
    unique key gun (gun, role, version), index sha256 (sha256)) engine=InnoDB default charset=utf8`,
  'create table change_category (category varchar(20) not null, primary key (category)) engine=InnoDB default charset=utf8',
  "insert into change_category values ('update'), ('deletion')",
  `create table changefeed (
    id int(11) not null auto_increment, created_at timestamp default current_timestamp, gun varchar(255) not null,
    version int(11) not null, sha256 char(64) default null, category varchar(20) not null default 'update',
    primary key (id), foreign key (category) references change_category (category), index idx_changefeed_gun (gun))
    engine=InnoDB default charset=utf8`,
  `create table private_keys (
    id int(11) not null auto_increment, created_at timestamp null default null, updated_at timestamp null default null,
    deleted_at timestamp null default null, key_id varchar(255) not null, encryption_alg varchar(255) not null,
    keywrap_alg varchar(255) not null, algorithm varchar(50) not null, passphrase_alias varchar(50) not null,
    public blob not null, private blob not null, gun varchar(255) not null, role varchar(255) not null,
    last_used datetime null default null, primary key (id), unique key key_id (key_id),
    unique key key_id_2 (key_id, algorithm)) engine=InnoDB default charset=utf8`,
];
