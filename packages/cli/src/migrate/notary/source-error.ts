/** What the drivers say when a source cannot be read, as failures that a person can act on. */
import { CliError } from '../../cli-error.ts';
import { type ExitCode, exitCodes } from '../../exit-codes.ts';

interface Failure {
  readonly code: string;
  readonly exit: ExitCode;
  readonly what: string;
  readonly hint: string;
}

const unreachable: Failure = {
  code: 'SOURCE_UNREACHABLE',
  exit: exitCodes.unreachable,
  what: 'cannot be reached',
  hint: 'check host, port and network; the database must run, Notary itself need not',
};
const refused: Failure = {
  code: 'SOURCE_REFUSED',
  exit: exitCodes.usage,
  what: 'refuses the connection',
  hint: 'check user, password and database name; a user that may only SELECT is enough',
};
const noTable: Failure = {
  code: 'SOURCE_INVALID',
  exit: exitCodes.usage,
  what: 'is not a database of Notary: a table or column is missing',
  hint: '--server-db needs tuf_files and changefeed, --signer-db needs private_keys',
};
const slow: Failure = {
  code: 'SOURCE_TIMEOUT',
  exit: exitCodes.unavailable,
  what: 'took too long over one question',
  hint: 'run it again when the source is less busy; what was brought over stays',
};

/** SQLSTATEs and socket codes of PostgreSQL, names of MySQL's errors. */
const failures: ReadonlyMap<string, Failure> = new Map([
  ['28000', refused],
  ['28P01', refused],
  ['3D000', refused],
  ['42501', refused],
  ['ER_ACCESS_DENIED_ERROR', refused],
  ['ER_DBACCESS_DENIED_ERROR', refused],
  ['ER_TABLEACCESS_DENIED_ERROR', refused],
  ['ER_BAD_DB_ERROR', refused],
  ['42P01', noTable],
  ['42703', noTable],
  ['ER_NO_SUCH_TABLE', noTable],
  ['ER_BAD_FIELD_ERROR', noTable],
  ['57014', slow],
  ['25P03', slow],
  ['ER_QUERY_TIMEOUT', slow],
  ['ER_STATEMENT_TIMEOUT', slow],
  ['PROTOCOL_SEQUENCE_TIMEOUT', slow],
  ['57P01', unreachable],
  ['57P03', unreachable],
  ['53300', unreachable],
  ['CONNECTION_CLOSED', unreachable],
  ['CONNECTION_ENDED', unreachable],
  ['CONNECTION_DESTROYED', unreachable],
  ['CONNECT_TIMEOUT', unreachable],
  ['PROTOCOL_CONNECTION_LOST', unreachable],
  ['ER_CON_COUNT_ERROR', unreachable],
  ['ER_SERVER_SHUTDOWN', unreachable],
  ['ECONNREFUSED', unreachable],
  ['ECONNRESET', unreachable],
  ['ENOTFOUND', unreachable],
  ['EAI_AGAIN', unreachable],
  ['EHOSTUNREACH', unreachable],
  ['ENETUNREACH', unreachable],
  ['ETIMEDOUT', unreachable],
  ['EPIPE', unreachable],
  ['ENOENT', unreachable],
]);

/** The error as it is reported; a message of a driver may quote the address, but never carries the password. */
export function toSourceError(error: unknown, flag: string): unknown {
  if (!(error instanceof Error) || error instanceof CliError) return error;
  const code: unknown = Reflect.get(error, 'code');
  const known = typeof code === 'string' ? failures.get(code) : undefined;
  if (known !== undefined) {
    return new CliError(known.code, known.exit, `${flag}: the database ${known.what} (${code})`, known.hint);
  }
  // Whatever else the source says is about the source: nothing a stack trace of ours would help with.
  if (typeof code !== 'string') return error;
  return new CliError(
    'SOURCE_UNUSABLE',
    exitCodes.unavailable,
    `${flag}: ${error.message} (${code})`,
    'run it again; what was brought over stays',
  );
}
