/** Step 1 of coming over: trust data read, verified, saved and described, whatever the server it is on does. */
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { edKey, seal, timestampOf } from '../packages/notary/update/wire-client.ts';
import {
  DAY,
  type FakeNotary,
  fileKey,
  NOW,
  pathOf,
  type Standing,
  standOn,
  startFakeNotary,
} from '../support/notary-fake.ts';
import { type Circumstances, type Migrant, openMigrant } from './migrating-world.ts';

const web = 'registry.example.com/acme/web';
const api = 'registry.example.com/acme/api';
let fake: FakeNotary;
let machine: Migrant;
let trustDirectory: string;
let standing: Standing;
let nowMs = NOW;

beforeAll(async () => {
  fake = await startFakeNotary();
  machine = await openMigrant(() => nowMs);
  trustDirectory = join(machine.home, '.docker', 'trust');
});
afterEach(() => {
  fake.files.clear();
  fake.guard = undefined;
  nowMs = NOW;
  rmSync(join(machine.home, '.docker'), { recursive: true, force: true });
  rmSync(join(machine.home, 'dct'), { recursive: true, force: true });
});
afterAll(async () => {
  await fake.server.close();
  await machine.close();
});

const problem = z.object({
  code: z.string(),
  role: z.string().optional(),
  message: z.string(),
  fix: z.string(),
});
const report = z.object({
  repository: z.string(),
  state: z.string(),
  roots: z.object({ from: z.int(), to: z.int() }).optional(),
  roles: z
    .array(
      z.object({
        role: z.string(),
        version: z.int().optional(),
        keys: z.array(z.object({ canonicalId: z.string(), file: z.string().optional() })),
      }),
    )
    .optional(),
  tags: z.array(z.object({ tag: z.string(), digest: z.string().nullable(), role: z.string() })).optional(),
  signers: z.array(z.string()).optional(),
  problems: z.array(problem).optional(),
  error: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }).optional(),
});
const answer = z.object({ repositories: z.array(report), exitCode: z.int() });

function listOf(...repositories: readonly string[]): string {
  const file = join(machine.home, 'repositories.txt');
  writeFileSync(file, `# what we sign\n\n${repositories.join('\n')}\n`);
  return file;
}

const wordsFor = (...repositories: readonly string[]): readonly string[] => [
  'migrate',
  'dct',
  '--from',
  fake.server.origin,
  '--repositories',
  listOf(...repositories),
];

async function ask(words: readonly string[], circumstances: Circumstances = {}) {
  const said = await machine.run([...words, '--json'], circumstances);
  const { repositories, exitCode } = answer.parse(JSON.parse(said.stdout));
  expect(exitCode).toBe(said.exit);
  return { exit: said.exit, repositories, first: repositories[0] };
}

/** Codes of the problems of one repository, with the exit code. */
async function problemsOf(words: readonly string[]): Promise<string> {
  const { exit, first } = await ask(words);
  const told = (first?.problems ?? []).map(({ code, role }) => `${code} ${role}`).sort();
  return [...told, first?.error?.code ?? '', `exit ${exit}`].filter((text) => text !== '').join(', ');
}

async function failureOf(words: readonly string[]): Promise<string> {
  const { exit, stdout } = await machine.run([...words, '--json']);
  const { error } = z.object({ error: z.object({ code: z.string() }) }).parse(JSON.parse(stdout));
  return `${error.code} ${exit}`;
}

describe('what is read', () => {
  it('is shown with tags as Docker finds them, signers, expiries and the keys that are here', async () => {
    standing = await standOn(fake.files, { repository: web });
    const root = standing.rootKeys[2];
    if (root !== undefined) fileKey(trustDirectory, root, { role: 'root', passphrase: 'correct horse' });
    const { exit, stdout } = await machine.run([...wordsFor(web), '--save', join(machine.home, 'dct')]);
    const plain = stdout.replaceAll(machine.home, '~').replaceAll(fake.server.origin, 'https://notary.test');
    expect(plain.replace(/\b[0-9a-f]{12,64}\b/g, '{hex}')).toMatchInlineSnapshot(`
      "SAVED  registry.example.com/acme/web  3 tags, 1 signer, root v3
        roots             v1 to v3: clients that saw any of them can follow
        root              v3, expires 2029-11-20 08:05 (2 years); 1 of {hex} (here); certificate until 2036-11-18 12:00
                          (10 years)
        targets           v7, expires 2029-11-20 08:05 (2 years); 1 of {hex}
        snapshot          v17, expires 2029-11-20 08:05 (2 years); 1 of {hex}
        timestamp         v41, expires 2026-12-05 08:06 (13 days); 1 of {hex}
        targets/alice     no document; 1 of {hex}
        targets/releases  v4, expires 2029-11-20 08:05 (2 years); 1 of {hex}
        keys              ~/.docker/trust/private/{hex}.key
        tags              3: 1.0, 2.0, edge
      1 of 1 repositories read
        next      vidimus migrate dct --from ~/dct --to https://TRUST-SERVER --token-file FILE
      "
    `);
    expect(exit).toBe(0);
    const { first } = await ask(wordsFor(web));
    // `1.0` is in both: Docker asks releases first.
    expect(first?.tags?.map(({ tag, role }) => `${tag} ${role}`)).toEqual([
      '1.0 targets/releases',
      '2.0 targets/releases',
      'edge targets',
    ]);
    expect(first?.signers).toEqual(['targets/alice']);
    expect(first?.roles?.[0]?.keys[0]).toMatchObject({ canonicalId: root?.canonicalId });
  });

  it('is saved byte for byte, once, and described again with the server gone', async () => {
    standing = await standOn(fake.files, { repository: web });
    const directory = join(machine.home, 'dct');
    const words = [...wordsFor(web), '--save', directory];
    expect((await ask(words)).first?.state).toBe('saved');
    expect((await ask(words)).first?.state).toBe('unchanged');
    const online = await ask(wordsFor(web));
    const files = join(directory, web, '_trust', 'tuf');
    const saved = readdirSync(files, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.json'),
    );
    const bytes = saved.map((name) => readFileSync(join(files, name)).toString());
    expect(bytes.sort()).toEqual(
      [...standing.roots.slice(0, 2), ...standing.documents.values()]
        .map((file) => Buffer.from(file).toString())
        .sort(),
    );
    fake.files.clear();
    const offline = await ask(['migrate', 'dct', '--from', directory]);
    expect(offline.first).toEqual(online.first);
    expect(offline.exit).toBe(0);
  });

  it('keeps what was saved before when a later run finds less', async () => {
    await standOn(fake.files, { repository: web });
    const directory = join(machine.home, 'dct');
    await ask([...wordsFor(web), '--save', directory]);
    fake.files.clear();
    const gone = await ask([...wordsFor(web), '--save', directory]);
    expect([gone.first?.error?.code, gone.exit]).toEqual(['NO_TRUST_DATA', 1]);
    expect((await ask(['migrate', 'dct', '--from', directory])).first?.tags).toHaveLength(3);
  });

  it('keeps what was saved before when documents are missing now', async () => {
    await standOn(fake.files, { repository: web });
    const words = [...wordsFor(web), '--save', join(machine.home, 'dct')];
    await ask(words);
    fake.files.set(pathOf(web, 'timestamp'), 500);
    expect((await ask(words)).first?.state).toBe('kept');
    const offline = await ask(['migrate', 'dct', '--from', join(machine.home, 'dct')]);
    expect(offline.first?.problems).toEqual([]);
  });

  it('is not replaced by a state before it, nor by another of the same version', async () => {
    const { roots } = await standOn(fake.files, { repository: web });
    const words = [...wordsFor(web), '--save', join(machine.home, 'dct')];
    await ask(words);
    const honest = new Map(fake.files);
    fake.files.set(pathOf(web, 'root'), roots[1] ?? 404);
    fake.files.delete(pathOf(web, 'timestamp'));
    expect(await problemsOf(words)).toBe('ROLLBACK, exit 1');
    fake.files.clear();
    await standOn(fake.files, { repository: web, targetsKey: edKey('another') });
    expect(await problemsOf(words)).toBe('ROLLBACK, exit 1');
    for (const [name, bytes] of honest) fake.files.set(name, bytes);
    expect((await ask(words)).first?.state).toBe('unchanged');
  });

  it('does not hide one repository behind another that cannot be read', async () => {
    await standOn(fake.files, { repository: web });
    fake.files.set(pathOf(api, 'root'), 500);
    const { exit, repositories } = await ask(wordsFor(api, web, 'registry.example.com/acme/none'));
    expect(repositories.map(({ state, error }) => error?.code ?? state)).toEqual([
      'UNUSABLE',
      'read',
      'NO_TRUST_DATA',
    ]);
    // 1 goes before 3.
    expect(exit).toBe(1);
    expect((await ask(wordsFor(api, web))).exit).toBe(3);
  });

  it('is not waited for where the server is gone', async () => {
    const words = ['migrate', 'dct', '--from', 'http://127.0.0.1:1', '--repositories', listOf(web, api)];
    expect(await failureOf(words)).toBe('UNREACHABLE 4');
  });
});

describe('what is wrong', () => {
  it('is told without failing where it is only expired, and verified as of its own time', async () => {
    await standOn(fake.files, { repository: web });
    nowMs = NOW + 5 * 365 * DAY;
    expect(await problemsOf(wordsFor(web))).toBe(
      'EXPIRED root, EXPIRED snapshot, EXPIRED targets, EXPIRED targets/releases, EXPIRED timestamp, exit 0',
    );
  });

  it('is a certificate that ended', async () => {
    await standOn(fake.files, { repository: web, certificateUntil: NOW + 30 * DAY });
    nowMs = NOW + 31 * DAY;
    expect(await problemsOf(wordsFor(web))).toBe('CERTIFICATE root, EXPIRED timestamp, exit 0');
  });

  it.each<[string, (at: Standing) => void, string]>([
    [
      'a timestamp that the server fails to renew',
      () => fake.files.set(pathOf(web, 'timestamp'), 500),
      'UNREADABLE timestamp, exit 0',
    ],
    [
      'a timestamp that is not there',
      () => fake.files.delete(pathOf(web, 'timestamp')),
      'UNREADABLE timestamp, exit 0',
    ],
    [
      'a timestamp by somebody else',
      (at) => {
        const snapshot = at.documents.get('snapshot') ?? new Uint8Array();
        fake.files.set(pathOf(web, 'timestamp'), seal(timestampOf(42, snapshot), edKey('thief')));
      },
      'INVALID timestamp, exit 1',
    ],
    [
      'a hole in the chain of roots',
      () => fake.files.delete(pathOf(web, '2.root')),
      'ROOT_CHAIN root, exit 1',
    ],
    [
      'a root that does not go on from the one before',
      (at) => fake.files.set(pathOf(web, '2.root'), at.roots[0] ?? 404),
      'ROOT_CHAIN root, exit 1',
    ],
    ['a first root that is not there', () => fake.files.delete(pathOf(web, '1.root')), 'exit 0'],
  ])('is %s', async (_, spoil, told) => {
    spoil(await standOn(fake.files, { repository: web }));
    expect(await problemsOf(wordsFor(web))).toBe(told);
  });

  it.each(['targets', 'targets/releases', 'snapshot'])(
    'is another %s than its parent lists',
    async (role) => {
      const { documents } = await standOn(fake.files, { repository: web });
      for (const name of fake.files.keys()) {
        if (name.startsWith(`${web}/_trust/tuf/${role}.`)) fake.files.set(name, documents.get('root') ?? 404);
      }
      expect(await problemsOf(wordsFor(web))).toContain(`INVALID ${role}`);
    },
  );

  it('is a root for another repository', async () => {
    const { documents } = await standOn(fake.files, { repository: api });
    fake.files.set(pathOf(web, 'root'), documents.get('root') ?? 404);
    const { first, exit } = await ask(wordsFor(web));
    expect([first?.state, exit]).toEqual(['failed', 1]);
  });

  it('is a server behind, or beside, what a client of this machine verified', async () => {
    const { roots } = await standOn(fake.files, { repository: web });
    const metadata = join(trustDirectory, 'tuf', web, 'metadata');
    writeFileDeep(join(metadata, 'root.json'), roots[2] ?? new Uint8Array());
    expect(await problemsOf(wordsFor(web))).toBe('exit 0');
    const forked = await standOn(new Map(), { repository: web, targetsKey: edKey('another') });
    writeFileDeep(join(metadata, 'root.json'), forked.roots[2] ?? new Uint8Array());
    expect(await problemsOf(wordsFor(web))).toBe('ROLLBACK root, exit 1');
    writeFileDeep(join(metadata, 'root.json'), roots[2] ?? new Uint8Array());
    fake.files.set(pathOf(web, 'root'), roots[1] ?? 404);
    expect(await problemsOf(wordsFor(web))).toContain('ROLLBACK root');
  });

  it('is said of what was saved and is not the same any more', async () => {
    await standOn(fake.files, { repository: web });
    const directory = join(machine.home, 'dct');
    await ask([...wordsFor(web), '--save', directory]);
    const files = join(directory, web, '_trust', 'tuf');
    const [targets = ''] = readdirSync(files).filter((name) => name.startsWith('targets.'));
    writeFileSync(join(files, targets), '{}');
    expect(await problemsOf(['migrate', 'dct', '--from', directory])).toBe('SAVE_DAMAGED, exit 1');
    writeFileSync(join(directory, web, '_trust', 'manifest.json'), '{"format":"vidimus-dct/1","x":1}');
    expect(await problemsOf(['migrate', 'dct', '--from', directory])).toBe('SAVE_DAMAGED, exit 1');
    // Saving again mends it.
    rmSync(join(directory, web), { recursive: true });
    await ask([...wordsFor(web), '--save', directory]);
    expect(await problemsOf(['migrate', 'dct', '--from', directory])).toBe('exit 0');
  });
});

describe('a server that wants a login', () => {
  const basic = `Basic ${Buffer.from('alice:secret').toString('base64')}`;

  it('gets what NOTARY_AUTH holds, and nothing where there is nothing', async () => {
    await standOn(fake.files, { repository: web });
    fake.guard = { challenge: 'Basic realm="notary"', authorization: basic };
    expect(await problemsOf(wordsFor(web))).toBe('DENIED, exit 3');
    const environment = { NOTARY_AUTH: Buffer.from('alice:secret').toString('base64') };
    expect((await ask(wordsFor(web), { environment })).exit).toBe(0);
    const { first } = await ask(wordsFor(web), { environment: { NOTARY_AUTH: 'alice' } });
    expect(first?.error?.code).toBe('NOTARY_AUTH_INVALID');
  });

  it('is not shown the password of another registry', async () => {
    await standOn(fake.files, { repository: web });
    fake.guard = { challenge: 'Basic realm="notary"', authorization: basic };
    const auth = { auth: Buffer.from('alice:secret').toString('base64') };
    writeFileDeep(
      join(machine.home, '.docker', 'config.json'),
      JSON.stringify({ auths: { 'registry.example.com': auth } }),
    );
    expect(await problemsOf(wordsFor(web))).toBe('DENIED, exit 3');
    writeFileDeep(
      join(machine.home, '.docker', 'config.json'),
      JSON.stringify({ auths: { [fake.server.host]: auth } }),
    );
    expect((await ask(wordsFor(web))).exit).toBe(0);
  });

  it('gets a token that its token server gives for one repository', async () => {
    await standOn(fake.files, { repository: web });
    const challenge = `Bearer realm="${fake.server.origin}/token",service="notary",scope="repository:${web}:pull"`;
    fake.guard = { challenge, authorization: 'Bearer abc' };
    expect(await problemsOf(wordsFor(web))).toBe('DENIED, exit 3');
    fake.files.set('token', Buffer.from('{"token":"abc"}'));
    expect(await problemsOf(wordsFor(web))).toBe('exit 0');
    const asked = fake.server.requests.filter(({ url }) => url.startsWith('/token'));
    expect(asked.at(-1)?.url).toBe(
      `/token?service=notary&scope=${encodeURIComponent(`repository:${web}:pull`).replaceAll('%20', '+')}`,
    );
  });
});

describe('a trust directory', () => {
  it('is read with what is odd in it left out, and said', async () => {
    standing = await standOn(fake.files, { repository: web });
    const root = standing.rootKeys[2];
    if (root === undefined) throw new Error('no root key');
    const path = fileKey(trustDirectory, root, { role: 'root' });
    const link = join(trustDirectory, 'private', `${'a'.repeat(64)}.key`);
    symlinkSync(path, link);
    writeFileSync(join(trustDirectory, 'private', `${'b'.repeat(64)}.key`), 'x'.repeat(70_000));
    writeFileSync(join(trustDirectory, 'private', `${'c'.repeat(64)}.key`), 'no key');
    const { stderr, exit } = await machine.run(wordsFor(web));
    expect(exit).toBe(0);
    for (const why of ['is a symbolic link', 'has more than 65536 bytes', 'holds no private key'])
      expect(stderr).toContain(why);
    expect((await ask(wordsFor(web))).first?.roles?.[0]?.keys[0]?.file).toBe(path);
  });

  it('may be one of older programs', async () => {
    standing = await standOn(fake.files, { repository: web });
    const root = standing.rootKeys[2];
    if (root === undefined) throw new Error('no root key');
    const made = fileKey(join(machine.home, 'made'), root, { role: 'root' });
    const old = join(machine.home, 'old', 'private', 'root_keys', `${root.canonicalId}_root.key`);
    writeFileDeep(old, readFileSync(made).toString().replace('role: root\n\n', ''));
    const words = [...wordsFor(web), '--trust-dir', join(machine.home, 'old')];
    expect((await ask(words)).first?.roles?.[0]?.keys[0]?.file).toBe(old);
  });
});

describe('the command line', () => {
  it.each([
    ['nowhere to read from', () => ['migrate', 'dct'], 'USAGE 2'],
    ['no list of repositories', () => ['migrate', 'dct', '--from', fake.server.origin], 'USAGE 2'],
    ['a directory that is not there', () => ['migrate', 'dct', '--from', './nowhere'], 'USAGE 2'],
    ['a directory without anything saved', () => ['migrate', 'dct', '--from', machine.home], 'USAGE 2'],
    [
      'a trust directory that is not there',
      () => [...wordsFor(web), '--trust-dir', './nowhere'],
      'FILE_UNREADABLE 2',
    ],
    ['a list with a tag', () => wordsFor(`${web}:1.0`), 'REPOSITORIES_INVALID 2'],
    ['a list with what is no name', () => wordsFor('../../etc/passwd'), 'REPOSITORIES_INVALID 2'],
    ['a list of nothing', () => wordsFor(''), 'REPOSITORIES_INVALID 2'],
  ])('is used wrongly with %s', async (_, words, code) => {
    expect(await failureOf(words())).toBe(code);
  });

  it('needs no list where a trust directory knows the repositories', async () => {
    const { roots } = await standOn(fake.files, { repository: web });
    writeFileDeep(join(trustDirectory, 'tuf', web, 'metadata', 'root.json'), roots[0] ?? new Uint8Array());
    writeFileDeep(join(trustDirectory, 'tuf', 'Not A Name', 'metadata', 'root.json'), '{}');
    const { repositories, exit } = await ask(['migrate', 'dct', '--from', fake.server.origin]);
    expect([repositories.map(({ repository }) => repository), exit]).toEqual([[web], 0]);
  });
});

function writeFileDeep(path: string, content: Uint8Array | string): void {
  const parent = join(path, '..');
  rmSync(path, { force: true });
  mkdirSync(parent, { recursive: true });
  writeFileSync(path, content);
}
