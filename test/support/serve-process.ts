/** `vidimus serve` in a process of its own, on a free port of the loopback. */
import { type ChildProcess, spawn } from 'node:child_process';

export interface ServeProcess {
  readonly url: string;
  readonly pid: number;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

const startMs = 60_000;

/** @param command - the program and its first arguments, such as `node dist/vidimus.js` */
export async function startServe(
  command: readonly [string, ...string[]],
  flags: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<ServeProcess> {
  const [program, ...first] = command;
  const child = spawn(program, [...first, 'serve', '--listen', '127.0.0.1:0', '--json', ...flags], {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const stop = (): Promise<number | null> => {
    child.kill('SIGTERM');
    return ended;
  };
  const url = await listeningUrl(child);
  return { url, pid: child.pid ?? 0, stop };
}

async function listeningUrl(child: ChildProcess): Promise<string> {
  let stdout = '';
  let stderr = '';
  const killer = setTimeout(() => child.kill('SIGKILL'), startMs);
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr = `${stderr}${chunk.toString('utf8')}`.slice(-65_536);
  });
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => reject(new Error(`serve ended with ${code}: ${stdout}${stderr}`)));
      child.stdout?.on('data', (chunk: Buffer) => {
        stdout += chunk.toString('utf8');
        const url = /"url":"([^"]+)"/.exec(stdout)?.[1];
        if (url !== undefined) resolve(url);
      });
    });
  } finally {
    clearTimeout(killer);
  }
}
