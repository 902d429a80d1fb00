/** A MariaDB server of its own for tests, Debian's, in a temporary directory; it stops when asked. */
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createConnection } from 'mysql2/promise';
import { freePort } from './free-port.ts';

export interface MariadbServer {
  /** Makes an empty database and answers its URL. */
  createDatabase(): Promise<string>;
  /** Runs statements, one after the other, in a database made here. */
  execute(url: string, statements: readonly MysqlStatement[]): Promise<void>;
  stop(): Promise<void>;
}

export type MysqlStatement = string | readonly [string, readonly (string | number | null | Buffer)[]];

const startAttempts = 400;
const startPauseMs = 50;
const run = promisify(execFile);

/** Starts it on a free port of the loopback. */
export async function startMariadb(): Promise<MariadbServer> {
  const folder = await mkdtemp(join(tmpdir(), 'vdm-my-'));
  await chmod(folder, 0o700);
  // As root the server changes to its own user first.
  const isRoot = process.getuid?.() === 0;
  if (isRoot) await chown(folder, await idOf('-u'), await idOf('-g'));
  const asUser = isRoot ? ['--user=mysql'] : [];
  const data = join(folder, 'data');
  await run('mariadb-install-db', [
    '--no-defaults',
    `--datadir=${data}`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    ...asUser,
  ]);
  const port = await freePort();
  const child = spawn(
    'mariadbd',
    [
      '--no-defaults',
      `--datadir=${data}`,
      `--socket=${join(folder, 'my.sock')}`,
      `--pid-file=${join(folder, 'my.pid')}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      '--skip-log-bin',
      '--innodb-flush-log-at-trx-commit=0',
      '--innodb-buffer-pool-size=32M',
      '--max-allowed-packet=128M',
      ...asUser,
    ],
    { stdio: 'ignore', cwd: '/' },
  );
  const ended = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  const address = { host: '127.0.0.1', port, user: 'root' };
  const execute = async (
    database: string | undefined,
    statements: readonly MysqlStatement[],
  ): Promise<void> => {
    const connection = await createConnection({
      ...address,
      ...(database === undefined ? {} : { database }),
    });
    try {
      for (const statement of statements) {
        const [text, values] = typeof statement === 'string' ? [statement, []] : statement;
        await connection.query(text, [...values]);
      }
    } finally {
      await connection.end();
    }
  };
  for (let attempt = 0; ; attempt += 1) {
    if (
      await execute(undefined, ['select 1']).then(
        () => true,
        () => false,
      )
    )
      break;
    if (attempt === startAttempts || child.exitCode !== null) throw new Error('mariadbd did not start');
    await new Promise((resolve) => setTimeout(resolve, startPauseMs));
  }
  return {
    createDatabase: async () => {
      const name = `vidimus_test_${randomBytes(6).toString('hex')}`;
      await execute(undefined, [`create database ${name} character set utf8mb4`]);
      return `mysql://root@127.0.0.1:${port}/${name}`;
    },
    execute: (url, statements) => execute(new URL(url).pathname.slice(1), statements),
    stop,
  };
}

async function idOf(what: '-u' | '-g'): Promise<number> {
  return Number((await run('id', [what, 'mysql'])).stdout);
}
