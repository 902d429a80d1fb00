/** The service of the demo: `vidimus serve` in a process of its own, on the embedded database. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTokenClient } from '@vidimus/trust-client';

export interface DemoService {
  readonly url: string;
  readonly token: string;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

const startMs = 45_000;

/** Starts the service over a fresh data directory and waits until it listens. */
export async function startDemoService(dataDirectory: string): Promise<DemoService> {
  const main = new URL('../main.ts', import.meta.url).pathname;
  const flags = ['--data', dataDirectory, '--listen', '127.0.0.1:0', '--json'];
  const child = spawn(process.execPath, ['--conditions=source', '--import', 'tsx', main, 'serve', ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log = `${log}${chunk.toString('utf8')}`.slice(-65_536);
  });
  const url = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`the service does not start: ${log}`));
    }, startMs);
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString('utf8');
      const listening = /"url":"(http:[^"]+)"/.exec(out)?.[1];
      if (listening === undefined) return;
      clearTimeout(timer);
      resolve(listening);
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`the service ended with ${code}: ${log}`));
    });
  });
  return {
    url,
    token: await makeAdministrator(url, join(dataDirectory, 'bootstrap-token')),
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

/** As a person does with `vidimus token create`: the first token is good for nothing else. */
async function makeAdministrator(server: string, file: string): Promise<string> {
  const tokens = createTokenClient({ server, token: (await readFile(file, 'utf8')).trim() });
  try {
    return (await tokens.create({ name: 'demo', role: 'admin', repositories: ['**'] })).token;
  } finally {
    tokens.close();
  }
}
