/** Backup, five publishes more with a rotation of root among them, destruction, restore on another database. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { createServiceBed, type ServiceBed } from '../support/service-bed.ts';
import { runCommand } from '../support/service-command.ts';
import { ADMIN_TOKEN } from '../support/service-process.ts';

const repository = 'registry.example.com/backup/app';
const passphrase = 'a passphrase of some length';
const digest = (text: string): string =>
  `sha256:${Buffer.from(text).toString('hex').padEnd(64, '0').slice(0, 64)}`;

let bed: ServiceBed;
let home: string;
beforeAll(async () => {
  bed = createServiceBed();
  home = await mkdtemp(join(tmpdir(), 'vdm-backup-'));
});
afterAll(async () => {
  await bed?.close();
  await rm(home, { recursive: true, force: true });
});

async function ask(url: string, method: string, path: string, body?: unknown) {
  const answer = await fetch(`${url}/v2/${repository}/_trust${path}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, text: await answer.text() };
}

const client = (url: string, words: readonly string[]) =>
  runCommand(words, {
    VIDIMUS_SERVER: url,
    VIDIMUS_TOKEN: ADMIN_TOKEN,
    VIDIMUS_CACHE: join(home, 'cache'),
    VIDIMUS_KEYS: join(home, 'keys'),
    HOME: home,
  });

it('comes back on another database, and no client that saw the last state is sent back', async () => {
  const data = await bed.directory();
  const witness = await bed.witness(repository);
  const first = await bed.start({ data });
  const made = await ask(first.url, 'PUT', '', { roles: { root: { keys: [{ custody: 'managed' }] } } });
  expect(made.status).toBe(201);
  await ask(first.url, 'PUT', '/tags/1', { digest: digest('one'), size: 10 });
  await first.stop();

  const file = join(home, 'vidimus.age');
  const said = { VIDIMUS_PASSPHRASE: passphrase };
  const backup = await runCommand(['key', 'backup', '--data', data, '--out', file], said);
  expect(backup).toMatchObject({ exit: 0, stderr: '' });
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await readFile(file)).includes('trust_repositories')).toBe(false);
  expect((await runCommand(['key', 'backup', '--data', data, '--out', file], said)).exit).toBe(2);

  const second = await bed.start({ data });
  for (const tag of ['2', '3']) {
    await ask(second.url, 'PUT', `/tags/${tag}`, { digest: digest(tag), size: 10 });
  }
  const rotation = { to: [{ custody: 'managed' }], reason: 'yearly' };
  expect((await ask(second.url, 'POST', '/roles/root/rotations', rotation)).status).toBe(200);
  for (const tag of ['4', '5']) {
    await ask(second.url, 'PUT', `/tags/${tag}`, { digest: digest(tag), size: 10 });
  }
  await witness.verify(second.url);
  const root = await fetch(`${second.url}/v2/${repository}/_trust/metadata/1.root.json`);
  const rootFile = join(home, '1.root.json');
  await writeFile(rootFile, Buffer.from(await root.arrayBuffer()));
  expect((await client(second.url, ['anchor', 'pin', repository, '--root', rootFile])).exit).toBe(0);
  expect((await client(second.url, ['inspect', repository])).exit).toBe(0);
  await second.kill();
  await rm(data, { recursive: true, force: true });

  const drill = await runCommand(['key', 'restore', file, '--drill', '--json'], said);
  expect(JSON.parse(drill.stdout)).toMatchObject({ sound: true, repositories: [repository], unsound: [] });
  const { options } = await bed.postgres();
  const url = options.environment?.['DATABASE_URL'] ?? '';
  const keys = join(home, 'masters');
  const words = ['key', 'restore', file];
  const database = { DATABASE_URL: url, ...said };
  expect((await runCommand(words, { ...database, ...options.environment })).stderr).toContain('fingerprint');
  expect(
    (await runCommand(words, { ...database, VIDIMUS_PASSPHRASE: 'another passphrase' })).stderr,
  ).toContain('does not open');
  const restored = await runCommand([...words, '--keys-to', keys], database);
  expect(restored).toMatchObject({ exit: 0, stderr: '' });
  expect(restored.stdout).toContain(`vidimus key resume ${repository}`);
  expect((await runCommand([...words, '--keys-to', join(home, 'again')], database)).stderr).toContain(
    'already',
  );

  const third = await bed.start({
    ...options,
    environment: {
      DATABASE_URL: url,
      VIDIMUS_MASTER_KEY_FILE: join(keys, 'master.key'),
      VIDIMUS_ROOT_MASTER_KEY_FILE: join(keys, 'root-master.key'),
    },
  });
  const refused = await ask(third.url, 'PUT', '/tags/6', { digest: digest('6'), size: 10 });
  expect([refused.status, refused.text]).toEqual([409, expect.stringContaining('VERSION_UNCERTAIN')]);
  const resumed = await client(third.url, ['key', 'resume', repository, '--reason', 'disk lost', '--yes']);
  expect(resumed).toMatchObject({ exit: 0, stderr: '' });
  const after = await ask(third.url, 'PUT', '/tags/6', { digest: digest('6'), size: 10 });
  expect(after.status).toBe(200);
  // The witness remembers every file ever served: a second content of a version would fail it.
  await witness.look(third.url);
  const seen = await client(third.url, ['inspect', repository, '--json']);
  expect(seen.exit).toBe(0);
  const { tags } = z.object({ tags: z.array(z.object({ tag: z.string() })) }).parse(JSON.parse(seen.stdout));
  expect(tags.map(({ tag }) => tag).sort()).toEqual(['1', '2', '3', '4', '5', '6']);
});
