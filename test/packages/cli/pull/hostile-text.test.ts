/** Text of strangers on its way to a terminal, and our secrets on their way to programs of others. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makePullingWorld, type PullingWorld } from '../../../cli/pulling-world.ts';
import { helloImage } from '../../../support/image-builder.ts';

const hello = helloImage();
/** Clears the screen, sets the title, turns the line around. */
const hostile = 'qa\u001b[2J\u001b]0;x\u0007\u009b31m\u202e\u2066';
let world: PullingWorld;
let programs: string;

beforeEach(async () => {
  world = await makePullingWorld();
  programs = join(world.home, 'bin');
  mkdirSync(programs);
});
afterEach(async () => {
  await world.close();
});

function program(name: string, script: string): void {
  writeFileSync(join(programs, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(programs, name), 0o755);
}

/** Control and invisible characters, but for the line feed. */
function unsafe(text: string): readonly string[] {
  return text.replaceAll('\n', '').match(/[\p{Cc}\p{Cf}]/gu) ?? [];
}

describe('what a terminal is shown', () => {
  it.each([
    ['verify', []],
    ['inspect', []],
    ['pull', ['--with', 'docker']],
  ] as const)('by %s holds no control character of a role name', async (command, words) => {
    program('docker', 'exit 0');
    world.simulator.delegate('targets', hostile);
    world.sign('1.0', hello, hostile);
    world.publish();
    const { exit, stdout, stderr } = await world.run([command, `${world.repository}:1.0`, ...words], {
      PATH: programs,
    });
    expect([exit, unsafe(stdout), unsafe(stderr)]).toEqual([0, [], []]);
    expect(stdout).toContain('qa\\u001b[2J');
  });

  it('by a pull that fails holds no control character of the engine', async () => {
    program('docker', "printf 'layer \\033[2J\\342\\200\\256\\n' >&2; exit 1");
    world.sign('1.0', hello);
    world.publish();
    const words = ['pull', `${world.repository}:1.0`, '--with', 'docker'];
    const { exit, stderr, stdout } = await world.run(words, { PATH: `${programs}:/usr/bin:/bin` });
    expect([exit, unsafe(stdout), unsafe(stderr)]).toEqual([3, [], []]);
    expect(stderr).toContain('layer \\u001b[2J\\u202e');
  });
});

it('a credential helper sees none of our secrets', async () => {
  const seen = join(world.home, 'seen');
  program('docker-credential-odd', `env > '${seen}'; echo '{"Username":"u","Secret":"p"}'`);
  mkdirSync(join(world.home, '.docker'));
  writeFileSync(join(world.home, '.docker', 'config.json'), '{"credsStore":"odd"}');
  world.sign('1.0', hello);
  world.publish();
  world.registry.intercept((request, response) => {
    if (request.headers.authorization !== undefined) return false;
    response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
    return true;
  });
  const { exit } = await world.run(['verify', `${world.repository}:1.0`], {
    PATH: `${programs}:/usr/bin:/bin`,
    VIDIMUS_TOKEN: 'vdm_secret',
    VIDIMUS_PASSPHRASE: 'correct horse',
  });
  const environment = readFileSync(seen, 'utf8');
  expect(exit).toBe(0);
  expect(environment).toContain('PATH=');
  expect(environment).not.toMatch(/vdm_secret|correct horse/);
});
