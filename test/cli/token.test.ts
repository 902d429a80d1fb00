/** `vidimus token`: a secret is shown once or written for its owner alone; lists never hold one. */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Machine, normalise, openMachine, openSite, type TrustSite } from './publishing-world.ts';

let site: TrustSite;
let machine: Machine;
const secretForm = /^vdm_[A-Za-z0-9_-]{43}\n$/;

beforeAll(async () => {
  site = await openSite();
  machine = await openMachine(site);
});
afterAll(async () => {
  await machine.close();
  await site.close();
});

const run = (...words: readonly string[]) => machine.run(['token', ...words]);
const as = (token: string, ...words: readonly string[]) =>
  machine.run(words, { environment: { VIDIMUS_TOKEN: token } });
const create = async (...words: readonly string[]): Promise<string> => {
  const { exit, stdout } = await run('create', ...words);
  expect(exit).toBe(0);
  return stdout.trim();
};
const listed = async () =>
  z
    .object({ tokens: z.array(z.object({ id: z.string(), name: z.string() })) })
    .parse(JSON.parse((await run('list', '--json')).stdout)).tokens;
const idOf = async (name: string): Promise<string> =>
  (await listed()).find((each) => each.name === name)?.id ?? '';

describe('token create', () => {
  it('prints the token alone on stdout, so that a shell can take it', async () => {
    const made = await run('create', 'ci-shop', '--role', 'signer', '--repository', 'r.example/shop/**');
    expect(made.stdout).toMatch(secretForm);
    expect(normalise(site, machine, { ...made, stdout: '' })).toMatchInlineSnapshot(`
      "--- stderr
      token {id}, signer of r.example/shop/**, until 2027-02-19T09:00:00Z; shown this once
      exit 0"
    `);
    expect((await as(made.stdout.trim(), 'token', 'list')).exit).toBe(0);
  });

  it('writes it to a new file that only its owner can read, and prints nothing of it', async () => {
    const out = join(machine.home, 'ci.token');
    const made = await run('create', 'ci-file', '--role', 'admin', '--expires-after', '30d', '--out', out);
    const secret = await readFile(out, 'utf8');
    expect(secret).toMatch(secretForm);
    expect((await stat(out)).mode & 0o777).toBe(0o600);
    expect(made.stdout + made.stderr).not.toContain(secret.trim());
    expect(normalise(site, machine, made)).toMatchInlineSnapshot(`
      "CREATED  ci-file
        token     {id}
        role      admin
        where     **
        until     2026-12-21 09:00 (30 days)
        secret    in ~/ci.token, for its owner alone
      exit 0"
    `);
  });

  it('makes none when the file is there already, or the server refuses', async () => {
    const out = join(machine.home, 'there');
    await writeFile(out, 'precious');
    const before = (await listed()).length;
    expect((await run('create', 'x', '--role', 'admin', '--out', out)).exit).toBe(2);
    expect(await readFile(out, 'utf8')).toBe('precious');
    const fresh = join(machine.home, 'fresh');
    const denied = await run('create', 'x', '--role', 'admin', '--repository', 'A**', '--out', fresh);
    expect(denied.exit).toBe(1);
    await expect(stat(fresh)).rejects.toThrow('ENOENT');
    expect(await listed()).toHaveLength(before);
  });

  it('says, with --json, everything in one object', async () => {
    const { stdout } = await run('create', 'json', '--role', 'auditor', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      outcome: 'created',
      name: 'json',
      role: 'auditor',
      repositories: ['**'],
      token: expect.stringMatching(/^vdm_/),
    });
  });

  it.each([
    ['no role', ['create', 'x']],
    ['a role there is not', ['create', 'x', '--role', 'owner']],
    ['a signer of nothing in particular', ['create', 'x', '--role', 'signer']],
  ])('refuses %s', async (_what, words) => {
    expect((await run(...words)).exit).toBe(2);
  });

  it('refuses to give away more than there is, and says so', async () => {
    const narrow = await create('narrow', '--role', 'admin', '--repository', 'r.example/shop/**');
    const wide = await as(narrow, 'token', 'create', 'wide', '--role', 'reader', '--repository', '**');
    expect(normalise(site, machine, wide)).toMatchInlineSnapshot(`
      "--- stderr
      ERROR  the repositories are not, or not provably, within your own  DENIED
      exit 1"
    `);
    const inside = await as(
      narrow,
      'token',
      'create',
      'in',
      '--role',
      'reader',
      '--repository',
      'r.example/shop/a',
    );
    expect(inside.exit).toBe(0);
  });
});

describe('token list', () => {
  it('shows what may be ended, and no secret', async () => {
    const secret = await create('listed', '--role', 'reader', '--repository', 'r.example/listed');
    const everything = await run('list');
    expect(everything.stdout).not.toContain(secret);
    const own = await as(secret, 'token', 'list');
    expect(normalise(site, machine, own)).toMatchInlineSnapshot(`
      "TOKEN                       NAME    ROLE    WHERE             UNTIL       USED
      {id}  listed  reader  r.example/listed  2027-02-19  -
      exit 0"
    `);
  });
});

describe('token revoke', () => {
  it('ends a token at once, and names those it made', async () => {
    const boss = await create('boss', '--role', 'admin');
    await as(boss, 'token', 'create', 'child', '--role', 'reader', '--repository', '**');
    const revoked = await run('revoke', await idOf('boss'));
    expect(normalise(site, machine, revoked)).toMatchInlineSnapshot(`
      "REVOKED  boss
        token     {id}
        role      admin
        where     **
        until     2027-02-19 09:00 (3 months)
        effect    refused from now on, by every replica
        it made   {id}: still good
      exit 0"
    `);
    const refused = await as(boss, 'token', 'list');
    expect(normalise(site, machine, refused)).toMatchInlineSnapshot(`
      "--- stderr
      ERROR  https://trust.test/ wants a token  UNAUTHORIZED
        fix       the token sent is unknown, expired or revoked: the first token ends when it has made an administrator
      exit 3"
    `);
    expect((await listed()).map(({ name }) => name)).not.toContain('boss');
    expect((await run('list', '--all')).stdout).toContain('revoked 2026-11-21');
  });

  it('does not take the token itself, which would stay in the history of a shell', async () => {
    const secret = await create('leaked', '--role', 'reader', '--repository', 'r.example/x');
    const refused = await run('revoke', secret);
    expect([refused.exit, refused.stderr.includes(secret)]).toEqual([2, false]);
  });

  it('says when there is no such token', async () => {
    expect(normalise(site, machine, await run('revoke', '01NOSUCHTOKEN'))).toMatchInlineSnapshot(`
      "--- stderr
      ERROR  there is no token 01NOSUCHTOKEN that is yours to end  TOKEN_UNKNOWN
      exit 1"
    `);
  });
});

describe('without a server or a token', () => {
  it('says which', async () => {
    const nowhere = await machine.run(['token', 'list'], { environment: { VIDIMUS_SERVER: undefined } });
    expect(normalise(site, machine, nowhere)).toMatchInlineSnapshot(`
      "--- stderr
      ERROR  no trust server is named  USAGE
        fix       --server URL or VIDIMUS_SERVER
      exit 2"
    `);
    const nobody = await machine.run(['token', 'list'], { environment: { VIDIMUS_TOKEN: undefined } });
    expect(normalise(site, machine, nobody)).toMatchInlineSnapshot(`
      "--- stderr
      ERROR  https://trust.test/ wants a token  UNAUTHORIZED
        fix       no token was sent: set VIDIMUS_TOKEN or --token-file FILE, beside --server or VIDIMUS_SERVER
      exit 3"
    `);
  });
});
