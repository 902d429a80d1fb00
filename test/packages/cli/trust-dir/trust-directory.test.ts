/** Directories that Docker and notary clients keep, and what somebody may have put into them. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseKeyFile } from '../../../../packages/cli/src/trust-dir/key-file.ts';
import { passphraseVariables } from '../../../../packages/cli/src/trust-dir/passphrases.ts';
import { openTrustDirectories } from '../../../../packages/cli/src/trust-dir/trust-directories.ts';
import { readTrustDirectory } from '../../../../packages/cli/src/trust-dir/trust-directory.ts';
import { temporaryDirectory } from '../temporary-files.ts';

const id = 'a'.repeat(64);
const other = 'b'.repeat(64);

function pem(headers: string, label = 'ENCRYPTED PRIVATE KEY'): string {
  return `-----BEGIN ${label}-----\n${headers}AAAA\n-----END ${label}-----\n`;
}

function put(directory: string, name: string, content: string): string {
  const path = join(directory, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

const parse = (parts: readonly string[], text: string) => parseKeyFile('file', parts, Buffer.from(text));

describe('a key file', () => {
  it('says what it is for in its headers', () => {
    expect(parse([`${id}.key`], pem('role: targets/alice\ngun: docker.io/acme/web\n\n'))).toMatchObject({
      keyId: id,
      role: 'targets/alice',
      gun: 'docker.io/acme/web',
      isEncrypted: true,
    });
  });

  it.each<[string, readonly string[], string, object]>([
    ['a root key of older programs', ['root_keys', `${id}_root.key`], pem(''), { role: 'root' }],
    ['one that only its directory names', ['root_keys', `${id}.key`], pem(''), { role: 'root' }],
    [
      'a targets key of older programs',
      ['tuf_keys', 'docker.io', 'acme', 'web', `${id}_targets.key`],
      pem(''),
      { role: 'targets', gun: 'docker.io/acme/web' },
    ],
    [
      'one that is not encrypted',
      [`${id}.key`],
      pem('role: root\n\n', 'EC PRIVATE KEY'),
      { isEncrypted: false },
    ],
    [
      'one encrypted as OpenSSL did it',
      [`${id}.key`],
      pem('Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n', 'EC PRIVATE KEY'),
      { isEncrypted: true },
    ],
    ['one whose header comes twice', [`${id}.key`], pem('role: root\nrole: targets\n\n'), { role: 'root' }],
    ['one with line ends of another system', [`${id}.key`], pem('role: root\r\n\r\n'), { role: 'root' }],
  ])('may be %s', (_, parts, text, expected) => {
    expect(parse(parts, text)).toMatchObject({ keyId: id, ...expected });
  });

  it.each<[string, readonly string[], string, string]>([
    ['another name', ['key.key'], pem(''), 'is not named after a key'],
    ['a name of too few digits', [`${'a'.repeat(63)}.key`], pem(''), 'is not named after a key'],
    ['a public key', [`${id}.key`], pem('', 'PUBLIC KEY'), 'holds no private key'],
    ['another end', [`${id}.key`], pem('').replace('END ENCRYPTED', 'END EC'), 'holds no private key'],
    ['headers that are none', [`${id}.key`], pem('role: root\n: x\n\n'), 'has headers that cannot be read'],
    [
      'headers without end',
      [`${id}.key`],
      pem(`${Array.from({ length: 40 }, (_, n) => `h${n}: x\n`).join('')}\n`),
      'has headers that cannot be read',
    ],
    [
      'a repository of any length',
      [`${id}.key`],
      pem(`gun: ${'x'.repeat(300)}\n\n`),
      'names a repository that is too long',
    ],
  ])('with %s is left out', (_, parts, text, why) => {
    expect(parse(parts, text)).toBe(why);
  });

  it('is read in time that its length bounds', () => {
    const text = `-----BEGIN EC PRIVATE KEY-----\n${'-----BEGIN EC PRIVATE KEY-----\n'.repeat(2_000)}`;
    const started = performance.now();
    expect(parse([`${id}.key`], text)).toBe('holds no private key');
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});

describe('a trust directory', () => {
  it('that is not there is empty', () => {
    const { keys, leftOut } = readTrustDirectory('/nowhere/at/all');
    expect([keys, leftOut]).toEqual([[], []]);
  });

  it('gives its keys and the roots its clients verified', () => {
    const directory = temporaryDirectory();
    const path = put(directory, `private/${id}.key`, pem('role: root\n\n'));
    put(directory, 'tuf/docker.io/acme/web/metadata/root.json', '{}');
    put(directory, 'tuf/docker.io/acme/web/metadata/targets/root.json', '{}');
    put(directory, 'tuf/docker.io/acme/web/changelist/x', '{}');
    const { keys, cachedRoots, leftOut } = readTrustDirectory(directory);
    expect(keys.map((key) => key.path)).toEqual([path]);
    expect([...cachedRoots.keys()]).toEqual(['docker.io/acme/web']);
    expect(leftOut).toEqual([]);
  });

  it('is not left through links, pipes or what is too large', () => {
    const directory = temporaryDirectory();
    const outside = put(temporaryDirectory(), `${id}.key`, pem('role: root\n\n'));
    mkdirSync(join(directory, 'private'));
    symlinkSync(outside, join(directory, 'private', `${id}.key`));
    symlinkSync(dirname(outside), join(directory, 'private', 'root_keys'));
    execFileSync('mkfifo', [join(directory, 'private', `${other}.key`)]);
    put(directory, `private/${'c'.repeat(64)}.key`, 'x'.repeat(70_000));
    const { keys, leftOut } = readTrustDirectory(directory);
    expect(keys).toEqual([]);
    expect(leftOut.map(({ why }) => why).sort()).toEqual([
      'has more than 65536 bytes',
      'is a symbolic link',
      'is a symbolic link',
      'is no plain file',
    ]);
  });

  it('is not followed for ever', () => {
    const directory = temporaryDirectory();
    put(directory, `private/${'d/'.repeat(40)}${id}.key`, pem(''));
    const { keys, leftOut } = readTrustDirectory(directory);
    expect([keys, leftOut.map(({ why }) => why)]).toEqual([[], ['is too deep']]);
  });

  it("is Docker's and notary's unless one is named", () => {
    const home = temporaryDirectory();
    put(home, `.docker/trust/private/${id}.key`, pem(''));
    put(home, `.notary/private/${other}.key`, pem(''));
    put(home, `config/trust/private/${other}.key`, pem(''));
    const ids = (environment: Record<string, string>, named?: string) =>
      openTrustDirectories(environment, named).flatMap(({ keys }) => keys.map(({ keyId }) => keyId));
    expect(ids({ HOME: home })).toEqual([id, other]);
    expect(ids({ HOME: home, DOCKER_CONFIG: join(home, 'config') })).toEqual([other, other]);
    expect(ids({ HOME: home }, join(home, '.notary'))).toEqual([other]);
    expect(() => ids({ HOME: home }, join(home, 'none'))).toThrow(
      expect.objectContaining({ code: 'FILE_UNREADABLE' }),
    );
  });
});

it.each([
  ['root', 'DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE', 'NOTARY_ROOT_PASSPHRASE'],
  ['targets', 'DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE', 'NOTARY_TARGETS_PASSPHRASE'],
  ['snapshot', 'DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE', 'NOTARY_SNAPSHOT_PASSPHRASE'],
  ['targets/alice', 'DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE', 'NOTARY_DELEGATION_PASSPHRASE'],
])('the passphrase of a %s key is where the clients look for it', (role, ...variables) => {
  expect(passphraseVariables(role)).toEqual(variables);
});
