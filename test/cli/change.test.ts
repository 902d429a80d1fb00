/** Changes that wait for signatures: listed, shown, signed by a second person, ended; never signed blindly. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  type Circumstances,
  type Machine,
  normalise,
  openMachine,
  openSite,
  TOKEN,
  type TrustSite,
} from './publishing-world.ts';

let site: TrustSite;
let alice: Machine;
let bob: Machine;
/** Waits for a root signature of bob, of two. */
let shared: string;
let changeId: string;
let bobsKey: string;

const answered = z.looseObject({
  change: z.looseObject({ id: z.string(), edit: z.looseObject({ body: z.unknown() }) }),
  keys: z.array(z.looseObject({ publicKey: z.string() })),
});
const failure = z.object({
  error: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }),
});

beforeAll(async () => {
  site = await openSite();
  alice = await openMachine(site, 'alice');
  bob = await openMachine(site, 'bob');
  const made = await bob.run(['init', named('of-bob'), '--json']);
  bobsKey = join(alice.home, 'bob.pub');
  await writeFile(
    bobsKey,
    answered.omit({ change: true }).parse(JSON.parse(made.stdout)).keys[0]?.publicKey ?? '',
  );
  shared = named('shared');
  changeId = await propose(shared);
});
afterEach(() => site.intercept(undefined));
afterAll(async () => {
  await alice.close();
  await bob.close();
  await site.close();
});

const named = (name: string): string => `${site.registry.host}/team/${name}`;

/** Alice proposes a repository whose root she and bob have to sign, and signs it. */
async function propose(repository: string): Promise<string> {
  const words = ['init', repository, '--root-key', bobsKey, '--threshold', '2', '--json'];
  const { exit, stdout } = await alice.run(words);
  expect(exit).toBe(6);
  return answered.parse(JSON.parse(stdout)).change.id;
}

async function show(machine: Machine, words: readonly string[], circumstances: Circumstances = {}) {
  return normalise(site, machine, await machine.run(words, circumstances));
}

async function failureOf(machine: Machine, words: readonly string[], circumstances: Circumstances = {}) {
  const { exit, stdout } = await machine.run([...words, '--json'], circumstances);
  return `${failure.parse(JSON.parse(stdout)).error.code} ${exit}`;
}

/** The change as the server has it, with one member of its JSON spoiled. */
async function spoiled(spoil: (change: Record<string, unknown>) => Record<string, unknown>): Promise<void> {
  const path = `/v2/${shared}/_trust/changes/${changeId}`;
  const honest = await site.app.request(path, { headers: { Authorization: `Bearer ${TOKEN}` } });
  const change = z.record(z.string(), z.unknown()).parse(await honest.json());
  const body = JSON.stringify(spoil(change));
  site.intercept(({ method, url }) =>
    method === 'GET' && url.includes(path) ? { status: 200, body } : undefined,
  );
}

describe('a change', () => {
  it('is listed by its server, whatever is pinned here, or of the repository that is named', async () => {
    const [header, row] = (await alice.run(['change', 'list'])).stdout.split('\n');
    expect(header).toMatch(/^CHANGE +REPOSITORY +KIND +SIGNATURES +UNTIL +WHAT$/);
    expect(row).toMatch(new RegExp(`^${changeId} +${shared} +create +1 missing +2026-11-28`));
    expect((await bob.run(['change', 'list', shared])).stdout).toContain(changeId);
    expect((await bob.run(['change', 'list'])).stdout).toContain(changeId);
  });

  it('is listed as one that waits for a key where that key is', async () => {
    expect((await bob.run(['change', 'list', '--mine'])).stdout).toContain(changeId);
    expect((await bob.run(['change', 'list', shared, '--mine'])).stdout).toContain(changeId);
    expect((await alice.run(['change', 'list', '--mine'])).stdout).toBe('no open changes\n');
  });

  it('is listed as one that waits for an approval where the server says that it does', async () => {
    const path = '/v2/_trust/changes?state=open';
    const honest = await site.app.request(path, { headers: { Authorization: `Bearer ${TOKEN}` } });
    const page = z.object({ items: z.array(z.looseObject({})) }).parse(await honest.json());
    const approvals = { needed: 1, by: [], missing: 1 };
    const lacking = JSON.stringify({ items: page.items.map((each) => ({ ...each, approvals })), next: null });
    const none = JSON.stringify({ items: [], next: null });
    const answer = (mine: string) =>
      site.intercept(({ url }) =>
        url.includes(path) ? { status: 200, body: url.includes('mine=true') ? mine : lacking } : undefined,
      );
    answer(lacking);
    expect((await alice.run(['change', 'list', '--mine'])).stdout).toContain(changeId);
    answer(none);
    expect((await alice.run(['change', 'list', '--mine'])).stdout).toBe('no open changes\n');
  });

  it.each([
    ['an older server', 'ROUTE_UNKNOWN', 404],
    ['a server that tells this token nothing', 'DENIED', 403],
  ])('is listed where its repository is pinned by %s', async (_, code, status) => {
    const body = JSON.stringify({ errors: [{ code, message: 'no' }] });
    site.intercept(({ url }) => (url.startsWith('/v2/_trust/changes') ? { status, body } : undefined));
    expect((await alice.run(['change', 'list'])).stdout).toContain(changeId);
    expect((await bob.run(['change', 'list'])).stdout).toBe('no open changes\n');
  });

  it('is not listed by a server that the repository is not looked for at', async () => {
    const page = { items: [], next: null };
    const change = await site.app.request(`/v2/${shared}/_trust/changes/${changeId}`, {
      headers: { Authorization: `Bearer ${TOKEN}` },
    });
    const stray = { ...z.looseObject({}).parse(await change.json()), repository: 'not a name' };
    const body = JSON.stringify({ ...page, items: [stray] });
    site.intercept(({ url }) => (url.startsWith('/v2/_trust/changes') ? { status: 200, body } : undefined));
    expect((await alice.run(['change', 'list'])).stdout).toBe('no open changes\n');
  });

  it('is shown with what was recomputed', async () => {
    expect(await show(alice, ['change', 'show', changeId.slice(0, 24)])).toMatchInlineSnapshot(`
      "OPEN  registry.test/team/shared
        change    {id}
        what      create registry.test/team/shared
                  root: create with 2 keys, threshold 2
        edit      PUT /v2/registry.test/team/shared/_trust
        by        admin-token, 2026-11-21 09:00 (0 seconds)
        document  tuf root v1, sha256:{64 hex}, signatures missing: 1
                  signed by {12 hex} (admin-token) 2026-11-21 09:00 (0 seconds)
                  may sign: {12 hex}
        until     2026-11-28 09:00 (7 days)
        checked   recomputed here from the edit: equal, byte for byte
        next      vidimus change sign {id} registry.test/team/shared
      exit 0"
    `);
  });

  it('waits no longer than it was told', async () => {
    const { exit, stdout } = await alice.run(['change', 'sign', changeId, shared, '--wait', '1s']);
    expect([exit, stdout.split('  ')[0]]).toEqual([6, 'PENDING']);
  });

  it('is not signed by whoever holds none of its keys', async () => {
    const carol = await openMachine(site, 'carol');
    expect(await failureOf(carol, ['change', 'sign', changeId, shared, '--yes'])).toBe('KEY_UNKNOWN 1');
    await carol.close();
  });

  it('is shown before it is signed, and not signed where there is nobody to show it to', async () => {
    expect(await failureOf(bob, ['change', 'sign', changeId, shared])).toBe('CONFIRMATION_NEEDED 2');
    const refused = await bob.run(['change', 'sign', changeId, shared], { answers: ['n'] });
    expect(refused.exit).toBe(1);
    expect(refused.stderr).toContain('compare the root keys with their owners');
    expect(refused.stderr).toContain('CANCELLED');
  });

  it.each<[string, (change: Record<string, unknown>) => Record<string, unknown>, string]>([
    [
      'another edit than its documents',
      (change) => ({
        ...change,
        edit: { method: 'PUT', path: 'x', body: { roles: { root: { threshold: 1 } } } },
      }),
      'CHANGE_MISMATCH 1',
    ],
    [
      'an edit that is none',
      (change) => ({ ...change, edit: { method: 'PUT', path: 'x', body: 7 } }),
      'CHANGE_MISMATCH 1',
    ],
    ['a kind nobody here can recompute', (change) => ({ ...change, kind: 'magic' }), 'CHANGE_UNSUPPORTED 1'],
    ['another repository', (change) => ({ ...change, repository: named('other') }), 'CHANGE_UNKNOWN 1'],
    ['an id for a terminal', (change) => ({ ...change, id: '\u001b[2J' }), 'CHANGE_UNKNOWN 1'],
    ['an end', (change) => ({ ...change, state: 'rejected' }), 'CHANGE_CLOSED 1'],
  ])('with %s is not signed', async (_, spoil, code) => {
    await spoiled(spoil);
    expect(await failureOf(bob, ['change', 'sign', changeId, shared, '--yes'])).toBe(code);
  });

  it('says when it shows one that cannot be signed here', async () => {
    await spoiled((change) => ({ ...change, kind: 'magic' }));
    const { exit, stdout } = await bob.run(['change', 'show', changeId, shared]);
    expect([exit, /NOT what can be signed here/.test(stdout)]).toEqual([0, true]);
  });

  it('is refused where other root keys are pinned', async () => {
    const dana = await openMachine(site, 'dana');
    const pin = ['anchor', 'pin', shared, '--key-id', 'a'.repeat(64), '--threshold', '1'];
    expect((await dana.run(pin)).exit).toBe(0);
    expect(await failureOf(dana, ['change', 'sign', changeId, shared, '--yes'])).toBe('ANCHOR_MISMATCH 1');
    await dana.close();
  });

  it('is published by the last signature, and its root pinned', async () => {
    expect(await show(bob, ['change', 'sign', changeId, shared], { answers: ['y'] })).toMatchInlineSnapshot(`
      "PUBLISHED  registry.test/team/shared
        change    {id}
        what      create registry.test/team/shared
        versions  root 1, targets 1, revocations 1, snapshot 1, timestamp 1
        anchor    pinned here: root v1 sha256:{12 hex}, 2 of 2 root keys: {12 hex}, {12 hex}
        next      vidimus sign registry.test/team/shared:TAG@sha256:DIGEST
      --- stderr
      change of registry.test/team/shared, recomputed here from the edit: equal, byte for byte
        change    {id}
        what      create registry.test/team/shared
                  root: create with 2 keys, threshold 2
        edit      PUT /v2/registry.test/team/shared/_trust
        by        admin-token, 2026-11-21 09:00 (0 seconds)
        document  tuf root v1, sha256:{64 hex}, signatures missing: 1
                  signed by {12 hex} (admin-token) 2026-11-21 09:00 (0 seconds)
                  may sign: {12 hex}
        until     2026-11-28 09:00 (7 days)
        edit      {"roles":{"root":{"threshold":2,"keys":[{"custody":"client","key":{"keyval":{"public":"{64 hex}"},"scheme":"ed25519","keytype":"ed25519"}},{"custody":"client","key":{"keyval":{"public":"{64 hex}"},"scheme":"ed25519","keytype":"ed25519"}}]}}}
        anchor    nothing is pinned here: compare the root keys with their owners
      Sign it? [y/N] 
      exit 0"
    `);
    expect((await bob.run(['anchor', 'list'])).stdout).toContain(shared);
    expect(await failureOf(bob, ['change', 'sign', changeId, shared])).toBe('CHANGE_CLOSED 1');
    expect(await show(alice, ['change', 'show', changeId, shared])).toMatch(/^PUBLISHED/);
  });

  it('is ended by whoever may publish, and its version used again once a person says so', async () => {
    const repository = named('again');
    const first = await propose(repository);
    expect(await show(bob, ['change', 'reject', first, repository])).toMatchInlineSnapshot(`
      "REJECTED  registry.test/team/again
        change    {id}
        what      create registry.test/team/again
        effect    none: clients see what they saw before
      exit 0"
    `);
    expect(await failureOf(alice, ['change', 'reject', first, repository])).toBe('CHANGE_CLOSED 1');
    site.clock.nowMs += 60_000;
    const words = ['init', repository, '--root-key', bobsKey, '--threshold', '2'];
    expect((await alice.run(words, { answers: ['y'] })).exit).toBe(6);
    const list = await bob.run(['change', 'list', repository, '--json']);
    const changes = z.object({ changes: z.array(z.object({ id: z.string() })) });
    const second = changes.parse(JSON.parse(list.stdout)).changes[0]?.id ?? '';
    expect(second).not.toBe(first);
    expect((await bob.run(['change', 'sign', second, repository, '--yes'])).exit).toBe(0);
  });

  it.each([
    ['what is no id', ['change', 'show', 'shop/web'], 'USAGE 2'],
    ['an id that nobody has', ['change', 'show', '01JDQ8M4'], 'CHANGE_UNKNOWN 1'],
    ['a time that is none', ['change', 'sign', '01JDQ8M4', '--wait', 'soon'], 'USAGE 2'],
  ])('is asked for wrongly with %s', async (_, words, code) => {
    expect(await failureOf(alice, words)).toBe(code);
  });
});
