/** Publishing where something is in the way: tokens, interruptions, other people's keys, and what JSON says then. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { buildxIndex, buildxMetadata, helloImage } from '../support/image-builder.ts';
import {
  type Circumstances,
  type Machine,
  openMachine,
  openSite,
  TOKEN,
  type Transcript,
  type TrustSite,
} from './publishing-world.ts';

let site: TrustSite;
let machine: Machine;
/** Made with a managed root: quick, and enough for signing. */
let shop: string;
const image = helloImage('one');
const index = buildxIndex('two').index;

beforeAll(async () => {
  site = await openSite();
  machine = await openMachine(site);
  shop = `${site.registry.host}/shop/app`;
  site.registry.add(image, '1.0');
  site.registry.add(index, '2.0');
  expect((await machine.run(['init', shop, '--managed-root'])).exit).toBe(0);
});
afterEach(() => {
  site.intercept(undefined);
  site.registry.intercept(undefined);
});
afterAll(async () => {
  await machine.close();
  await site.close();
});

/** A public key that nobody here knows the private half of (RFC 8032 7.1, test 1). */
const thiefsKey = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';
const thiefsKeyObject = { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: thiefsKey } };
const sha256 = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const hex = z.string().regex(/^[0-9a-f]{64}$/);
const versions = z.record(z.string(), z.int().min(1));
const failure = z.strictObject({
  error: z.strictObject({ code: z.string(), message: z.string(), hint: z.string().optional() }),
});
const anchor = z.strictObject({
  repository: z.string(),
  dialect: z.literal('tuf'),
  kind: z.enum(['root', 'keys', 'firstUse']),
  keyIds: z.array(hex),
  threshold: z.int(),
  root: z.strictObject({ version: z.int(), sha256: hex }).optional(),
});
const ownKey = z.strictObject({
  use: z.enum(['root', 'spare']),
  dialect: z.literal('tuf'),
  keyId: hex,
  publicKey: hex,
  file: z.string(),
});

/** Code and exit of a command that fails, from its one JSON object. */
async function failureOf(words: readonly string[], circumstances: Circumstances = {}): Promise<string> {
  const { exit, stdout } = await machine.run([...words, '--json'], circumstances);
  return `${failure.parse(JSON.parse(stdout)).error.code} ${exit}`;
}

async function hintOf(words: readonly string[], circumstances: Circumstances = {}): Promise<string> {
  const { stdout } = await machine.run([...words, '--json'], circumstances);
  return failure.parse(JSON.parse(stdout)).error.hint ?? '';
}

function parsed<S extends z.ZodType>(schema: S, { stdout }: Transcript): z.infer<S> {
  expect(stdout.trim().split('\n')).toHaveLength(1);
  return schema.parse(JSON.parse(stdout));
}

async function fileOf(name: string, content: string): Promise<string> {
  const file = join(machine.home, name);
  await writeFile(file, content);
  return file;
}

describe('tokens', () => {
  const words = (): readonly string[] => ['sign', `${shop}:1.0@${image.digest}`];

  it('names the variable, the flag and the server when there is none', async () => {
    const environment = { VIDIMUS_TOKEN: undefined };
    expect(await failureOf(words(), { environment })).toBe('UNAUTHORIZED 3');
    const hint = await hintOf(words(), { environment });
    for (const part of ['VIDIMUS_TOKEN', '--token-file', site.server.origin]) expect(hint).toContain(part);
  });

  it('tells a wrong token from a missing one', async () => {
    const environment = { VIDIMUS_TOKEN: 'vdm_wrong' };
    expect(await failureOf(words(), { environment })).toBe('UNAUTHORIZED 3');
    expect(await hintOf(words(), { environment })).toMatch(/unknown, expired or revoked/);
  });

  it('takes the token from a file, too', async () => {
    const file = await fileOf('token', `${TOKEN}\n`);
    const environment = { VIDIMUS_TOKEN: undefined };
    expect((await machine.run([...words(), '--token-file', file], { environment })).exit).toBe(0);
  });

  it('answers 1 when the token may not do this', async () => {
    const body = JSON.stringify({ errors: [{ code: 'DENIED', message: 'not yours' }] });
    site.intercept(() => ({ status: 403, body }));
    expect(await failureOf(words())).toBe('DENIED 1');
    expect(await hintOf(words())).toContain(`may not do this in ${shop}`);
  });

  it('answers 4 when there is no server', async () => {
    const environment = { VIDIMUS_SERVER: 'http://127.0.0.1:1' };
    expect(await failureOf(words(), { environment })).toBe('UNREACHABLE 4');
  });

  it('answers 3 when the server is broken', async () => {
    site.intercept(() => 502);
    expect(await failureOf(words())).toBe('UNUSABLE 3');
  });
});

describe('sign', () => {
  const signed = z.strictObject({
    outcome: z.literal('signed'),
    repository: z.string(),
    tag: z.string(),
    digest: sha256,
    size: z.int(),
    mediaType: z.string(),
    role: z.string(),
    versions,
    platforms: z.array(z.string()),
    pinned: z.string(),
    next: z.string(),
  });

  it('computes size, type and platforms from the bytes', async () => {
    const result = await machine.run(['sign', `${shop}:2.0@${index.digest}`, '--json']);
    expect(parsed(signed, result)).toMatchObject({
      digest: index.digest,
      size: index.size,
      mediaType: index.mediaType,
      platforms: ['linux/amd64', 'linux/arm64'],
      next: `vidimus verify ${shop}:2.0`,
    });
  });

  it('signs other bytes under no digest', async () => {
    site.registry.intercept((request, response) => {
      if (!request.url?.includes('/manifests/')) return false;
      response.writeHead(200, { 'content-type': image.mediaType }).end(index.bytes);
      return true;
    });
    expect(await failureOf(['sign', `${shop}:1.0@${image.digest}`])).toBe('DIGEST_MISMATCH 1');
  });

  it('asks no registry when the size is given', async () => {
    const before = site.registry.requests.length;
    const words = ['sign', `${shop}:0.9@${image.digest}`, '--size', String(image.size)];
    expect((await machine.run(words)).exit).toBe(0);
    expect(site.registry.requests).toHaveLength(before);
  });

  it('says that --size helps when the registry is away', async () => {
    const words = ['sign', `127.0.0.1:1/shop/app:1@${image.digest}`];
    expect(await failureOf(words)).toBe('UNREACHABLE 4');
    expect(await hintOf(words)).toContain('--size');
  });

  it('takes the tag as it is now with --resolve', async () => {
    const result = await machine.run(['sign', `${shop}:2.0`, '--resolve', '--json']);
    expect(parsed(signed, result).digest).toBe(index.digest);
  });

  it('never asks where the answer is for a program', async () => {
    expect(await failureOf(['sign', `${shop}:2.0`], { answers: ['y'] })).toBe('CONFIRMATION_NEEDED 2');
  });

  it('takes the digest from a file', async () => {
    const plain = await fileOf('digest', `${image.digest}\n`);
    expect((await machine.run(['sign', `${shop}:1.0`, '--digest-file', plain])).exit).toBe(0);
    const named = await fileOf('named', `${shop}@${image.digest}`);
    expect((await machine.run(['sign', `${shop}:1.0`, '--digest-file', named])).exit).toBe(0);
  });

  it.each([
    ['another repository', `registry.example.com/other@${image.digest}`],
    ['no digest', 'sha256:1234'],
    ['two lines', `${image.digest}\n${image.digest}`],
  ])('refuses a digest file with %s', async (_, content) => {
    const file = await fileOf('bad', content);
    expect(await failureOf(['sign', `${shop}:1.0`, '--digest-file', file])).toBe('DIGEST_FILE_INVALID 2');
  });

  it("takes buildx's metadata file", async () => {
    const file = await fileOf('metadata.json', buildxMetadata(index, `${shop}:2.0,${shop}:latest`));
    const result = await machine.run(['sign', `${shop}:2.0`, '--metadata-file', file, '--json']);
    expect(parsed(signed, result).digest).toBe(index.digest);
  });

  it.each([
    ['another tag', () => buildxMetadata(index, `${shop}:3.0`)],
    ['another repository', () => buildxMetadata(index, 'registry.example.com/other:2.0')],
    ['no digest', () => '{}'],
    ['no JSON', () => 'sha256:'],
    [
      'two digests',
      () => buildxMetadata(index, shop).replace(/("containerimage.digest": ")[^"]*/, `$1${image.digest}`),
    ],
  ])('refuses a metadata file with %s', async (_, content) => {
    const file = await fileOf('metadata.json', content());
    const code = await failureOf(['sign', `${shop}:2.0`, '--metadata-file', file]);
    expect(code).toBe('METADATA_FILE_INVALID 2');
  });

  it('believes no size that the registry does not serve', async () => {
    const text = buildxMetadata(index, shop).replace(`"size": ${index.size}`, '"size": 7');
    const file = await fileOf('metadata.json', text);
    expect(await failureOf(['sign', `${shop}:2.0`, '--metadata-file', file])).toBe('LENGTH_MISMATCH 3');
  });

  it.each([
    ['a digest without a tag', (): string[] => [`${shop}@${image.digest}`]],
    ['two digests', () => [`${shop}:1.0@${image.digest}`, '--digest-file', 'x']],
    ['a digest and --resolve', () => [`${shop}:1.0@${image.digest}`, '--resolve']],
    ['a size without a digest', () => [`${shop}:1.0`, '--size', '5', '--resolve']],
    ['a size that is no number', () => [`${shop}:1.0`, '--size', '5k']],
  ])('is used wrongly with %s', async (_, words) => {
    expect(await failureOf(['sign', ...words()])).toBe('USAGE 2');
  });

  it('answers 6 while signatures are missing, and says that nothing has changed', async () => {
    const proposed = await site.app.request(`/v2/${site.registry.host}/init/proposed/_trust`, {
      method: 'PUT',
      headers: { Authorization: `Bearer ${TOKEN}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ roles: { root: { keys: [{ custody: 'client', key: thiefsKeyObject }] } } }),
    });
    const body = await proposed.text();
    site.intercept(() => ({ status: 202, body }));
    const words = ['sign', `${shop}:1.0@${image.digest}`];
    const result = await machine.run(words);
    expect(result.stdout).toMatch(/^PENDING .*:1\.0\n[\s\S]*\n {2}missing {3}signatures: 1 for root\n/);
    expect(result.exit).toBe(6);
    const shape = z.looseObject({ outcome: z.literal('pending'), change: z.looseObject({ id: z.string() }) });
    parsed(shape, await machine.run([...words, '--json']));
  });

  it('believes no answer about another digest', async () => {
    const body = JSON.stringify({ tag: '1.0', digest: index.digest, size: 1, role: 'targets', versions: {} });
    site.intercept(() => ({ status: 200, body }));
    expect(await failureOf(['sign', `${shop}:1.0@${image.digest}`])).toBe('UNUSABLE 3');
  });

  it('names init where there is no repository', async () => {
    const words = ['sign', `${site.registry.host}/shop/new:1.0@${image.digest}`];
    expect(await failureOf(words)).toBe('REPOSITORY_UNKNOWN 1');
    expect(await hintOf(words)).toBe(`vidimus init ${site.registry.host}/shop/new`);
  });
});

describe('revoke', () => {
  it('answers one object for a tag', async () => {
    await machine.run(['sign', `${shop}:1.0@${image.digest}`]);
    const shape = z.strictObject({
      outcome: z.literal('revoked'),
      repository: z.string(),
      tag: z.literal('1.0'),
      digest: z.literal(image.digest),
      published: versions,
      clientsRefuseBy: z.iso.datetime(),
      next: z.string(),
    });
    parsed(shape, await machine.run(['revoke', `${shop}:1.0`, '--json']));
    expect(await failureOf(['revoke', `${shop}:1.0`])).toBe('TAG_UNKNOWN 1');
  });

  it('answers one object for a digest, with the tags taken away', async () => {
    await machine.run(['sign', `${shop}:1.1@${image.digest}`]);
    const shape = z.strictObject({
      outcome: z.literal('revoked'),
      repository: z.string(),
      digest: z.literal(image.digest),
      published: versions,
      tags: z.array(z.string()),
      stillServed: z.array(z.unknown()),
      clientsRefuseBy: z.iso.datetime(),
      next: z.string(),
    });
    const words = ['revoke', `${shop}@${image.digest}`, '--reason', 'bad', '--link', 'https://example.com/1'];
    expect(parsed(shape, await machine.run([...words, '--json'])).tags).toContain('1.1');
    expect(await failureOf(['sign', `${shop}:1.2@${image.digest}`])).toBe('WOULD_BREAK 1');
    expect((await machine.run(['revoke', `${shop}@${image.digest}`, '--undo'])).exit).toBe(0);
    expect(await failureOf(['revoke', `${shop}@${image.digest}`, '--undo'])).toBe('METADATA_UNKNOWN 1');
  });

  it('revokes also when the facts around it cannot be read', async () => {
    await machine.run(['sign', `${shop}:1.3@${image.digest}`]);
    site.intercept(({ method }) => (method === 'GET' ? 500 : undefined));
    const result = await machine.run(['revoke', `${shop}:1.3`]);
    expect(result.stdout).toContain('REVOKED');
    expect(result.stdout).not.toContain('undo');
    expect(result.exit).toBe(0);
  });

  it.each([
    ['neither tag nor digest', (): string[] => [shop]],
    ['a tag and a digest', () => [`${shop}:1.0@${image.digest}`, '--reason', 'x']],
    ['a digest without a reason', () => [`${shop}@${image.digest}`]],
    ['a blank reason', () => [`${shop}@${image.digest}`, '--reason', ' ']],
    ['a tag with a reason', () => [`${shop}:1.0`, '--reason', 'x']],
  ])('is used wrongly with %s', async (_, words) => {
    expect(await failureOf(['revoke', ...words()])).toBe('USAGE 2');
  });
});

describe('init', () => {
  const created = z.strictObject({
    outcome: z.enum(['created', 'exists']),
    repository: z.string(),
    summary: z.looseObject({ rootSha256: hex }),
    keys: z.array(ownKey),
    anchor: anchor.optional(),
    next: z.string(),
  });
  const pending = z.strictObject({
    outcome: z.literal('pending'),
    repository: z.string(),
    change: z.looseObject({ id: z.string(), state: z.literal('open') }),
    keys: z.array(ownKey),
    anchor,
    next: z.string(),
  });
  const named = (name: string): string => `${site.registry.host}/init/${name}`;

  it('makes no key without a passphrase', async () => {
    const other = await openMachine(site, 'no passphrase');
    for (const VIDIMUS_PASSPHRASE of [undefined, '']) {
      const result = await other.run(['init', named('secret'), '--json'], {
        environment: { VIDIMUS_PASSPHRASE },
      });
      expect([parsed(failure, result).error.code, result.exit]).toEqual(['PASSPHRASE_NEEDED', 2]);
    }
    const answers = (...lines: string[]) => ({
      environment: { VIDIMUS_PASSPHRASE: undefined },
      answers: lines,
    });
    expect((await other.run(['init', named('secret')], answers(''))).stderr).toContain('PASSPHRASE_NEEDED');
    const differs = await other.run(['init', named('secret')], answers('one', 'two'));
    expect([differs.stderr.includes('PASSPHRASE_DIFFERS'), differs.exit]).toEqual([true, 2]);
    expect(
      (await readdir(join(other.home, '.local/share/vidimus/keys'))).filter((f) => f.endsWith('.key')),
    ).toEqual([]);
    await other.close();
  });

  it('says loudly that a managed root is online', async () => {
    const { stdout, stderr, exit } = await machine.run([
      'init',
      named('managed'),
      '--managed-root',
      '--quiet',
    ]);
    expect(stderr).toContain('WARNING  root: ONLINE');
    expect(stdout).toContain('ONLINE, held by the service');
    expect(exit).toBe(0);
  });

  it('continues after each interruption, with the keys it made before', async () => {
    const repository = named('torn');
    const other = await openMachine(site, 'torn');
    const refuse = (method: string, part: string) =>
      site.intercept((request) =>
        request.method === method && request.url.includes(part) ? 503 : undefined,
      );

    refuse('PUT', '/_trust');
    expect((await other.run(['init', repository])).exit).toBe(3);
    refuse('POST', '/signatures');
    expect((await other.run(['init', repository])).exit).toBe(3);
    refuse('GET', '/metadata/1.root.json');
    expect((await other.run(['init', repository])).stderr).toMatch(/published; only the pin is missing/);
    site.intercept(undefined);
    const result = parsed(created, await other.run(['init', repository, '--json']));
    expect([result.outcome, result.anchor?.kind]).toEqual(['exists', 'root']);
    const files = await readdir(join(other.home, '.local/share/vidimus/keys'));
    expect(files.filter((file) => file.endsWith('.key'))).toHaveLength(2);
    await other.close();
  });

  it('tells another machine how to pin what exists', async () => {
    const repository = named('torn');
    const other = await openMachine(site, 'other');
    const result = await other.run(['init', repository, '--json']);
    expect([parsed(failure, result).error.code, result.exit]).toEqual(['REPOSITORY_EXISTS', 1]);
    expect(parsed(failure, result).error.hint).toContain(`vidimus anchor pin ${repository} --root FILE`);
    expect((await other.run(['anchor', 'list'])).stdout).toContain('no anchors');
    await other.close();
  });

  it('signs nothing when the server proposes other keys than it was asked for', async () => {
    const repository = named('evil');
    const proposed = await site.app.request(`/v2/${repository}/_trust`, {
      method: 'PUT',
      headers: { Authorization: `Bearer ${TOKEN}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ roles: { root: { keys: [{ custody: 'client', key: thiefsKeyObject }] } } }),
    });
    const body = await proposed.text();
    site.intercept(({ method }) => (method === 'PUT' ? { status: 202, body } : undefined));
    const before = site.server.requests.length;
    expect(await failureOf(['init', repository])).toBe('CHANGE_MISMATCH 1');
    const methods = site.server.requests.slice(before).map(({ method }) => method);
    expect(methods).toEqual(['GET', 'PUT']);
  });

  it('pins nothing when the root that is served is not the one that was signed', async () => {
    const repository = named('swapped');
    const other = await site.app.request(`/v2/${shop}/_trust/metadata/1.root.json`);
    const body = new Uint8Array(await other.arrayBuffer());
    site.intercept(({ url }) => (url.endsWith('/1.root.json') ? { status: 200, body } : undefined));
    expect(await failureOf(['init', repository])).toBe('ANCHOR_MISMATCH 1');
    expect((await machine.run(['anchor', 'list'])).stdout).not.toContain(repository);
  });

  it('refuses to take an existing repository for another than was asked for', async () => {
    expect(await failureOf(['init', shop])).toBe('REPOSITORY_EXISTS 1');
    expect(await failureOf(['init', shop, '--managed-root', '--threshold', '2'])).toBe('REPOSITORY_EXISTS 1');
    expect((await machine.run(['init', shop, '--managed-root'])).exit).toBe(0);
  });

  it('waits for others, and pins their keys meanwhile', async () => {
    const repository = named('shared');
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = await fileOf('other.pem', publicKey.export({ type: 'spki', format: 'pem' }).toString());
    const words = ['init', repository, '--root-key', pem, '--threshold', '2'];
    const result = await machine.run([...words, '--json']);
    expect(result.exit).toBe(6);
    const first = parsed(pending, result);
    expect(first.anchor).toMatchObject({ kind: 'keys', threshold: 2 });
    const again = parsed(pending, await machine.run([...words, '--json']));
    expect(again.change.id).toBe(first.change.id);
    expect(again.keys).toEqual(first.keys);
    expect((await machine.run(words)).stdout).toMatch(
      /^PENDING .*\n {2}change .*\n {2}missing {3}signatures: 1 for root\n/,
    );
    // The same keys with another threshold are another proposal.
    const [code, hint] = [await failureOf(words.slice(0, 4)), await hintOf(words.slice(0, 4))];
    expect(code).toBe('CHANGE_CONFLICT 1');
    expect(hint).toContain(`vidimus change reject ${first.change.id} ${repository}`);
  });

  it('completes when the other key is on this machine', async () => {
    const repository = named('two people');
    expect(await failureOf(['init', repository])).toBe('NAME_INVALID 2');
    const alice = await openMachine(site, 'alice');
    const bob = await openMachine(site, 'bob');
    const both = named('both');
    // Bob's key is one he made before; its public half is what he tells alice.
    await bob.run(['init', named('of-bob')]);
    const bobs = parsed(created, await bob.run(['init', named('of-bob-2'), '--json'])).keys[0];
    const bobFile = await fileOf('bob.hex', `ed25519:${bobs?.publicKey}\n`);
    const asked = parsed(
      pending,
      await alice.run(['init', both, '--root-key', bobFile, '--threshold', '2', '--json']),
    );
    const aliceFile = await fileOf('alice.hex', asked.keys[0]?.publicKey ?? '');
    const words = ['init', both, '--root-key', aliceFile, bobFile, '--threshold', '2', '--json'];
    const done = parsed(created, await bob.run(words));
    expect([done.outcome, done.anchor?.kind]).toEqual(['created', 'root']);
    // Alice's pin by keys was made for this root.
    await alice.run(['sign', `${both}:1.0@${image.digest}`]);
    expect((await alice.run(['verify', `${both}:1.0`])).exit).toBe(0);
    await alice.close();
    await bob.close();
  });

  it('signs no second root of one version before a person says that the first is dead', async () => {
    const repository = named('second');
    site.intercept(({ method, url }) => (method === 'POST' && url.includes('/signatures') ? 503 : undefined));
    expect(await failureOf(['init', repository])).toBe('UNUSABLE 3');
    site.intercept(undefined);
    const changes = z.object({ items: z.array(z.object({ id: z.string() })) });
    const base = `${site.server.origin}/v2/${repository}/_trust/changes`;
    const headers = { Authorization: `Bearer ${TOKEN}` };
    const open = changes.parse(await (await fetch(base, { headers })).json());
    await fetch(`${base}/${open.items[0]?.id}`, { method: 'DELETE', headers });
    expect(await failureOf(['init', repository])).toBe('SIGNED_ALREADY 1');
    expect((await machine.run(['init', repository], { answers: ['n'] })).stderr).toContain('CANCELLED');
    const done = await machine.run(['init', repository], { answers: ['y'] });
    expect(done.stderr).toContain(open.items[0]?.id ?? '-');
    expect(done.exit).toBe(0);
  });

  it('refuses a signing key whose record is gone', async () => {
    const other = await openMachine(site, 'moved');
    site.intercept(({ method }) => (method === 'PUT' ? 503 : undefined));
    await other.run(['init', named('moved')]);
    site.intercept(undefined);
    const keys = join(other.home, '.local/share/vidimus/keys');
    await mkdir(join(other.home, 'away'));
    for (const file of (await readdir(keys)).filter((name) => name.endsWith('.signed')))
      await rename(join(keys, file), join(other.home, 'away', file));
    const result = await other.run(['init', named('moved'), '--json']);
    expect([parsed(failure, result).error.code, result.exit]).toEqual(['RECORD_CORRUPT', 2]);
    await other.close();
  });

  it.each([
    ['two ways to hold root', (): string[] => ['--managed-root', '--root-key', 'x'], 'USAGE 2'],
    ['a threshold nobody can meet', () => ['--threshold', '3'], 'THRESHOLD_INVALID 2'],
    ['a dialect that nobody has', () => ['--dialect', 'tuf,cosign'], 'USAGE 2'],
    ['the same dialect twice', () => ['--dialect', 'tuf,tuf'], 'USAGE 2'],
    ['the dialect notary alone', () => ['--dialect', 'notary'], 'USAGE 2'],
    ['a key file that is missing', () => ['--root-key', 'missing.pem'], 'FILE_UNREADABLE 2'],
  ])('is used wrongly with %s', async (_, words, code) => {
    expect(await failureOf(['init', named('wrong'), ...words()])).toBe(code);
  });

  it.each([
    [
      'a private key',
      () => generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    ],
    ['a weak key', () => '00'.repeat(32)],
    [
      'a kind that cannot sign',
      () => generateKeyPairSync('x25519').publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    ],
    ['no key', () => 'hello'],
  ])('refuses a root key file with %s', async (_, content) => {
    const file = await fileOf('key', content());
    expect(await failureOf(['init', named('wrong'), '--root-key', file])).toBe('KEY_INVALID 2');
  });
});

describe('anchor', () => {
  const keyId = 'ab'.repeat(32);
  const pinned = z.strictObject({
    outcome: z.literal('pinned'),
    anchor,
    replaced: z.string().optional(),
    next: z.string(),
  });

  it('goes from one machine to another as a file', async () => {
    const other = await openMachine(site, 'puller');
    const { stdout } = await machine.run(['anchor', 'export', shop]);
    const file = await fileOf('shop.anchor.json', stdout);
    expect((await other.run(['verify', `${shop}:2.0`])).exit).toBe(3);
    expect((await other.run(['anchor', 'pin', shop, '--root', file])).exit).toBe(0);
    expect((await other.run(['verify', `${shop}:2.0`])).exit).toBe(0);
    expect((await machine.run(['anchor', 'export', shop, '--json'])).stdout.trim().split('\n')).toHaveLength(
      1,
    );
    const wrong = await other.run(['anchor', 'pin', `${shop}2`, '--root', file, '--json']);
    expect([parsed(failure, wrong).error.code, wrong.exit]).toEqual(['ANCHOR_INVALID', 2]);
    await other.close();
  });

  it('pins keys, and says what that replaces', async () => {
    const other = await openMachine(site, 'pinner');
    const pin = (...words: string[]) =>
      other.run(['anchor', 'pin', 'registry.example.com/a', ...words, '--json']);
    const first = parsed(pinned, await pin('--key-id', keyId, '--threshold', '1'));
    expect(first).toMatchObject({ anchor: { kind: 'keys', keyIds: [keyId] } });
    expect(parsed(pinned, await pin('--key-id', keyId, '--threshold', '1')).replaced).toBeUndefined();
    const second = parsed(pinned, await pin('--key-id', keyId, 'cd'.repeat(32), '--threshold', '2'));
    expect(second.replaced).toBe('1 of 1 root keys: abababababab');
    const listed = z.strictObject({ anchors: z.array(anchor) });
    expect(parsed(listed, await other.run(['anchor', 'list', '--json'])).anchors).toHaveLength(1);
    await other.close();
  });

  it('says that the configuration goes first', async () => {
    const config = await fileOf(
      'config.yaml',
      `version: 1\nrepositories:\n  - {match: "registry.example.com/**", anchor: {keyIds: [${keyId}], threshold: 1}}\n`,
    );
    const words = ['anchor', 'pin', 'registry.example.com/b', '--key-id', keyId, '--threshold', '1'];
    const { stdout } = await machine.run([...words, '--config', config]);
    expect(stdout).toContain(`${config} names another anchor`);
  });

  it('mends an anchor file that cannot be read', async () => {
    const other = await openMachine(site, 'mender');
    const words = [
      'anchor',
      'pin',
      'registry.example.com/a',
      '--key-id',
      keyId,
      '--threshold',
      '1',
      '--json',
    ];
    await other.run(words);
    const cache = join(other.home, '.cache/vidimus');
    const [directory = ''] = await readdir(cache);
    await rm(join(cache, directory, 'anchor.json'));
    await writeFile(join(cache, directory, 'anchor.json'), '{', { mode: 0o600 });
    expect((await other.run(['anchor', 'list'])).exit).toBe(2);
    expect(parsed(pinned, await other.run(words)).replaced).toBe('an anchor that could not be read');
    await other.close();
  });

  it.each([
    ['nothing to pin', []],
    ['a root and keys', ['--root', 'x', '--key-id', keyId]],
    ['keys without a threshold', ['--key-id', keyId]],
    ['a short key id', ['--key-id', 'ab12', '--threshold', '1']],
    ['an upper-case key id', ['--key-id', keyId.toUpperCase(), '--threshold', '1']],
    ['a root with a threshold', ['--root', 'x', '--threshold', '1']],
  ])('is used wrongly with %s', async (_, words) => {
    expect(await failureOf(['anchor', 'pin', 'registry.example.com/a', ...words])).toBe('USAGE 2');
  });

  it.each([
    ['a threshold above the keys', ['--key-id', keyId, '--threshold', '2'], 'ANCHOR_INVALID 2'],
    ['a key named twice', ['--key-id', keyId, keyId, '--threshold', '2'], 'ANCHOR_INVALID 2'],
    ['a file that is missing', ['--root', '/nowhere/root.json'], 'FILE_UNREADABLE 2'],
  ])('refuses %s', async (_, words, code) => {
    expect(await failureOf(['anchor', 'pin', 'registry.example.com/a', ...words])).toBe(code);
  });

  it('refuses a root file that is none', async () => {
    const file = await fileOf('root.json', '{"signed":{},"signatures":[]}');
    expect(await failureOf(['anchor', 'pin', shop, '--root', file])).toBe('ANCHOR_INVALID 2');
  });

  it('exports nothing where nothing is pinned', async () => {
    expect(await failureOf(['anchor', 'export', 'registry.example.com/nothing'])).toBe('ANCHOR_MISSING 3');
  });
});
