/** `notary-server` and `notary-signer` of Debian's package `notary`, each a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { untilListening } from './free-port.ts';

const keptLogCharacters = 65_536;

export interface NotaryProgram {
  /** Resolves when it takes connections on the port it was given; rejects when it ended, or is not installed. */
  listens(port: number): Promise<void>;
  stop(): Promise<void>;
}

/** @param config - path of its configuration file */
export function startNotaryProgram(
  program: 'notary-server' | 'notary-signer',
  config: string,
  environment: Readonly<Record<string, string>> = {},
): NotaryProgram {
  const child = spawn(program, ['-config', config, '-logf', 'logfmt'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], ...environment },
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      log = `${log}${text}`.slice(-keptLogCharacters);
    });
  }
  const failed = new Promise<never>((_, reject) => {
    child.once('error', (cause) =>
      reject(new Error(`${program} cannot be run: is notary installed?`, { cause })),
    );
    child.once('close', (code) => reject(new Error(`${program} ended with ${code}: ${log}`)));
  });
  failed.catch(() => undefined);
  const ended = once(child, 'close').catch(() => undefined);
  return {
    listens: (port) => Promise.race([failed, untilListening(port)]),
    stop: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
