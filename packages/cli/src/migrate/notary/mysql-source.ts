/** Notary's data in MySQL or MariaDB. */
import { type Connection, createConnection } from 'mysql2/promise';
import {
  SOURCE_CONNECT_TIMEOUT_MS,
  SOURCE_STATEMENT_TIMEOUT_MS,
  type SourceDatabase,
  type SourceReader,
} from './source-database.ts';
import { toSourceError } from './source-error.ts';
import type { MysqlAddress } from './source-url.ts';

/** Nothing is asked before the first `read`. */
export function openMysqlSource(address: MysqlAddress, flag: string): SourceDatabase {
  let opened: Promise<Connection> | undefined;
  return {
    read: async (work) => {
      try {
        opened ??= connect(address);
        const connection = await opened;
        await connection.query('start transaction with consistent snapshot, read only');
        try {
          return await work(readerOf(connection, flag));
        } finally {
          await connection.query('rollback').catch(() => undefined);
        }
      } catch (error) {
        throw toSourceError(error, flag);
      }
    },
    close: async () => {
      const connection = await opened?.catch(() => undefined);
      await connection?.end().catch(() => undefined);
    },
  };
}

async function connect({ tls, ...address }: MysqlAddress): Promise<Connection> {
  const connection = await createConnection({
    ...(address.socketPath === undefined
      ? { host: address.host, port: address.port }
      : { socketPath: address.socketPath }),
    user: address.user,
    password: address.password,
    database: address.database,
    connectTimeout: SOURCE_CONNECT_TIMEOUT_MS,
    // Notary writes UTC into columns without a zone.
    timezone: 'Z',
    charset: 'utf8mb4',
    supportBigNumbers: true,
    ...(tls === 'off'
      ? {}
      : { ssl: { rejectUnauthorized: tls === 'verified', verifyIdentity: tls === 'verified' } }),
  });
  // A connection that breaks while nobody asks anything is reported by the next question.
  connection.on('error', () => undefined);
  // Each knows one of the two: MariaDB counts seconds, MySQL milliseconds.
  const limits = [
    `set session max_statement_time = ${SOURCE_STATEMENT_TIMEOUT_MS / 1_000}`,
    `set session max_execution_time = ${SOURCE_STATEMENT_TIMEOUT_MS}`,
  ];
  for (const limit of limits) await connection.query(limit).catch(() => undefined);
  return connection;
}

function readerOf(connection: Connection, flag: string): SourceReader {
  return {
    kind: 'mysql',
    query: async (statement, values = []) => {
      try {
        // Bound by the server: whatever its escaping rules are, a name in a row cannot become a statement.
        const [rows] = await connection.execute(statement, [...values]);
        return Array.isArray(rows) ? rows.flatMap((row) => (isRow(row) ? [row] : [])) : [];
      } catch (error) {
        throw toSourceError(error, flag);
      }
    },
  };
}

function isRow(row: unknown): row is Readonly<Record<string, unknown>> {
  return typeof row === 'object' && row !== null && !Array.isArray(row);
}
