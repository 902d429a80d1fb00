/** A lost root over the command line: recovery keys say which root follows, and every machine's person is asked once. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFileKeyStore } from '@vidimus/key-store';
import { tufDialect } from '@vidimus/tuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ed25519KeyObject } from '../../packages/cli/src/publish/public-key-file.ts';
import {
  type Machine,
  normalise,
  openMachine,
  openSite,
  seededRandom,
  TOKEN,
  type TrustSite,
} from './publishing-world.ts';

let site: TrustSite;
let owner: Machine;
let home: string;
const machines: Machine[] = [];
const file = (name: string): string => join(home, name);
let count = 0;
let repository: string;
let recoveryId: string;

beforeAll(async () => {
  site = await openSite();
  home = await mkdtemp(join(tmpdir(), 'vdm-handover-'));
  owner = await openMachine(site, 'owner');
  const store = createFileKeyStore({
    directory: join(owner.home, '.local', 'share', 'vidimus', 'keys'),
    passphrase: async () => 'correct horse',
    random: seededRandom('recovery'),
    now: () => site.clock.nowMs,
  });
  const key = await store.generate(
    { label: 'recovery' },
    ({ publicHex }) => tufDialect.toKey(ed25519KeyObject(publicHex)).keyId,
  );
  recoveryId = key.keyId;
  await writeFile(file('recovery.pub'), key.publicHex);
});
afterAll(async () => {
  for (const machine of machines.splice(0)) await machine.close();
  await owner.close();
  await site.close();
  await rm(home, { recursive: true, force: true });
});
async function begin(): Promise<void> {
  count += 1;
  repository = `registry.example.com/lost/r${count}`;
  ok(await owner.run(['init', repository, '--managed-root']));
  await saveRoot(1, 'old.json');
  await writeFile(
    file('with-recovery.anchor.json'),
    ok(await owner.run(['anchor', 'export', repository, '--recovery-key', file('recovery.pub')])).stdout,
  );
}
function ok<T extends { readonly exit: number; readonly stdout: string; readonly stderr: string }>(
  ran: T,
): T {
  expect(ran, `${ran.stdout}\n${ran.stderr}`).toMatchObject({ exit: 0 });
  return ran;
}

/** A machine that pinned the anchor file, and has seen the repository. */
async function user(seed: string): Promise<Machine> {
  const machine = await openMachine(site, seed);
  machines.push(machine);
  ok(await machine.run(['anchor', 'pin', file('with-recovery.anchor.json')]));
  ok(await machine.run(['inspect', repository]));
  return machine;
}

/** The repository ends and begins anew: its next root follows by version, and no old key signed it. */
async function lose(): Promise<void> {
  const path = `/v2/${repository}/_trust`;
  const authorization = `Bearer ${TOKEN}`;
  await site.app.request(path, { method: 'DELETE', headers: { authorization } });
  await site.app.request(path, {
    method: 'PUT',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ roles: { root: { keys: [{ custody: 'managed' }] } } }),
  });
  await saveRoot(2, 'new.json');
}

async function saveRoot(version: number, name: string): Promise<void> {
  const answer = await site.app.request(`/v2/${repository}/_trust/metadata/${version}.root.json`);
  expect(answer.status).toBe(200);
  await writeFile(file(name), new Uint8Array(await answer.arrayBuffer()));
}

async function make(): Promise<void> {
  const from = ['--from', file('old.json'), '--to', file('new.json'), '--reason', 'the safe burnt'];
  const ran = await owner.run(['anchor', 'handover', 'make', repository, ...from, '--key', recoveryId]);
  await writeFile(file('handover.json'), ok(ran).stdout);
}

describe('a lost root', () => {
  const seeds = ['asked', 'alone', 'fooled', 'carrying', 'late'] as const;
  const users = new Map<string, Machine>();
  const userOf = (seed: (typeof seeds)[number]): Machine => {
    const machine = users.get(seed);
    if (machine === undefined) throw new Error(`no machine ${seed}`);
    return machine;
  };
  beforeAll(async () => {
    await begin();
    for (const seed of seeds) users.set(seed, await user(seed));
    await lose();
    await make();
  });

  it('stops every machine until its person accepts the hand-over', async () => {
    const machine = userOf('asked');
    expect((await machine.run(['inspect', repository])).exit).toBe(1);
    const accepted = await machine.run(['anchor', 'handover', 'accept', file('handover.json')], {
      answers: ['y'],
    });
    expect(normalise(site, machine, accepted)).toMatchInlineSnapshot(`
      "ACCEPTED  registry.example.com/lost/r1
        repository  registry.example.com/lost/r1
        leaves      root v1 sha256:{64 hex}
        goes on     root v2 sha256:{64 hex}
        reason      the safe burnt
        until       2026-11-28 09:00 (7 days)
        signed by   recovery keys {12 hex}
        old keys    1 of {12 hex}
        new keys    1 of {12 hex}
        next        vidimus inspect registry.example.com/lost/r1
      --- stderr
        repository  registry.example.com/lost/r1
        leaves      root v1 sha256:{64 hex}
        goes on     root v2 sha256:{64 hex}
        reason      the safe burnt
        until       2026-11-28 09:00 (7 days)
        signed by   recovery keys {12 hex}
        old keys    1 of {12 hex}
        new keys    1 of {12 hex}
      Trust the new root in place of the old one? [y/N] 
      exit 0"
    `);
    ok(await machine.run(['inspect', repository]));
    const again = await machine.run(['anchor', 'handover', 'accept', file('handover.json'), '--yes']);
    expect([again.exit, again.stderr]).toEqual([1, expect.stringContaining('accepted here before')]);
  });

  it('is not handed over without a person', async () => {
    const machine = userOf('alone');
    const accept = ['anchor', 'handover', 'accept', file('handover.json')];
    expect((await machine.run(accept)).exit).toBe(2);
    expect((await machine.run(accept, { answers: ['n'] })).exit).toBe(1);
    expect((await machine.run(['inspect', repository])).exit).toBe(1);
    ok(await machine.run([...accept, '--yes', '--json']));
    ok(await machine.run(['inspect', repository]));
  });

  it('is handed over by nobody else: not by other keys, not by a file that was changed', async () => {
    const machine = userOf('fooled');
    const text = await readFile(file('handover.json'), 'utf8');
    for (const spoilt of [
      text.replace('the safe burnt', 'the safe burns'),
      text.replace('"version":2', '"version":3'),
      text.replace(/"sig":"../, '"sig":"ff'),
      '{}',
      'hello',
    ]) {
      await writeFile(file('spoilt.json'), spoilt);
      const ran = await machine.run(['anchor', 'handover', 'accept', file('spoilt.json'), '--yes']);
      expect([1, 3]).toContain(ran.exit);
    }
    expect((await machine.run(['inspect', repository])).exit).toBe(1);
  });

  it('is passed over by a machine whose anchor file carries the hand-over', async () => {
    const machine = userOf('carrying');
    const words = ['anchor', 'export', repository, '--recovery-key', file('recovery.pub')];
    const carrying = ok(await owner.run([...words, '--handover', file('handover.json')]));
    await writeFile(file('carrying.anchor.json'), carrying.stdout);
    ok(await machine.run(['anchor', 'pin', file('carrying.anchor.json')]));
    const seen = ok(await machine.run(['inspect', repository]));
    expect(seen.stderr).toContain('HANDOVER_ACCEPTED');
  });

  it('is gone by after its time', async () => {
    const machine = userOf('late');
    site.clock.nowMs += 8 * 86_400_000;
    const late = await machine.run(['anchor', 'handover', 'accept', file('handover.json'), '--yes']);
    expect([late.exit, late.stderr]).toEqual([1, expect.stringContaining('EXPIRED')]);
  });
});

describe('vidimus anchor handover make', () => {
  beforeAll(async () => {
    await begin();
    await lose();
  });

  it.each<[string, (words: { from: string; to: string }) => readonly string[]]>([
    ['without the new root', ({ from }) => [repository, '--from', from, '--reason', 'x']],
    ['without a reason', ({ from, to }) => [repository, '--from', from, '--to', to]],
    ['without a repository', ({ from, to }) => ['--from', from, '--to', to, '--reason', 'x']],
    ['to the root that is lost', ({ from }) => [repository, '--from', from, '--to', from, '--reason', 'x']],
    [
      'for longer than 90 days',
      ({ from, to }) => [repository, '--from', from, '--to', to, '--reason', 'x', '--valid', '91d'],
    ],
    [
      'for no time',
      ({ from, to }) => [repository, '--from', from, '--to', to, '--reason', 'x', '--valid', 'soon'],
    ],
    [
      'from what is no root',
      ({ to }) => [repository, '--from', file('recovery.pub'), '--to', to, '--reason', 'x'],
    ],
    [
      'of another repository',
      ({ from, to }) => ['registry.example.com/b', '--from', from, '--to', to, '--reason', 'x'],
    ],
  ])('%s makes nothing', async (_, words) => {
    const roots = { from: file('old.json'), to: file('new.json') };
    const ran = await owner.run(['anchor', 'handover', 'make', ...words(roots), '--key', recoveryId]);
    expect([1, 2, 3]).toContain(ran.exit);
    expect(ran.stdout).toBe('');
  });

  it('adds signatures to what somebody else made, and shows it first', async () => {
    await make();
    const ran = await owner.run(
      ['anchor', 'handover', 'make', '--add', file('handover.json'), '--key', recoveryId],
      { answers: ['y'] },
    );
    expect(JSON.parse(ok(ran).stdout)).toEqual(JSON.parse(await readFile(file('handover.json'), 'utf8')));
    expect(ran.stderr).toContain('the safe burnt');
    const missing = await owner.run([
      'anchor',
      'handover',
      'make',
      '--add',
      file('handover.json'),
      '--key',
      'f'.repeat(64),
    ]);
    expect(missing.exit).toBe(2);
  });
});
