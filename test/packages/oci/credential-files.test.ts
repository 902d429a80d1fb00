import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Credential, credentialsFromFiles, type Environment } from '@vidimus/oci';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const auth = (text: string): string => Buffer.from(text).toString('base64');
const known = { auth: auth('u:p') };
const asU: Credential = { kind: 'password', username: 'u', password: 'p' };
let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'vidimus-credentials-'));
});
afterEach(() => {
  rmSync(home, { recursive: true });
});

describe('where credentials are looked for', () => {
  it("reads Docker's file, then Podman's", async () => {
    write('.docker/config.json', { auths: { 'a.example.com': known } });
    write('run/containers/auth.json', {
      auths: { 'b.example.com': known, 'a.example.com': { auth: auth('x:y') } },
    });
    write('.config/containers/auth.json', { auths: { 'c.example.com': known } });
    const environment = { XDG_RUNTIME_DIR: join(home, 'run') };
    expect(await find('a.example.com', environment)).toEqual(asU);
    expect(await find('b.example.com', environment)).toEqual(asU);
    expect(await find('c.example.com', environment)).toEqual(asU);
    expect(await find('d.example.com', environment)).toBeUndefined();
  });

  it('reads nothing but $REGISTRY_AUTH_FILE when that is set', async () => {
    write('.docker/config.json', { auths: { 'a.example.com': known } });
    const file = write('mine.json', { auths: { 'b.example.com': known } });
    expect(await find('a.example.com', { REGISTRY_AUTH_FILE: file })).toBeUndefined();
    expect(await find('b.example.com', { REGISTRY_AUTH_FILE: file })).toEqual(asU);
  });

  it('reads $DOCKER_CONFIG instead of the home directory', async () => {
    write('.docker/config.json', { auths: { 'a.example.com': known } });
    write('d/config.json', { auths: { 'b.example.com': known } });
    const environment = { DOCKER_CONFIG: join(home, 'd') };
    expect(await find('a.example.com', environment)).toBeUndefined();
    expect(await find('b.example.com', environment)).toEqual(asU);
  });

  it('is anonymous with no file and no environment', async () => {
    expect(await credentialsFromFiles({ environment: {} })('a.example.com', 'x')).toBeUndefined();
  });
});

describe('what an entry may look like', () => {
  const entries: readonly (readonly [string, string, object, string, Credential | undefined])[] = [
    ['a host', 'a.example.com:5000', known, 'a.example.com:5000', asU],
    ['another host', 'a.example.com.evil.example', known, 'a.example.com', undefined],
    ['a URL of an old login', 'https://a.example.com/v1/', known, 'a.example.com', asU],
    ['Docker Hub', 'https://index.docker.io/v1/', known, 'docker.io', asU],
    ['Docker Hub as Podman writes it', 'docker.io', known, 'docker.io', asU],
    ['a part of a registry', 'a.example.com/shop', known, 'a.example.com', asU],
    ['another part of a registry', 'a.example.com/sho', known, 'a.example.com', undefined],
    [
      'a password with a colon',
      'a',
      { auth: auth('u:p:q') },
      'a',
      { kind: 'password', username: 'u', password: 'p:q' },
    ],
    ['padding of NUL', 'a', { auth: auth('u:p\0\0') }, 'a', asU],
    ['plain members', 'a', { username: 'u', password: 'p' }, 'a', asU],
    [
      'an identity token',
      'a',
      { auth: auth('u:'), identitytoken: 't' },
      'a',
      { kind: 'identityToken', token: 't' },
    ],
    ['nothing', 'a', {}, 'a', undefined],
  ];

  it.each(entries)('%s', async (_, key, entry, registry, expected) => {
    write('.docker/config.json', { auths: { [key]: entry } });
    expect(await find(registry)).toEqual(expected);
  });

  it('lets the narrowest entry speak', async () => {
    write('.docker/config.json', {
      auths: { a: { auth: auth('x:y') }, 'a/shop': { auth: auth('v:w') }, 'a/shop/web': known },
    });
    expect(await find('a')).toEqual(asU);
  });

  it.each([
    ['no JSON', '{'],
    ['a duplicate member', '{"auths":{},"auths":{}}'],
    ['wrong types', '{"auths":{"a":{"auth":7}}}'],
    ['an auth without a colon', JSON.stringify({ auths: { a: { auth: auth('secret') } } })],
    ['a huge file', ' '.repeat(1024 * 1024 + 1)],
  ])('refuses %s without repeating it', async (_, text) => {
    write('.docker/config.json', text);
    const failure = await find('a').catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'CREDENTIALS_INVALID' });
    expect(String(failure)).not.toContain('secret');
  });
});

describe('credential helpers', () => {
  const answering = (answer: string): string => `read -r server; ${answer}`;

  it('asks the helper for this registry before the common store, on stdin', async () => {
    helper('one', answering('printf \'{"Username":"u","Secret":"p-%s"}\' "$server"'));
    helper('two', answering('echo {}; exit 1'));
    write('.docker/config.json', { credsStore: 'two', credHelpers: { 'a.example.com': 'one' } });
    expect(await find('a.example.com')).toEqual({ ...asU, password: 'p-a.example.com' });
  });

  it("asks for Docker Hub under Docker's own key", async () => {
    helper('one', answering('printf \'{"Username":"u","Secret":"%s"}\' "$server"'));
    write('.docker/config.json', { credsStore: 'one' });
    expect(await find('docker.io')).toEqual({ ...asU, password: 'https://index.docker.io/v1/' });
  });

  it('takes an identity token', async () => {
    helper('one', answering('echo \'{"Username":"<token>","Secret":"t"}\''));
    write('.docker/config.json', { credsStore: 'one' });
    expect(await find('a')).toEqual({ kind: 'identityToken', token: 't' });
  });

  it('goes on to the file when the helper has nothing', async () => {
    helper('one', answering('echo credentials not found in native keychain; exit 1'));
    write('.docker/config.json', { credsStore: 'one', auths: { a: known } });
    expect(await find('a')).toEqual(asU);
  });

  const broken: readonly (readonly [string, string])[] = [
    ['that fails', 'echo secret; exit 1'],
    ['that prints no credential', 'echo \'{"Secret":"secret"}\''],
    ['that prints too much', 'while :; do echo secretsecretsecretsecretsecretsecretsecret; done'],
    ['that never answers', 'while :; do sleep 1; done'],
  ];

  it.each(broken)('refuses a helper %s', async (_, script) => {
    helper('one', script);
    write('.docker/config.json', { credsStore: 'one' });
    const failure = await find('a').catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'CREDENTIALS_INVALID' });
    expect(String(failure)).not.toContain('secret');
  });

  it.each(['../one', 'a/b', '-x', 'a b', 'a;b', '$(x)', 'a'.repeat(65)])(
    'never runs a helper named %j',
    async (name) => {
      write('.docker/config.json', { credsStore: name });
      await expect(find('a')).rejects.toMatchObject({ code: 'CREDENTIALS_INVALID' });
    },
  );

  it('does not find a helper through a relative directory of PATH', async () => {
    const mark = join(home, 'ran');
    helper('one', `touch ${mark}`);
    write('.docker/config.json', { credsStore: 'one' });
    const relative = join('..', '..', '..', '..', '..', '..', home, 'bin');
    await expect(find('a', { PATH: `.:${relative}` })).rejects.toMatchObject({ code: 'CREDENTIALS_INVALID' });
    expect(existsSync(mark)).toBe(false);
  });
});

function write(name: string, content: object | string): string {
  const file = join(home, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

function helper(name: string, script: string): void {
  const file = write(`bin/docker-credential-${name}`, `#!/bin/sh\n[ "$1" = get ] || exit 2\n${script}\n`);
  chmodSync(file, 0o755);
}

function find(registry: string, environment: Environment = {}): Promise<Credential | undefined> {
  const usual = { HOME: home, PATH: `${join(home, 'bin')}:/usr/bin:/bin` };
  return credentialsFromFiles({ environment: { ...usual, ...environment }, helperMs: 1_000 })(
    registry,
    'shop/web',
  );
}
