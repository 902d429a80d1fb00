/**
 * A PostgreSQL server for tests: the one that TEST_DATABASE_URL names, else a private one from Debian's packages in a
 * temporary directory, on a free port of the loopback. It stops when asked, and when this process dies.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, chown, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import postgres from 'postgres';
import { freePort } from './free-port.ts';

/** A running server. */
export interface PostgresServer {
  /** Makes an empty database and answers its URL. */
  createDatabase(): Promise<string>;
  /** Makes an empty database with a role that owns it and one that does not; answers the URLs of both. */
  createRoles(): Promise<RoleUrls>;
  /**
   * Stops the server and, after `whileDown`, starts it again on the same port; a shared server cannot be restarted.
   */
  restart(whileDown?: () => Promise<void>): Promise<void>;
  /** Drops the databases made here and stops a private server. */
  stop(): Promise<void>;
}

/** One database, as the role that serves, the role that owns it, and a superuser. */
export interface RoleUrls {
  readonly url: string;
  readonly migrateUrl: string;
  readonly superuser: string;
}

const installed = '/usr/lib/postgresql';
const startAttempts = 200;
const startPauseMs = 50;
const run = promisify(execFile);

/** Starts a server, or connects to the one of TEST_DATABASE_URL; `own: true` always starts one, to be restarted. */
export async function startPostgres({ own = false } = {}): Promise<PostgresServer> {
  const shared = own ? undefined : process.env['TEST_DATABASE_URL'];
  if (shared !== undefined && shared !== '') {
    const restart = () => Promise.reject(new Error('the server of TEST_DATABASE_URL cannot be restarted'));
    return toServer(shared, restart, async () => undefined);
  }
  return await startPrivate();
}

async function startPrivate(): Promise<PostgresServer> {
  const bin = await findPrograms();
  const folder = await mkdtemp(join(tmpdir(), 'vdm-pg-'));
  const user = await postgresUser();
  if (user !== undefined) await chown(folder, user.uid, user.gid);
  await chmod(folder, 0o700);
  const data = join(folder, 'data');
  const initdb = [
    join(bin, 'initdb'),
    '-D',
    data,
    '-U',
    'postgres',
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--no-locale',
    '--no-sync',
  ];
  await run(...asUser(user, initdb), { cwd: '/' });
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const start = () =>
    startServer(user, [join(bin, 'postgres'), '-D', data, '-p', String(port), '-k', folder], url);
  let child = await start();
  const restart = async (whileDown?: () => Promise<void>) => {
    await stopServer(child);
    try {
      await whileDown?.();
    } finally {
      child = await start();
    }
  };
  const stop = async () => {
    await stopServer(child);
    await rm(folder, { recursive: true, force: true });
  };
  return toServer(url, restart, stop);
}

function toServer(
  url: string,
  restart: PostgresServer['restart'],
  stop: () => Promise<void>,
): PostgresServer {
  const made: string[] = [];
  const roles: string[] = [];
  const createDatabase = async (): Promise<string> => {
    const name = `vidimus_test_${randomBytes(6).toString('hex')}`;
    await administer(url, `create database ${name} encoding 'UTF8' template template0`);
    made.push(name);
    const own = new URL(url);
    own.pathname = `/${name}`;
    return own.href;
  };
  return {
    restart,
    createDatabase,
    createRoles: async () => {
      const superuser = await createDatabase();
      const database = new URL(superuser).pathname.slice(1);
      const [owner, serving] = [`${database}_owner`, `${database}_serving`];
      roles.push(owner, serving);
      await administer(url, `create role ${owner} login password 'secret'`);
      await administer(url, `create role ${serving} login password 'secret'`);
      await administer(url, `alter database ${database} owner to ${owner}`);
      return { superuser, url: asRole(superuser, serving), migrateUrl: asRole(superuser, owner) };
    },
    stop: async () => {
      for (const name of made) await administer(url, `drop database if exists ${name} with (force)`);
      for (const role of roles) await administer(url, `drop role if exists ${role}`);
      await stop();
    },
  };
}

function asRole(url: string, role: string): string {
  const own = new URL(url);
  own.username = role;
  own.password = 'secret';
  return own.href;
}

/** The shell between us and the server sees the end of its input when this process dies, and then stops the server. */
async function startServer(
  user: User | undefined,
  command: readonly string[],
  url: string,
): Promise<ChildProcess> {
  const settings = [
    '-c',
    'listen_addresses=127.0.0.1',
    '-c',
    'log_min_messages=fatal',
    '-c',
    'max_connections=60',
  ];
  const guard =
    'exec 3<&0; "$@" </dev/null & server=$!; (cat <&3 >/dev/null; kill -INT $server) & wait $server';
  const [program, args] = asUser(user, ['/bin/sh', '-c', guard, 'postgres', ...command, ...settings]);
  const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'ignore'], cwd: '/' });
  for (let attempt = 0; attempt < startAttempts; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`postgres stopped at once with ${child.exitCode}`);
    if (
      await administer(url, 'select 1').then(
        () => true,
        () => false,
      )
    )
      return child;
    await new Promise((resolve) => setTimeout(resolve, startPauseMs));
  }
  throw new Error('postgres did not start');
}

async function stopServer(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, 'exit');
  child.stdin?.end();
  await ended;
}

async function administer(url: string, statement: string): Promise<void> {
  const client = postgres(url, { max: 1, connect_timeout: 2, onnotice: () => undefined });
  try {
    await client.unsafe(statement);
  } finally {
    await client.end({ timeout: 1 });
  }
}

async function findPrograms(): Promise<string> {
  const versions = (await readdir(installed)).filter((name) => /^\d+$/.test(name)).map(Number);
  if (versions.length === 0)
    throw new Error(`no PostgreSQL in ${installed}: install postgresql or set TEST_DATABASE_URL`);
  return join(installed, String(Math.max(...versions)), 'bin');
}

interface User {
  readonly uid: number;
  readonly gid: number;
}

/** PostgreSQL refuses to run as root. */
async function postgresUser(): Promise<User | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (what) => Number((await run('id', [what, 'postgres'])).stdout)),
  );
  return uid === undefined || gid === undefined ? undefined : { uid, gid };
}

function asUser(user: User | undefined, command: readonly string[]): [string, string[]] {
  const all = user === undefined ? [...command] : ['runuser', '-u', 'postgres', '--', ...command];
  const [program = '', ...args] = all;
  return [program, args];
}
