/** Runs a foreign client to its end in an environment of its own; what it answers is the test's to judge. */
import { spawn } from 'node:child_process';

/** How a client ended. */
export interface ClientRun {
  /** Null when it had to be killed. */
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const timeoutMs = 60_000;

/**
 * Nothing of the test's own environment reaches the program but PATH; whatever it asks is answered with yes. Rejects
 * only where the program cannot be started.
 */
export function runClient(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  cwd: string,
): Promise<ClientRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: { PATH: process.env['PATH'], ...environment },
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    // A program that asks nothing may have ended before it is answered.
    child.stdin.on('error', () => undefined).end('y\n');
    const said = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        said[stream] += text;
      });
    }
    child.on('error', (cause) => reject(new Error(`${program} cannot be run: is it installed?`, { cause })));
    child.on('close', (exit) => resolve({ exit, ...said }));
  });
}

/** @throws Error with everything the client printed, unless it ended with 0 */
export function assertDone(name: string, args: readonly string[], run: ClientRun): ClientRun {
  if (run.exit === 0) return run;
  throw new Error(`${name} ${args.join(' ')} ended with ${run.exit}: ${run.stderr}${run.stdout}`);
}
