/** CONTRACTS C6 to C9 as an outside caller meets them: one object of JSON, exit codes, variables, suggestions. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { programVersion } from '../../packages/cli/src/version.ts';
import { helloImage } from '../support/image-builder.ts';
import { makePullingWorld, type PullingWorld } from './pulling-world.ts';

const image = helloImage('web');
let world: PullingWorld;
let web: string;

beforeAll(async () => {
  world = await makePullingWorld();
  web = `${world.repository}:1.0`;
  world.sign('1.0', image);
  world.registry.add(helloImage('unsigned'), '2.0');
  world.publish();
});
afterAll(async () => {
  await world.close();
});

const failure = z.strictObject({
  error: z.strictObject({ code: z.string(), message: z.string(), hint: z.string().optional() }),
});

describe('a command line that is wrong', () => {
  const wrong: readonly (readonly [string, readonly string[], string])[] = [
    ['nothing', [], 'vidimus --help'],
    ['an unknown command', ['verfy'], 'did you mean verify? else vidimus --help'],
    ['a group without its command', ['anchor'], 'vidimus anchor --help'],
    ['an unknown command of a group', ['anchor', 'lst'], 'did you mean list? else vidimus anchor --help'],
    ['an unknown option', ['verify', 'a', '--strct'], 'did you mean --strict? else vidimus verify --help'],
    ['a missing argument', ['anchor', 'pin'], 'vidimus anchor pin --help'],
    ['one argument too many', ['verify', 'a', 'b'], 'vidimus verify --help'],
    ['a choice there is not', ['pull', 'a', '--with', 'dockr'], 'vidimus pull --help'],
    ['a number that is none', ['sign', 'a:1', '--size', 'x'], 'vidimus sign --help'],
  ];

  it.each(wrong)('with %s is exit 2, on stderr, with what to do', async (_, words, hint) => {
    const { exit, stdout, stderr } = await world.run(words);
    expect([exit, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^ERROR {2}.*USAGE\n/);
    expect(stderr).toContain(`\n  fix       ${hint}\n`);
  });

  it.each(wrong)('with %s is one object with --json, or its variable', async (_, words, hint) => {
    for (const { exit, stdout, stderr } of [
      await world.run([...words, '--json']),
      await world.run(words, { VIDIMUS_JSON: '1' }),
    ]) {
      expect([exit, stderr, stdout.split('\n').length]).toEqual([2, '', 2]);
      const { error } = failure.parse(JSON.parse(stdout));
      expect(error.code).toBe('USAGE');
      if (!error.message.includes("unknown option '--json'")) expect(error.hint).toBe(hint);
    }
  });
});

describe('every failure', () => {
  it.each([
    ['a reference', ['verify', 'UPPER/case'], '2 NAME_INVALID'],
    ['a platform', ['verify', 'a', '--platform', 'x'], '2 PLATFORM_INVALID'],
    ['a configuration file', ['verify', 'a', '--config', '/nowhere'], '2 CONFIG_INVALID'],
    ['a server', ['inspect', 'a', '--server', 'ftp://x'], '2 USAGE'],
    [
      'no anchor',
      ['inspect', 'registry.example.com/a', '--server', 'http://127.0.0.1:1', '--config', '~'],
      '3',
    ],
    ['a server that is away', ['revoke', 'registry.example.com/a:1', '--server', 'http://127.0.0.1:1'], '4 '],
    ['nobody to ask', ['sign', 'registry.example.com/a:1'], '2 CONFIRMATION_NEEDED'],
    ['a group', ['doctor', 'everything'], '2 USAGE'],
    ['a policy', ['policy', 'test', '/nowhere'], '2 POLICY_INVALID'],
    ['where to', ['pull', 'a', '--to', 'dir'], '2 USAGE'],
  ])('of %s is one object on stdout, and says what to do', async (_, words, expected) => {
    const empty = join(world.home, 'empty.yaml');
    await writeFile(empty, 'version: 1\n');
    const { exit, stdout, stderr } = await world.run([
      ...words.map((w) => (w === '~' ? empty : w)),
      '--json',
    ]);
    expect([stderr, stdout.split('\n').length]).toEqual(['', 2]);
    const { error } = failure.parse(JSON.parse(stdout));
    expect(`${exit} ${error.code}`).toMatch(new RegExp(`^${expected}`));
    expect(error.hint).toBeTruthy();
  });
});

describe('verify --quiet', () => {
  it('prints the pinned reference and nothing else', async () => {
    const pinned = `${world.repository}@${image.digest}\n`;
    expect(await world.run(['verify', '-q', web])).toEqual({ exit: 0, stdout: pinned, stderr: '' });
    expect(await world.run(['verify', web], { VIDIMUS_QUIET: '1' })).toMatchObject({ stdout: pinned });
  });

  it('prints nothing on stdout where it denies', async () => {
    const { exit, stdout, stderr } = await world.run(['verify', '-q', `${world.repository}:2.0`]);
    expect([exit, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^DENIED {2}/);
  });
});

describe('the version', () => {
  it('is answered in every usual way', async () => {
    expect((await world.run(['--version'])).stdout).toBe(`vidimus ${programVersion}\n`);
    expect((await world.run(['version'])).stdout).toMatch(`vidimus ${programVersion}, node `);
    const { stdout } = await world.run(['version', '--json']);
    expect(JSON.parse(stdout)).toEqual({ version: programVersion, node: process.versions.node });
    expect((await world.run(['help'])).exit).toBe(0);
  });
});

describe('unavailable', () => {
  const policy = `apiVersion: vidimus.dev/v1
kind: TrustPolicy
metadata: {name: still}
spec:
  match: {images: ["**"]}
  rules:
    - {id: vouched, require: {signatures: {allOf: [{tufRole: targets}]}}}
    - {id: still, require: {reference: {tagMoved: deny}}}
`;

  async function judged(unavailable: string, server: string, flags: readonly string[] = []): Promise<string> {
    const config = join(world.home, `${unavailable}.yaml`);
    await writeFile(join(world.home, 'still.yaml'), policy);
    const entry = { match: '**', trustServer: server, anchor: { root: '1.root.json' }, unavailable };
    const repositories = [{ ...entry, policies: ['still.yaml'] }];
    await writeFile(config, JSON.stringify({ version: 1, repositories }));
    const cache = join(world.home, `cache ${unavailable} ${server.length}`);
    const { exit, stdout } = await world.run([
      'verify',
      web,
      '--json',
      '--config',
      config,
      '--cache',
      cache,
      ...flags,
    ]);
    const answer = z.object({
      decision: z.object({ decision: z.string(), relaxedBy: z.array(z.string()) }),
    });
    const { decision } = answer.parse(JSON.parse(stdout));
    return [exit, decision.decision, ...decision.relaxedBy].join(' ');
  }

  it.each(['closed', 'warn', 'open'])(
    '%s lets nothing pass that trust data would have to say',
    async (word) => {
      expect(await judged(word, 'http://127.0.0.1:1')).toBe('4 deny');
    },
  );

  it('lets pass that the registry is silent about a tag, where it says so, and never against --strict', async () => {
    world.registry.intercept((request, response) => {
      if (!request.url?.endsWith('/manifests/1.0')) return false;
      response.writeHead(503).end();
      return true;
    });
    const { url } = world.trust.server;
    expect(await judged('closed', url)).toBe('3 deny');
    expect(await judged('warn', url)).toBe('0 warn still/still');
    expect(await judged('open', url)).toBe('0 allow still/still');
    expect(await judged('open', url, ['--strict'])).toBe('3 deny still/still');
    world.registry.intercept(undefined);
  });
});
