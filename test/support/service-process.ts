/** `vidimus serve` from the sources, in a process of its own that tests may stop, kill or starve. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url));
const sources = fileURLToPath(new URL('../../', import.meta.url));
const loader = import.meta.resolve('tsx');
const startMs = 60_000;
const keptLogBytes = 65_536;

/** `VIDIMUS_ADMIN_TOKEN` of every service started here, unless its environment says otherwise. */
export const ADMIN_TOKEN = 'e2e-administrator';

export interface ServiceOptions {
  readonly data: string;
  /** Flags after `serve --data … --json`; `--listen 127.0.0.1:0` unless they name another address. */
  readonly flags?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** User and group the program runs as; needs root. */
  readonly uid?: number;
  /** Largest file it may write, in blocks of 512 bytes (`ulimit -f`). */
  readonly fileBlocks?: number;
}

/** How a process ended. */
export interface Ended {
  /** Null when a signal ended it. */
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ServiceProcess {
  readonly url: string;
  /** SIGTERM; resolves with how it ended. */
  stop(): Promise<Ended>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  readonly ended: Promise<Ended>;
}

/** A process that may or may not come to listen. */
export interface Starting {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves with the URL; rejects when the process ends before. */
  readonly listening: Promise<string>;
}

/** Starts the program; `listening` and `ended` say what comes of it. */
export function spawnService(options: ServiceOptions): Starting {
  const flags = ['--data', options.data, ...(options.flags ?? []), '--json'];
  if (!flags.includes('--listen')) flags.push('--listen', '127.0.0.1:0');
  const command = ['--conditions=source', '--import', loader, program, 'serve', ...flags];
  const limited = options.fileBlocks === undefined ? '' : `ulimit -f ${options.fileBlocks}; `;
  const child = spawn('/bin/sh', ['-c', `${limited}exec "$@"`, 'sh', process.execPath, ...command], {
    cwd: options.cwd ?? sources,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOME: options.cwd ?? '/nonexistent',
      VIDIMUS_ADMIN_TOKEN: ADMIN_TOKEN,
      ...options.environment,
    },
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  });
  const said = { stdout: '', stderr: '' };
  child.stderr.on('data', (chunk: Buffer) => {
    said.stderr = `${said.stderr}${chunk.toString('utf8')}`.slice(-keptLogBytes);
  });
  const ended = once(child, 'close').then((): Ended => ({ exit: child.exitCode, ...said }));
  const listening = new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), startMs);
    child.stdout.on('data', (chunk: Buffer) => {
      said.stdout += chunk.toString('utf8');
      const url = /"event":"listening","url":"([^"]+)"/.exec(said.stdout)?.[1];
      if (url === undefined) return;
      clearTimeout(timer);
      resolve(url);
    });
    void ended.then(({ exit, stdout, stderr }) => {
      clearTimeout(timer);
      reject(new Error(`the service ended with ${exit}: ${stdout}${stderr}`));
    });
  });
  // Whoever waits for the end only is not interested in this one.
  listening.catch(() => undefined);
  return { child, ended, listening };
}

/** Starts the service and waits until it listens. */
export async function startService(options: ServiceOptions): Promise<ServiceProcess> {
  const { child, ended, listening } = spawnService(options);
  const url = await listening;
  return {
    url,
    ended,
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Runs a service that is expected to refuse its start; one that listens is stopped, and ends with exit 0. */
export async function refusedStart(options: ServiceOptions): Promise<Ended> {
  const { child, ended, listening } = spawnService(options);
  void listening.then(
    () => child.kill('SIGTERM'),
    () => undefined,
  );
  return await ended;
}
