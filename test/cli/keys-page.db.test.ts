/** README, "Keys": its commands, run as written against a real service. */
import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { type DemoService, startDemoService } from '../../packages/cli/src/demo/demo-service.ts';
import { run } from '../../packages/cli/src/run.ts';

const directory = mkdtempSync(join(tmpdir(), 'vidimus-keys-'));
let service: DemoService;
beforeAll(async () => {
  service = await startDemoService(join(directory, 'data'));
});
afterAll(async () => {
  await service.stop();
  rmSync(directory, { recursive: true, force: true });
});

const madeSchema = z.object({ keyId: z.string(), file: z.string() });

/** Command and the word its output begins with, in the order of the page. */
function commandsOfReadme(): readonly (readonly [string, string])[] {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const start = readme.indexOf('<!-- keys:');
  const page = readme.slice(start, readme.indexOf('\n## ', start));
  return [...page.matchAll(/^ {4}\$ vidimus (.+)\n {4}([^$\s].*)$/gm)].map((match) => [
    match[1] ?? '',
    match[2] ?? '',
  ]);
}

it('says what README says it does', async () => {
  const commands = commandsOfReadme();
  expect(commands).toHaveLength(8);
  expect((await vidimus(['init', 'localhost:5000/shop/web'])).exit).toBe(0);
  const ids = new Map<string, string>();
  for (const name of ['alice', 'bob', 'alice-2027']) {
    const { output } = await vidimus(['key', 'generate', '--label', name, '--json']);
    const { keyId, file } = madeSchema.parse(JSON.parse(output));
    ids.set(name, keyId);
    copyFileSync(file.replace(/\.key$/, '.pub'), join(directory, `${name}.pub`));
  }
  for (const [command, word] of commands) {
    const words = command
      .replaceAll(/([a-z0-9-]+\.pub)/g, `${directory}/$1`)
      .replace('ALICE', ids.get('alice') ?? '')
      .split(' ');
    const { exit, output } = await vidimus(words);
    expect(output, command).toMatch(new RegExp(`^${word.replaceAll('.', '\\.')}`, 'm'));
    expect(exit, `${command}\n${output}`).toBe(word === 'PENDING' ? 6 : 0);
  }
}, 60_000);

async function vidimus(
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
