/** README, "Keys": its commands, run as written against a real service. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { type DemoService, startDemoService } from '../../packages/cli/src/demo/demo-service.ts';
import { runBeside } from '../support/page-commands.ts';

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
  expect((await runBeside(service, directory, ['init', 'localhost:5000/shop/web'])).exit).toBe(0);
  const ids = new Map<string, string>();
  for (const name of ['alice', 'bob', 'alice-2027']) {
    const { output } = await runBeside(service, directory, ['key', 'generate', '--label', name, '--json']);
    const { keyId, file } = madeSchema.parse(JSON.parse(output));
    ids.set(name, keyId);
    copyFileSync(file.replace(/\.key$/, '.pub'), join(directory, `${name}.pub`));
  }
  for (const [command, word] of commands) {
    const words = command
      .replaceAll(/([a-z0-9-]+\.pub)/g, `${directory}/$1`)
      .replace('ALICE', ids.get('alice') ?? '')
      .split(' ');
    const { exit, output } = await runBeside(service, directory, words);
    expect(output, command).toMatch(new RegExp(`^${word.replaceAll('.', '\\.')}`, 'm'));
    expect(exit, `${command}\n${output}`).toBe(word === 'PENDING' ? 6 : 0);
  }
}, 60_000);
