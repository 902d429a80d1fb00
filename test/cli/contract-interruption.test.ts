/** What becomes of a pull that is interrupted, and of an answer that nobody can be given. */
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { run } from '../../packages/cli/src/run.ts';
import { helloImage } from '../support/image-builder.ts';
import { makePullingWorld, type PullingWorld } from './pulling-world.ts';

const image = helloImage('web');
let world: PullingWorld;

beforeEach(async () => {
  world = await makePullingWorld();
  world.sign('1.0', image);
  world.publish();
});
afterEach(async () => {
  await world.close();
});

/** A pull that gets Ctrl-C when the registry has begun to send a layer, and never sends the rest. */
async function interruptedPull(to: string): Promise<{ readonly exit: number; readonly stderr: string }> {
  const { promise: stopped, resolve: stop } = withResolvers();
  world.registry.intercept((request, response) => {
    if (!request.url?.includes('/blobs/')) return false;
    response.writeHead(200, { 'content-type': 'application/octet-stream' });
    response.write('begun', () => stop('SIGINT'));
    return true;
  });
  const stderr: string[] = [];
  const exit = await run(['pull', `${world.repository}:1.0`, '--to', `oci:${to}`], {
    environment: { HOME: world.home, VIDIMUS_CONFIG: join(world.home, 'config.yaml') },
    stdout: { write: () => undefined },
    stderr: { write: (text) => stderr.push(text) },
    stdinIsTTY: false,
    now: () => world.simulator.now,
    random: (length) => new Uint8Array(length),
    stopped,
    ask: () => Promise.reject(new Error('nobody is there')),
  });
  world.registry.intercept(undefined);
  return { exit, stderr: stderr.join('') };
}

function withResolvers(): { readonly promise: Promise<string>; readonly resolve: (signal: string) => void } {
  let resolve = (_signal: string): void => undefined;
  const promise = new Promise<string>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

it('takes away what an interrupted pull had written', async () => {
  const to = join(world.home, 'fresh');
  const { exit, stderr } = await interruptedPull(to);
  expect(exit).toBe(1);
  expect(stderr).toMatch(/^ERROR {2}interrupted by SIGINT.* CANCELLED$/m);
  expect(existsSync(to)).toBe(false);
});

it('leaves a layout that was there as it was', async () => {
  const to = join(world.home, 'kept');
  world.sign('2.0', helloImage('other'));
  world.publish();
  await world.run(['pull', `${world.repository}:2.0`, '--to', `oci:${to}`]);
  const before = readdirSync(to, { recursive: true }).sort();
  await interruptedPull(to);
  expect(readdirSync(to, { recursive: true }).sort()).toEqual(before);
});

it('does not call an answer that could not be written a success', () => {
  const full = openSync('/dev/full', 'w');
  const program = ['--conditions=source', '--import', 'tsx', 'packages/cli/src/main.ts', 'version'];
  const { status } = spawnSync(process.execPath, program, { stdio: ['ignore', full, 'pipe'] });
  closeSync(full);
  expect(status).toBe(5);
});
