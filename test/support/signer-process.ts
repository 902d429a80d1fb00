/** `vidimus signer` from the sources, in a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url));
const sources = fileURLToPath(new URL('../../', import.meta.url));
const loader = import.meta.resolve('tsx');
const startMs = 60_000;

export interface SignerProcess {
  /** As `VIDIMUS_SIGNER` takes it. */
  readonly url: string;
  readonly pid: number;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

/** @param flags - after `signer --data … --json` */
export async function startSigner(
  data: string,
  flags: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<SignerProcess> {
  const command = [
    '--conditions=source',
    '--import',
    loader,
    program,
    'signer',
    '--data',
    data,
    '--json',
    ...flags,
  ];
  const child = spawn(process.execPath, command, {
    cwd: sources,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...environment },
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString('utf8');
  });
  const ended = once(child, 'close').then(() => child.exitCode);
  const killer = setTimeout(() => child.kill('SIGKILL'), startMs);
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString('utf8');
      const found = /"event":"listening","url":"([^"]+)"/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    });
    ended.then((code) => reject(new Error(`signer ended with ${code}: ${said}`)));
  });
  clearTimeout(killer);
  return {
    url,
    pid: child.pid ?? 0,
    stop: async () => {
      child.kill('SIGTERM');
      return await ended;
    },
  };
}
