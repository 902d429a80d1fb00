/** Command lines run in this process, over an environment of the test's own. */
import { randomBytes } from 'node:crypto';
import { run } from '../../packages/cli/src/run.ts';

export interface CommandResult {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `vidimus <words>`; a service that comes to listen is asked to stop at once. */
export async function runCommand(
  words: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = {},
): Promise<CommandResult> {
  const said = { stdout: '', stderr: '' };
  let stop: (signal: string) => void = () => undefined;
  const stopped = new Promise<string>((resolve) => {
    stop = resolve;
  });
  const exit = await run(words, {
    environment: { NO_COLOR: '1', ...environment },
    stdout: {
      write: (text) => {
        said.stdout += text;
        if (words[0] === 'serve') stop('test');
      },
    },
    stderr: {
      write: (text) => {
        said.stderr += text;
      },
    },
    stdinIsTTY: false,
    now: Date.now,
    random: randomBytes,
    stopped,
    ask: async () => '',
  });
  return { exit, ...said };
}
