/** Where Notary keeps its data: a URL, or the data source name of Notary's own configuration file. */
import { CliError } from '../../cli-error.ts';
import { exitCodes } from '../../exit-codes.ts';

export type SourceUrl =
  /** As libpq writes it, `sslmode` and the like included. */
  { readonly kind: 'postgres'; readonly url: string } | ({ readonly kind: 'mysql' } & MysqlAddress);

export interface MysqlAddress {
  /** A Unix socket instead of host and port. */
  readonly socketPath?: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly tls: 'off' | 'verified' | 'unverified';
}

const maxLength = 4_096;
const mysqlPort = 3_306;

/** `user:password@tcp(host:port)/database?parseTime=true`: go-sql-driver, as Notary's `db_url` has it. */
const goSource = /^(?:([^:@]*)(?::(.*))?@)?(tcp|unix)\(([^)]*)\)\/([^?/]+)(?:\?(.*))?$/;

/**
 * Reads the value of `--server-db` or `--signer-db`. What it holds is never printed: it may carry a password.
 * @throws CliError USAGE
 */
export function parseSourceUrl(text: string, flag: string): SourceUrl {
  if (text.length > maxLength) throw unreadable(flag);
  const source = goSource.exec(text);
  if (source !== null) return fromGoSource(source, flag);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  switch (url?.protocol) {
    case 'postgres:':
    case 'postgresql:':
      if (databaseOf(url) === '') throw unreadable(flag);
      return { kind: 'postgres', url: text };
    case 'mysql:':
    case 'mariadb:':
      return fromMysqlUrl(url, flag);
    default:
      throw unreadable(flag);
  }
}

function fromMysqlUrl(url: URL, flag: string): SourceUrl {
  const database = databaseOf(url);
  const socketPath = url.searchParams.get('socket');
  if (database === '' || (url.hostname === '' && socketPath === null)) throw unreadable(flag);
  return {
    kind: 'mysql',
    ...(socketPath === null ? {} : { socketPath }),
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? mysqlPort : Number(url.port),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database,
    tls: readTls(url.searchParams.get('tls'), flag),
  };
}

function fromGoSource(parts: RegExpExecArray, flag: string): SourceUrl {
  const [, user = '', password = '', network, address = '', database = '', query = ''] = parts;
  const tls = readTls(new URLSearchParams(query).get('tls'), flag);
  const common = { kind: 'mysql', user, password, database, tls } as const;
  if (network === 'unix') return { ...common, socketPath: address, host: '', port: 0 };
  const [, host = '', port = String(mysqlPort)] = /^\[?([^\]]*?)\]?(?::(\d{1,5}))?$/.exec(address) ?? [];
  if (host === '') throw unreadable(flag);
  return { ...common, host, port: Number(port) };
}

/** The values go-sql-driver has; `preferred` would let anybody on the way choose. */
function readTls(value: string | null, flag: string): MysqlAddress['tls'] {
  if (value === null || value === 'false') return 'off';
  if (value === 'true') return 'verified';
  if (value === 'skip-verify') return 'unverified';
  throw new CliError('USAGE', exitCodes.usage, `${flag}: tls is true, false or skip-verify`);
}

function databaseOf(url: URL): string {
  return decodeURIComponent(url.pathname.slice(1));
}

function unreadable(flag: string): CliError {
  return new CliError(
    'USAGE',
    exitCodes.usage,
    `${flag} does not name a database`,
    'postgres://user:password@host/notaryserver, mysql://user:password@host/notaryserver, or the db_url of the server’s configuration',
  );
}
