/** README, "Ten minutes": its commands, run as written against a real service and a registry. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { smallImage } from '@vidimus/oci';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type DemoRegistry, startDemoRegistry } from '../../packages/cli/src/demo/demo-registry.ts';
import { type DemoService, startDemoService } from '../../packages/cli/src/demo/demo-service.ts';
import { runBeside } from '../support/page-commands.ts';

const directory = mkdtempSync(join(tmpdir(), 'vidimus-minutes-'));
let registry: DemoRegistry;
let service: DemoService;

const image = (content: string) =>
  smallImage({ platform: { os: 'linux', architecture: 'amd64' }, files: { 'bin/app': content } });

beforeAll(async () => {
  // No programs on the path: the registry is our own, nothing but Node is needed.
  registry = await startDemoRegistry(directory, {});
  service = await startDemoService(join(directory, 'data'));
  await registry.push('shop/web', '1', image('first'));
});
afterAll(async () => {
  await service.stop();
  await registry.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Command and the word its output begins with, in the order of the page. */
function commandsOfReadme(): readonly (readonly [string, string])[] {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const start = readme.indexOf('<!-- ten-minutes');
  const page = readme.slice(start, readme.indexOf('\n## ', start));
  return [...page.matchAll(/^ {4}\$ vidimus (.+)(?:\n {4}([^$\s].*))?$/gm)].map((match) => [
    match[1] ?? '',
    match[2] ?? '',
  ]);
}

it('says what README says it does', async () => {
  const commands = commandsOfReadme();
  expect(commands.length).toBeGreaterThan(8);
  for (const [index, [command, word]] of commands.entries()) {
    // "Now push something else to :1, and something to :2"
    if (index === 4) {
      await registry.push('shop/web', '1', image('something else'));
      await registry.push('shop/web', '2', image('something'));
    }
    const local = command
      .replaceAll('localhost:5000', registry.host)
      .replace('oci:web', `oci:${directory}/web`);
    const { exit, output } = await runBeside(service, directory, local.split(' '));
    const expected = word.replaceAll('localhost:5000', registry.host);
    expect(output, command).toMatch(new RegExp(`^${expected.replaceAll('.', '\\.')}`, 'm'));
    expect(exit, command).toBe(word === 'DENIED' ? 1 : 0);
  }
}, 60_000);
