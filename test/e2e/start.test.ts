/** What keeps `vidimus serve` from starting, how it ends, and that nothing is weakened on the way. */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { copyTemplate } from '../support/database-embedded.ts';
import { TEST_CA, TEST_CERTIFICATE, TEST_KEY } from '../support/registry-tls.ts';
import { callService, createManaged, digestOf } from '../support/service-calls.ts';
import { runCommand } from '../support/service-command.ts';
import { ADMIN_TOKEN, type ServiceProcess, startService } from '../support/service-process.ts';

const masterKey = randomBytes(32).toString('base64');
/** A port nothing listens on: discarded long ago, and below those the system gives away. */
const nowhere = 'postgres://vidimus:secret@127.0.0.1:9/vidimus';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vdm-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Exit code, and the code of the one JSON object on stdout. */
async function serve(
  flags: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<readonly [number, string | undefined]> {
  const { exit, stdout } = await runCommand(['serve', '--json', ...flags], environment);
  expect(stdout.trim().split('\n')).toHaveLength(1);
  return [exit, /"error":\{"code":"([A-Z_]+)"/.exec(stdout)?.[1]];
}

const loopback = ['--listen', '127.0.0.1:0'];

describe('settings that are refused before anything is made', () => {
  it.each<[string, readonly string[], Record<string, string>, string]>([
    ['plain HTTP beyond loopback', ['--listen', '0.0.0.0:0'], {}, 'USAGE'],
    ['plain HTTP on every address of IPv6', ['--listen', '[::]:0'], {}, 'USAGE'],
    ['an address that is none', ['--listen', 'localhost'], {}, 'USAGE'],
    ['a certificate without its key', [...loopback, '--tls-cert', '/nowhere/cert.pem'], {}, 'USAGE'],
    [
      'a certificate that is not there',
      [...loopback, '--tls-cert', '/nowhere/cert.pem', '--tls-key', '/nowhere/key.pem'],
      {},
      'TLS_FILE_UNREADABLE',
    ],
    ['DATABASE_URL without a master key', loopback, { DATABASE_URL: nowhere }, 'USAGE'],
    [
      'a master key that is too short',
      loopback,
      { DATABASE_URL: nowhere, VIDIMUS_MASTER_KEY: 'c2hvcnQ=' },
      'MASTER_KEY_INVALID',
    ],
    [
      'a master key file that is not there',
      loopback,
      { DATABASE_URL: nowhere, VIDIMUS_MASTER_KEY_FILE: '/nowhere/master.key' },
      'MASTER_KEY_MISSING',
    ],
    [
      'a DATABASE_URL of another kind',
      loopback,
      { DATABASE_URL: 'mysql://127.0.0.1/x', VIDIMUS_MASTER_KEY: masterKey },
      'URL_INVALID',
    ],
    [
      'a configuration file that is not there',
      [...loopback, '--config', '/nowhere/v.yaml'],
      {},
      'CONFIG_INVALID',
    ],
    ['a service that there is not', [...loopback, '--only', 'gateway'], {}, 'USAGE'],
  ])('%s', async (_, flags, environment, code) => {
    const data = join(folder, 'data');
    expect(await serve(['--data', data, ...flags], environment)).toEqual([2, code]);
    expect(await readdir(folder)).toEqual([]);
  });

  it('a certificate and another key', async () => {
    const key = join(folder, 'key.pem');
    const cert = join(folder, 'cert.pem');
    await writeFile(cert, TEST_CA);
    await writeFile(key, TEST_KEY);
    const flags = [...loopback, '--data', join(folder, 'data'), '--tls-cert', cert, '--tls-key', key];
    expect(await serve(flags)).toEqual([2, 'TLS_MISMATCH']);
  });

  it('an unknown key in the service configuration', async () => {
    const file = join(folder, 'vidimus.yaml');
    await writeFile(file, 'service:\n  acess: open\n');
    expect(await serve([...loopback, '--data', join(folder, 'data'), '--config', file])).toEqual([
      2,
      'CONFIG_INVALID',
    ]);
  });

  it('says so without repeating the password of the database', async () => {
    const { exit, stdout, stderr } = await runCommand(['serve', '--data', folder, ...loopback], {
      DATABASE_URL: nowhere,
      VIDIMUS_MASTER_KEY: masterKey,
    });
    expect([exit, stdout]).toEqual([5, '']);
    expect(stderr).toMatch(/^ERROR {2}.*ECONNREFUSED.* {2}UNAVAILABLE\n/);
    expect(stderr).not.toContain('secret');
    expect(stderr).not.toContain('    at ');
  });
});

describe('a data directory', () => {
  it('from a newer version is left alone', async () => {
    await mkdir(join(folder, 'db'));
    await writeFile(join(folder, 'VERSION'), '2\n');
    expect(await serve(['--data', folder, ...loopback])).toEqual([2, 'NEWER_DIRECTORY']);
    expect([...(await readdir(folder))].sort()).toEqual(['VERSION', 'db']);
    expect(await readFile(join(folder, 'VERSION'), 'utf8')).toBe('2\n');
  });

  it('that is a file, or holds something else, is left alone', async () => {
    const file = join(folder, 'file');
    await writeFile(file, 'precious');
    expect((await serve(['--data', file, ...loopback]))[0]).toBe(2);
    expect(await readFile(file, 'utf8')).toBe('precious');
    const other = join(folder, 'other');
    await mkdir(join(other, 'db'), { recursive: true });
    expect((await serve(['--data', other, ...loopback]))[0]).toBe(2);
    expect(await readdir(other)).toEqual(['db']);
  });
});

describe('the first token', () => {
  it('is for its owner alone, and is not made again', async () => {
    const data = await copyTemplate();
    try {
      expect(await serve(['--data', data, ...loopback])).toEqual([0, undefined]);
      const file = join(data, 'bootstrap-token');
      const token = await readFile(file, 'utf8');
      expect(token).toMatch(/^vdm_[A-Za-z0-9_-]{43}\n$/);
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      expect((await readdir(data)).filter((name) => name.startsWith('bootstrap-token'))).toHaveLength(1);
      expect(await serve(['--data', data, ...loopback])).toEqual([0, undefined]);
      expect(await readFile(file, 'utf8')).toBe(token);
    } finally {
      await rm(data, { recursive: true, force: true });
    }
  });
});

describe('over TLS, in a directory with a planted vidimus.yaml', () => {
  const repository = 'localhost/team/app';
  let service: ServiceProcess;
  let place: string;
  let data: string;
  let config: string;

  beforeAll(async () => {
    place = await mkdtemp(join(tmpdir(), 'vdm-tls-'));
    data = await copyTemplate();
    const cert = join(place, 'cert.pem');
    const key = join(place, 'key.pem');
    await writeFile(cert, TEST_CERTIFICATE);
    await writeFile(key, TEST_KEY);
    await writeFile(join(place, 'ca.pem'), TEST_CA);
    await writeFile(join(place, 'vidimus.yaml'), 'version: 7\nservice: {planted: true}\n');
    service = await startService({ data, cwd: place, flags: ['--tls-cert', cert, '--tls-key', key] });
    config = join(place, 'client.yaml');
    await writeConfig(config, 'ca: ca.pem');
  });
  afterAll(async () => {
    await service.stop();
    await rm(place, { recursive: true, force: true });
    await rm(data, { recursive: true, force: true });
  });

  const writeConfig = (file: string, entry: string): Promise<void> =>
    writeFile(
      file,
      `version: 1\nrepositories:\n  - match: "localhost/**"\n    trustServer: ${service.url}\n    ${entry}\n`,
    );
  const client = (words: readonly string[], configured = config) =>
    runCommand([...words, '--config', configured, '--json'], {
      HOME: place,
      VIDIMUS_CACHE: join(place, 'cache'),
      VIDIMUS_KEYS: join(place, 'keys'),
      // A token goes to the server it was named with, and to no other.
      VIDIMUS_SERVER: service.url,
      VIDIMUS_TOKEN: ADMIN_TOKEN,
      VIDIMUS_PASSPHRASE: 'correct horse battery staple',
    });

  it('is trusted by a client whose configuration names the authority, and by no other', async () => {
    expect(service.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    expect(await client(['init', repository])).toMatchObject({ exit: 0 });
    expect((await client(['sign', `${repository}:1.0@${digestOf('x')}`, '--size', '100'])).exit).toBe(0);
    const seen = await client(['inspect', repository]);
    expect([seen.exit, JSON.parse(seen.stdout)]).toMatchObject([0, { repository, tags: [{ tag: '1.0' }] }]);

    const bare = join(place, 'bare.yaml');
    await writeConfig(bare, 'unavailable: closed');
    const refused = await runCommand(['inspect', repository, '--config', bare, '--json'], {
      HOME: place,
      VIDIMUS_CACHE: join(place, 'other-cache'),
    });
    expect([3, 4]).toContain(refused.exit);
  });

  it('a second service over the same data directory is told who is in the way', async () => {
    const { exit, stdout } = await runCommand(['serve', '--json', '--data', data, ...loopback]);
    expect([exit, stdout]).toEqual([2, expect.stringContaining('"code":"LOCKED"')]);
  });

  it('never answers plain HTTP', async () => {
    const plain = service.url.replace('https:', 'http:');
    await expect(callService(plain, 'GET', '/healthz')).rejects.toThrow();
  });
});

describe('starts and ends on an embedded database', () => {
  let data: string;
  beforeAll(async () => {
    data = await copyTemplate();
    expect(await serve(['--data', data, ...loopback])).toEqual([0, undefined]);
  });
  afterAll(() => rm(data, { recursive: true, force: true }));

  it('refuses another master key than the first one', async () => {
    expect(await serve(['--data', data, ...loopback], { VIDIMUS_MASTER_KEY: masterKey })).toEqual([
      2,
      'MASTER_KEY_WRONG',
    ]);
  });

  it('refuses a master key that others may read', async () => {
    const file = join(data, 'master.key');
    await chmod(file, 0o644);
    expect((await serve(['--data', data, ...loopback]))[0]).toBe(2);
    await chmod(file, 0o600);
    expect(await serve(['--data', data, ...loopback])).toEqual([0, undefined]);
  });

  it('refuses an administrator token that no header can carry', async () => {
    expect(await serve(['--data', data, ...loopback], { VIDIMUS_ADMIN_TOKEN: 'zwei Wörter' })).toEqual([
      2,
      'USAGE',
    ]);
  });

  it('refuses a port that is in use', async () => {
    const holder: Server = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const address = holder.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    expect(await serve(['--data', data, '--listen', `127.0.0.1:${port}`])).toEqual([2, 'USAGE']);
    await new Promise((resolve) => holder.close(resolve));
  });

  it('lets a running publish end after SIGTERM, and exits 0 within 10 s', async () => {
    const service = await startService({ data });
    const repository = 'registry.example.com/team/app';
    await createManaged(service.url, repository);
    const sign = Array.from({ length: 500 }, (_, index) => ({
      tag: `t${index}`,
      digest: digestOf('t'),
      size: 1,
    }));
    const published = callService(service.url, 'POST', `/v2/${repository}/_trust/tags`, { body: { sign } });
    // The request is on its way once another one, sent later, was answered.
    await callService(service.url, 'GET', '/healthz');
    const ended = service.stop();
    expect((await published).status).toBe(200);
    // The connection is kept alive by the caller, and must not be waited for.
    const answeredMs = Date.now();
    expect((await ended).exit).toBe(0);
    expect(Date.now() - answeredMs).toBeLessThan(6_000);
    expect((await readdir(data)).filter((name) => name.startsWith('lock'))).toEqual([]);
  });
});
