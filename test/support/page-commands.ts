/** Commands of a page, run as written beside a service: what they printed, and how they ended. */
import { randomBytes } from 'node:crypto';
import type { DemoService } from '../../packages/cli/src/demo/demo-service.ts';
import { run } from '../../packages/cli/src/run.ts';

/** On the machine of somebody whose home is `directory`. */
export async function runBeside(
  service: DemoService,
  directory: string,
  words: readonly string[],
): Promise<{ readonly exit: number; readonly output: string }> {
  let output = '';
  const stream = { isTTY: false, write: (text: string) => (output += text) };
  const exit = await run(words, {
    environment: {
      HOME: directory,
      VIDIMUS_SERVER: service.url,
      VIDIMUS_TOKEN: service.token,
      VIDIMUS_PASSPHRASE: 'a passphrase for the test',
    },
    stdout: stream,
    stderr: stream,
    stdinIsTTY: false,
    now: Date.now,
    random: randomBytes,
    stopped: new Promise(() => undefined),
    ask: () => Promise.reject(new Error('nobody is asked')),
  });
  return { exit, output };
}
