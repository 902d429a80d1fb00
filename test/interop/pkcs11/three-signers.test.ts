/**
 * Three people with three configuration directories, one of them with a token: two of them change root and sign tags.
 * What else can happen to a change: somebody ends it, its time is over, the repository moves on, another one is there,
 * the server lies.
 */
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createPkcs11KeyStore } from '@vidimus/key-store';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Machine, openMachine, openSite, TOKEN, type TrustSite } from '../../cli/publishing-world.ts';
import { createSoftHsm, type SoftHsm } from '../../support/soft-hsm.ts';

const DAY = 86_400_000;
const digest = `sha256:${'9f'.repeat(32)}`;
const other = `sha256:${'41'.repeat(32)}`;

let hsm: SoftHsm;
let site: TrustSite;
let repository: string;
/** Keys in files. */
let alice: Person;
let bob: Person;
/** Keys on a token. */
let carol: Person;

interface Person {
  readonly machine: Machine;
  readonly environment: Readonly<Record<string, string>>;
}

const answer = z.looseObject({
  outcome: z.string().optional(),
  change: z.union([z.string(), z.looseObject({ id: z.string() })]).optional(),
  error: z.looseObject({ code: z.string() }).optional(),
});

beforeAll(async () => {
  hsm = createSoftHsm();
  const pin = hsm.makeToken('carol');
  process.env['SOFTHSM2_CONF'] = hsm.configFile;
  site = await openSite();
  repository = `${site.registry.host}/team/app`;
  alice = await personOf('alice');
  bob = await personOf('bob');
  carol = await personOf('carol', { VIDIMUS_PKCS11_MODULE: hsm.module, VIDIMUS_PKCS11_PIN: pin });
  const token = createPkcs11KeyStore({ environment: carol.environment });
  await token.generate('pkcs11:token=carol;object=root;id=%01', 'ecdsa-p256');
  await token.generate('pkcs11:token=carol;object=releases;id=%02', 'ed25519');
  await token.close();
}, 120_000);
afterEach(() => site.intercept(undefined));
afterAll(async () => {
  for (const { machine } of [alice, bob, carol]) await machine.close();
  await site.close();
  hsm.remove();
});

const onToken = (object: string): string => `pkcs11:token=carol;object=${object}`;

/** A machine whose keys, cache and configuration are its own. */
async function personOf(name: string, more: Record<string, string> = {}): Promise<Person> {
  const machine = await openMachine(site, name);
  const config = join(machine.home, 'config.yaml');
  await writeFile(
    config,
    `version: 1\nrepositories:\n  - match: "**"\n    trustServer: ${site.server.origin}\n`,
  );
  const environment = {
    VIDIMUS_KEYS: join(machine.home, 'own-keys'),
    VIDIMUS_CACHE: join(machine.home, 'own-cache'),
    VIDIMUS_CONFIG: config,
    SOFTHSM2_CONF: hsm.configFile,
    ...more,
  };
  return { machine, environment };
}

async function run(person: Person, words: readonly string[], answers?: readonly string[]) {
  const { machine, environment } = person;
  return await machine.run(words, { environment, ...(answers === undefined ? {} : { answers }) });
}

/** Exit code, deed or error code, and the id of the change. */
async function outcomeOf(person: Person, words: readonly string[]) {
  const { exit, stdout, stderr } = await run(person, [...words, '--json']);
  const { outcome, change, error } = answer.parse(
    JSON.parse(stdout === '' ? `{"stderr":${JSON.stringify(stderr)}}` : stdout),
  );
  const id = typeof change === 'string' ? change : change?.id;
  return { said: `${error?.code ?? outcome ?? 'none'} ${exit}`, id: id ?? '' };
}

/** A new key of a person, by its public file. */
async function newKey(person: Person, label: string): Promise<string> {
  const before = new Set(await publicFiles(person));
  const { exit } = await run(person, ['key', 'generate', '--label', label]);
  expect(exit).toBe(0);
  const made = (await publicFiles(person)).find((file) => !before.has(file));
  if (made === undefined) throw new Error('no key was made');
  return made;
}

async function publicFiles({ environment }: Person): Promise<readonly string[]> {
  const directory = environment['VIDIMUS_KEYS'] ?? '';
  const names = await readdir(directory).catch(() => []);
  return names.filter((name) => name.endsWith('.pub')).map((name) => join(directory, name));
}

async function signaturesOf(id: string): Promise<number> {
  const response = await site.app.request(`/v2/${repository}/_trust/changes/${id}`, {
    headers: { Authorization: `Bearer ${TOKEN}` },
  });
  const change = z.looseObject({ documents: z.array(z.looseObject({ signatures: z.array(z.unknown()) })) });
  return change.parse(await response.json()).documents.flatMap(({ signatures }) => signatures).length;
}

describe('three signers', () => {
  it('make a repository of which two of them hold root together, one on a token', async () => {
    const bobs = await newKey(bob, 'root');
    const token = join(carol.machine.home, 'carol.pub');
    expect((await run(carol, ['key', 'export', onToken('root'), '--out', token])).exit).toBe(0);
    const keys = ['--root-key', bobs, '--root-key', token];
    const begun = await outcomeOf(alice, ['init', repository, ...keys, '--threshold', '2']);
    expect(begun.said).toBe('pending 6');
    const sign = ['change', 'sign', begun.id, repository, '--yes'];
    expect((await outcomeOf(carol, [...sign, '--key', onToken('root')])).said).toBe('published 0');
    const anchor = join(bob.machine.home, 'anchor');
    await writeFile(anchor, (await run(alice, ['anchor', 'export', repository])).stdout);
    expect((await run(bob, ['anchor', 'pin', repository, '--root', anchor])).exit).toBe(0);
  });

  it('delegate tags to two of three, which two of them sign', async () => {
    const signers = [
      `alice=${await newKey(alice, 'releases')}`,
      `bob=${await newKey(bob, 'releases')}`,
      `carol=${join(carol.machine.home, 'carol-releases.pub')}`,
    ];
    const file = join(carol.machine.home, 'carol-releases.pub');
    await run(carol, ['key', 'export', onToken('releases'), '--out', file]);
    const words = ['delegation', 'add', repository, 'releases', '--threshold', '2', '--path', '1.*'];
    const added = await outcomeOf(alice, [...words, ...signers.flatMap((signer) => ['--signer', signer])]);
    expect(added.said).toBe('pending 6');
    const token = ['--key', onToken('releases')];
    expect((await outcomeOf(carol, ['change', 'sign', added.id, repository, '--yes', ...token])).said).toBe(
      'published 0',
    );
    const image = `${repository}:1.0@${digest}`;
    const begun = await outcomeOf(carol, ['sign', image, '--size', '9', '--as', 'releases', ...token]);
    expect(begun.said).toBe('pending 6');
    const mine = await run(bob, ['change', 'list', '--mine']);
    expect(mine.stdout).toContain(begun.id);
    const signed = await run(bob, ['change', 'sign', begun.id.slice(0, 24)], ['y']);
    expect(signed.stderr).toContain(`releases: tag 1.0 is ${digest}`);
    expect(signed.stdout).toMatch(/^PUBLISHED/);
    expect((await run(alice, ['verify', `${repository}:1.0`, '-q'])).stdout).toBe(
      `${repository}@${digest}\n`,
    );
  });

  it('replace the root key of one of them, and old and new clients follow', async () => {
    const keys = (await run(alice, ['key', 'list', '--json'])).stdout;
    const own = z
      .object({ keys: z.array(z.object({ keyId: z.string(), label: z.string() })) })
      .parse(JSON.parse(keys))
      .keys.find(({ label }) => label.startsWith('root of'));
    const bobs = await newKey(bob, 'root of next year');
    const to = [own?.keyId ?? '', bobs, join(carol.machine.home, 'carol.pub')].flatMap((key) => [
      '--to',
      key,
    ]);
    const begun = await outcomeOf(alice, ['key', 'rotate', repository, 'root', ...to, '--reason', 'lost']);
    expect(begun.said).toBe('pending 6');
    const shown = await run(carol, ['change', 'show', begun.id, repository]);
    expect(shown.stdout).toMatch(/root: key [0-9a-f]{12}.* goes; it is one that is pinned here/);
    expect(shown.stdout).toContain('it takes away a root key that this machine trusts');
    const sign = ['change', 'sign', begun.id, repository, '--yes', '--key', onToken('root')];
    expect((await outcomeOf(carol, sign)).said).toBe('published 0');
    expect((await run(bob, ['verify', `${repository}:1.0`, '-q'])).exit).toBe(0);
  });
});

/** Alice asks for a tag, and signs it. */
const propose = async (tag: string, image = digest) =>
  await outcomeOf(alice, ['sign', `${repository}:${tag}@${image}`, '--size', '9', '--as', 'releases']);

describe('a change', () => {
  it('stands in the way of another one of the same role', async () => {
    const first = await propose('1.1');
    expect(first.said).toBe('pending 6');
    const second = await run(bob, ['sign', `${repository}:1.2@${digest}`, '--size', '9', '--as', 'releases']);
    expect(second.exit).toBe(1);
    expect(second.stderr).toContain('CHANGE_CONFLICT');
    expect(second.stderr).toContain(`vidimus change reject ${first.id}`);
    expect((await outcomeOf(bob, ['change', 'reject', first.id, repository])).said).toBe('rejected 0');
  });

  it('that was ended lets its version be used again, once a person says so', async () => {
    const alone = await propose('1.1', other);
    expect(alone.said).toBe('SIGNED_ALREADY 1');
    const list = await run(alice, ['change', 'list', repository]);
    const id = /[0-9A-Z]{26}/.exec(list.stdout)?.[0] ?? '';
    const signed = await run(alice, ['change', 'sign', id, repository], ['y', 'y']);
    expect(signed.stderr).toContain('Is that change dead');
    expect(signed.exit).toBe(6);
    expect((await outcomeOf(bob, ['change', 'sign', id, repository, '--yes'])).said).toBe('published 0');
  });

  it('becomes stale when the repository moves on', async () => {
    const begun = await propose('1.3');
    expect(begun.said).toBe('pending 6');
    const rotated = await outcomeOf(alice, ['key', 'rotate', repository, 'timestamp', '--reason', 'yearly']);
    expect(rotated.said).toBe('pending 6');
    const sign = ['change', 'sign', rotated.id, repository, '--yes', '--key', onToken('root')];
    expect((await outcomeOf(carol, sign)).said).toBe('published 0');
    const late = await outcomeOf(bob, ['change', 'sign', begun.id, repository, '--yes']);
    expect(['CHANGE_STALE 1', 'CHANGE_CLOSED 1']).toContain(late.said);
    expect(await signaturesOf(begun.id)).toBeLessThanOrEqual(1);
  });

  it.each<[string, (change: Record<string, unknown>) => Record<string, unknown>]>([
    ['describes another tag', (change) => ({ ...change, edit: { ...edit(change), path: tagPath('1.9') } })],
    ['describes another digest', (change) => ({ ...change, edit: { ...edit(change), body: body(other) } })],
    ['describes another kind', (change) => ({ ...change, kind: 'resign' })],
    ['stands on another version', (change) => ({ ...change, base: { releases: 99 } })],
    ['has other bytes', (change) => ({ ...change, documents: spoiledBytes(change) })],
  ])('of a server that %s gets no signature', async (_, spoil) => {
    const id = await openChange();
    const before = await signaturesOf(id);
    await lie(id, spoil);
    const { said } = await outcomeOf(bob, ['change', 'sign', id, repository, '--yes']);
    expect(['CHANGE_MISMATCH 1', 'CHANGE_STALE 1']).toContain(said);
    site.intercept(undefined);
    expect(await signaturesOf(id)).toBe(before);
  });

  it('is over when its time is', async () => {
    const id = await openChange();
    site.clock.nowMs += 8 * DAY;
    expect((await outcomeOf(bob, ['change', 'sign', id, repository, '--yes'])).said).toBe('CHANGE_CLOSED 1');
    expect((await run(bob, ['change', 'show', id, repository])).stdout).toMatch(/^EXPIRED/);
    expect((await run(bob, ['change', 'list', repository])).stdout).toBe('no open changes\n');
  });
});

const record = z.record(z.string(), z.unknown());
const edit = (change: Record<string, unknown>) => record.parse(change['edit']);
const body = (image: string) => ({ digest: image, size: 9, role: 'releases' });
const tagPath = (tag: string): string => `/v2/${repository}/_trust/tags/${tag}`;

function spoiledBytes(change: Record<string, unknown>): unknown {
  const documents = z.array(z.looseObject({ toSign: z.string() })).parse(change['documents']);
  return documents.map((document) => {
    const bytes = Buffer.from(document.toSign, 'base64')
      .toString('latin1')
      .replace(digest.slice(7), other.slice(7));
    return { ...document, toSign: Buffer.from(bytes, 'latin1').toString('base64') };
  });
}

/** The open change of `releases`, or a new one. */
async function openChange(): Promise<string> {
  const list = await run(alice, ['change', 'list', repository]);
  const open = /[0-9A-Z]{26}/.exec(list.stdout)?.[0];
  return open ?? (await propose('1.7')).id;
}

async function lie(
  id: string,
  spoil: (change: Record<string, unknown>) => Record<string, unknown>,
): Promise<void> {
  const path = `/v2/${repository}/_trust/changes/${id}`;
  const honest = await site.app.request(path, { headers: { Authorization: `Bearer ${TOKEN}` } });
  const text = JSON.stringify(spoil(record.parse(await honest.json())));
  site.intercept(({ method, url }) =>
    method === 'GET' && url.includes(path) ? { status: 200, body: text } : undefined,
  );
}
