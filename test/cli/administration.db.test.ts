/**
 * Keys of repositories from the command line, against a real service: delegated, rotated, looked at, revoked, in one
 * dialect and in two; and what happens when nobody looked in time.
 */
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Machine, normalise, openMachine, openSite, type TrustSite } from './publishing-world.ts';

const DAY = 86_400_000;
const digest = `sha256:${'ab'.repeat(32)}`;

let site: TrustSite;
let alice: Machine;
let bob: Machine;
let plain: string;
let dual: string;
/** Public files of keys that alice and bob made. */
const keys = new Map<string, string>();

beforeAll(async () => {
  site = await openSite();
  alice = await openMachine(site, 'alice');
  bob = await openMachine(site, 'bob');
  plain = `${site.registry.host}/team/plain`;
  dual = `${site.registry.host}/team/dual`;
  for (const [name, repository] of [
    ['plain', plain],
    ['dual', dual],
  ] as const) {
    const dialect = name === 'dual' ? ['--dialect', 'tuf,notary'] : [];
    await done(alice, ['init', repository, ...dialect]);
    const anchor = join(bob.home, name);
    await writeFile(anchor, (await alice.run(['anchor', 'export', repository])).stdout);
    await done(bob, ['anchor', 'pin', repository, '--root', anchor]);
  }
}, 120_000);
afterAll(async () => {
  await alice.close();
  await bob.close();
  await site.close();
});

const answer = z.looseObject({
  outcome: z.string().optional(),
  change: z.union([z.string(), z.looseObject({ id: z.string() })]).optional(),
  openChange: z.string().optional(),
  error: z.looseObject({ code: z.string() }).optional(),
});

async function done(machine: Machine, words: readonly string[], answers?: readonly string[]) {
  const run = await machine.run(words, answers === undefined ? {} : { answers });
  if (run.exit !== 0) throw new Error(`${words.join(' ')}: exit ${run.exit}\n${run.stdout}${run.stderr}`);
  return run;
}

async function outcomeOf(machine: Machine, words: readonly string[]) {
  const { exit, stdout } = await machine.run([...words, '--json']);
  const { outcome, change, openChange, error } = answer.parse(JSON.parse(stdout));
  const id = openChange ?? (typeof change === 'string' ? change : change?.id);
  return { said: `${error?.code ?? outcome ?? 'none'} ${exit}`, id: id ?? '' };
}

const show = async (machine: Machine, words: readonly string[], answers?: readonly string[]) =>
  normalise(site, machine, await machine.run(words, answers === undefined ? {} : { answers }));

/** The public file of a key with that label, made on first use. */
async function keyOf(machine: Machine, label: string, more: readonly string[] = []): Promise<string> {
  const known = keys.get(label);
  if (known !== undefined) return known;
  const directory = join(machine.home, '.local/share/vidimus/keys');
  const before = new Set(await readdir(directory).catch(() => []));
  await done(machine, ['key', 'generate', '--label', label, ...more]);
  const made = (await readdir(directory)).find((name) => !before.has(name) && /\.(?:pub|crt)$/.test(name));
  const file = join(directory, made ?? '');
  keys.set(label, file);
  return file;
}

const idOf = (file: string): string => /([0-9a-f]{64})\.(?:pub|crt)$/.exec(file)?.[1] ?? '';

describe('a delegation', () => {
  it('is made by those who will sign in it', async () => {
    const signers = [
      `alice=${await keyOf(alice, 'alice')}`,
      `zoe=${await keyOf(alice, 'zoe', ['--algorithm', 'ecdsa-p256'])}`,
      `bob=${await keyOf(bob, 'bob')}`,
    ].flatMap((signer) => ['--signer', signer]);
    const words = ['delegation', 'add', plain, 'releases', ...signers, '--threshold', '2', '--path', '1.*'];
    expect((await outcomeOf(alice, words)).said).toBe('delegated 0');
    expect(await show(bob, ['delegation', 'list', plain])).toMatchInlineSnapshot(`
      "DELEGATION  NEED    TAGS  LISTED  ENDS                         SIGNERS
      releases    2 of 3  1.*   0       2027-02-19 09:00 (3 months)  alice {12 hex}, zoe {12 hex}, bob {12 hex}
      exit 0"
    `);
  });

  it('signs only the tags that it was given', async () => {
    const sign = (tag: string) => ['sign', `${plain}:${tag}@${digest}`, '--size', '9', '--as', 'releases'];
    expect((await outcomeOf(alice, sign('2.0'))).said).toBe('BODY_INVALID 1');
    expect((await outcomeOf(alice, sign('1.0'))).said).toBe('signed 0');
    const alone = await outcomeOf(bob, sign('1.1'));
    expect(alone.said).toBe('pending 6');
    expect((await outcomeOf(alice, ['change', 'sign', alone.id, plain, '--yes'])).said).toBe('published 0');
    const revoke = await outcomeOf(bob, ['revoke', `${plain}:1.1`, '--as', 'releases']);
    expect(revoke.said).toBe('pending 6');
    expect((await outcomeOf(alice, ['change', 'sign', revoke.id, plain, '--yes'])).said).toBe('published 0');
    expect((await bob.run(['verify', `${plain}:1.1`])).exit).toBe(1);
  });

  it.each([
    ['without a signer', ['--path', '*'], 'USAGE 2'],
    ['without tags', ['--signer', 'ci=managed'], 'USAGE 2'],
    ['with a signer without keys', ['--signer', 'ci', '--path', '*'], 'USAGE 2'],
    ['with a key that is none', ['--signer', 'ci=nothing', '--path', '*'], 'KEY_UNKNOWN 2'],
    [
      'that nobody could sign',
      ['--signer', 'ci=managed', '--path', '*', '--threshold', '2'],
      'THRESHOLD_INVALID 1',
    ],
  ])('%s is refused', async (_, more, code) => {
    expect((await outcomeOf(alice, ['delegation', 'add', plain, 'ci', ...more])).said).toBe(code);
  });
});

describe('the revocation of a key', () => {
  it('is foretold, by the beginning of its id', async () => {
    const id = idOf(await keyOf(alice, 'alice')).slice(0, 8);
    expect(await show(bob, ['key', 'impact', id, plain])).toMatchInlineSnapshot(`
      "Key {12 hex}  ed25519  alice  client custody, added 2026-11-21, last used 2026-11-21
      If revoked now, in registry.test/team/plain:

        others have to sign
               releases needs 2, 2 keys left
               releases waits for 2 signatures of bob, zoe
               refused until others sign: 1.0

      Clients:   refuse after their next refresh; at the latest 2026-11-22 09:00 (1 day), when today's timestamps expire

      Do it    vidimus key revoke {12 hex} registry.test/team/plain --replace-with FILE --reason TEXT
      Nothing has been changed.
      exit 0"
    `);
    expect(await show(alice, ['key', 'impact', id])).toMatchInlineSnapshot(`
      "Key {12 hex}  ed25519  alice  client custody, added 2026-11-21, last used 2026-11-21
      If revoked now, in 1 repository:

          1  need a signature: 1 tag stays vouched only after others sign

      Clients:   refuse after their next refresh; at the latest 2026-11-22 09:00 (1 day), when today's timestamps expire

      Do it    vidimus key revoke {12 hex} --replace-with FILE --reason TEXT
      Nothing has been changed.
      exit 0"
    `);
  });

  it('leaves to the others what it signed, and shows them all of it', async () => {
    const id = idOf(await keyOf(alice, 'alice'));
    const replacement = await keyOf(alice, 'alice of next year');
    const words = [
      'key',
      'revoke',
      id.slice(0, 8),
      plain,
      '--reason',
      'laptop stolen',
      '--replace-with',
      replacement,
    ];
    const revoked = await outcomeOf(alice, words);
    expect(revoked.said).toBe('revoked 6');
    expect((await bob.run(['verify', `${plain}:1.0`])).exit).toBe(1);
    const signed = await bob.run(['change', 'sign', revoked.id, plain], { answers: ['y'] });
    expect(signed.stderr).toContain(`releases: tag 1.0 stays ${digest}; too few`);
    expect(signed.exit).toBe(6);
    expect((await outcomeOf(alice, ['change', 'sign', revoked.id, plain, '--yes'])).said).toBe('published 0');
    expect((await bob.run(['verify', `${plain}:1.0`])).exit).toBe(0);
    const again = [
      'delegation',
      'add',
      plain,
      'other',
      '--signer',
      `alice=${await keyOf(alice, 'alice')}`,
      '--path',
      '*',
    ];
    expect((await outcomeOf(alice, again)).said).toBe('KEY_INVALID 1');
  });

  it('in every repository is a job that is followed', async () => {
    const id = idOf(await keyOf(alice, 'zoe'));
    const words = ['key', 'revoke', id.slice(0, 8), '--reason', 'left the team', '--expect-break', '0'];
    expect(await show(alice, words)).toMatchInlineSnapshot(`
      "REVOKED  key {12 hex}
        job       {id}, finished
        done      1 of 1 repositories published
      exit 0"
    `);
  });
});

describe('a role', () => {
  it('of the service gets another key, once root says so', async () => {
    expect((await outcomeOf(alice, ['key', 'rotate', plain, 'timestamp', '--reason', 'yearly'])).said).toBe(
      'rotated 0',
    );
    expect((await outcomeOf(bob, ['key', 'rotate', plain, 'snapshot', '--reason', 'yearly'])).said).toBe(
      'pending 6',
    );
    expect((await bob.run(['verify', `${plain}:1.0`])).exit).toBe(0);
  });

  it('of people is given to nobody by mistake', async () => {
    expect((await outcomeOf(alice, ['key', 'rotate', plain, 'root'])).said).toBe('USAGE 2');
  });

  it('that ends soon is told', async () => {
    expect((await alice.run(['change', 'list', plain, '--expiring', '30d'])).stdout).toBe(
      'nothing that clients hold ends within that time\n',
    );
    const { stdout } = await alice.run(['change', 'list', plain, '--expiring', '400d']);
    expect(stdout.replace(/\s+/g, ' ')).toMatch(
      /^REPOSITORY ROLE ENDS HELD BY CHANGE NEXT .* releases 2027-02-19 .* client none .* root 2027-11-21 .* vidimus change sign/,
    );
  });

  it('that has expired is signed anew from what it was', async () => {
    site.clock.nowMs += 380 * DAY;
    const rotated = await alice.run(['key', 'rotate', plain, 'root', '--expires-after', '300d']);
    expect([rotated.exit, rotated.stderr]).toEqual([0, expect.stringContaining('root of')]);
    expect(rotated.stderr).toContain('has expired: read as it was before');
    site.clock.nowMs -= 380 * DAY;
  });
});

describe('a repository of both dialects', () => {
  const certificate = () => ['--dialect', 'notary', '--for', dual];

  it('is changed in both by whoever signed the roots of both', async () => {
    expect((await outcomeOf(alice, ['key', 'rotate', dual, 'targets', '--reason', 'yearly'])).said).toBe(
      'rotated 0',
    );
    expect((await outcomeOf(alice, ['key', 'rotate', dual, 'root', '--expires-after', '100d'])).said).toBe(
      'rotated 0',
    );
  });

  it('is not signed in one of them alone: old keys would live on in the other', async () => {
    // Nobody hears the signatures, so the change stays open.
    site.intercept(({ method, url }) => (method === 'POST' && url.endsWith('/signatures') ? 503 : undefined));
    await alice.run(['key', 'rotate', dual, 'timestamp', '--reason', 'stolen']);
    site.intercept(undefined);
    const { stdout } = await alice.run(['change', 'list', dual, '--json']);
    const listed = z.object({
      changes: z.array(
        z.looseObject({ id: z.string(), documents: z.array(z.looseObject({ dialect: z.string() })) }),
      ),
    });
    const [change] = listed.parse(JSON.parse(stdout)).changes;
    if (change === undefined) throw new Error('no open change');
    const documents = change.documents.filter(({ dialect }) => dialect === 'tuf');
    const body = JSON.stringify({ ...change, documents });
    site.intercept(({ method, url }) =>
      method === 'GET' && url.includes(change.id) ? { status: 200, body } : undefined,
    );
    const sign = ['change', 'sign', change.id, dual, '--yes'];
    expect((await outcomeOf(alice, sign)).said).toBe('CHANGE_MISMATCH 1');
    site.intercept(undefined);
    expect((await outcomeOf(alice, sign)).said).toBe('published 0');
  });

  it('is signed by others once they know the root of the other dialect, too', async () => {
    const both = async (machine: Machine, name: string): Promise<string> =>
      `${name}=${await keyOf(machine, `dual ${name}`)},${await keyOf(machine, `dual notary ${name}`, certificate())}`;
    const signers = [await both(alice, 'al'), await both(bob, 'bo')].flatMap((signer) => [
      '--signer',
      signer,
    ]);
    const words = ['delegation', 'add', dual, 'releases', ...signers, '--threshold', '2', '--path', '*'];
    const added = await outcomeOf(alice, words);
    expect(added.said).toBe('pending 6');
    const sign = ['change', 'sign', added.id, dual];
    expect((await outcomeOf(bob, [...sign, '--yes'])).said).toBe('ANCHOR_MISSING 3');
    const refused = await bob.run(sign, { answers: ['n'] });
    expect(refused.stderr).toContain('Did its owner tell you the same?');
    expect(refused.exit).toBe(1);
    expect((await bob.run(sign, { answers: ['y', 'y'] })).stdout).toMatch(/^PUBLISHED/);
    expect(
      (await outcomeOf(alice, ['sign', `${dual}:1@${digest}`, '--size', '9', '--as', 'releases'])).said,
    ).toBe('pending 6');
  });
});
