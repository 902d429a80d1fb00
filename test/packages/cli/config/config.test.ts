import { afterEach, describe, expect, it } from 'vitest';
import { CliError } from '../../../../packages/cli/src/cli-error.ts';
import {
  type ConfigSources,
  findDirectory,
  findEntry,
  findRegistry,
  type LoadedConfig,
  loadConfig,
  userConfigFile,
} from '../../../../packages/cli/src/config/resolve-config.ts';
import { run } from '../../../../packages/cli/src/run.ts';
import { temporaryDirectory, write } from '../temporary-files.ts';

const directory = temporaryDirectory();
const none: ConfigSources = { systemFile: '/nowhere', userFile: undefined, namedFile: undefined };
const cwd = process.cwd();
afterEach(() => process.chdir(cwd));

function messageOf(text: string): string {
  const namedFile = write(directory, 'c.yaml', text);
  try {
    loadConfig({ ...none, namedFile });
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    expect([error.code, error.exit]).toEqual(['CONFIG_INVALID', 2]);
    return error.message.replace(directory, '~');
  }
  return 'no refusal';
}

describe('one configuration file', () => {
  it.each([
    ['an unknown key', 'version: 1\nrepositorys: []\n', '~/c.yaml:2:1: repositorys: Unrecognized key'],
    [
      'a misspelt final',
      'version: 1\nrepositories:\n  - match: "**"\n    finall: true\n',
      '~/c.yaml:4:5: repositories.0.finall: Unrecognized key',
    ],
    [
      'an anchor of no known form',
      'version: 1\nrepositories:\n  - match: "**"\n    anchor: trustMe\n',
      '~/c.yaml:4:5: repositories.0.anchor: an anchor is',
    ],
    [
      'a threshold above the keys',
      `version: 1\nrepositories:\n  - match: "**"\n    anchor: {keyIds: [${'a'.repeat(64)}], threshold: 2}\n`,
      '~/c.yaml:4:5: repositories.0.anchor',
    ],
    [
      'a certificate id that is none',
      'version: 1\nrepositories:\n  - {match: "**", dialect: notary, anchor: {certIds: [a]}}\n',
      '~/c.yaml:3:55: repositories.0.anchor.certIds.0: a key id is 64',
    ],
    [
      'an authority that is said to speak for the dialect tuf',
      'version: 1\nrepositories:\n  - {match: "**", dialect: tuf, anchor: {ca: ca.pem}}\n',
      '~/c.yaml:3:33: repositories.0.anchor: certIds and ca are anchors of the dialect notary',
    ],
    [
      'certificates without a dialect',
      `version: 1\nrepositories:\n  - {match: "**", anchor: {certIds: [${'a'.repeat(64)}]}}\n`,
      '~/c.yaml:3:19: repositories.0.anchor: certIds and ca are anchors of the dialect notary',
    ],
    [
      'a dialect that nobody reads',
      'version: 1\nrepositories:\n  - {match: "**", dialect: notation}\n',
      '~/c.yaml:3:19: repositories.0.dialect',
    ],
    [
      'a duration without a unit',
      'version: 1\nrepositories:\n  - {match: "**", staleFor: 10}\n',
      '~/c.yaml:3:19: repositories.0.staleFor',
    ],
    ['a directory without anchor', 'version: 1\ndirectory: {}\n', '~/c.yaml:2:'],
    [
      'a directory with something else',
      'version: 1\ndirectory: {anchor: a.json, server: "https://a.test"}\n',
      '~/c.yaml:2:29: directory.server: Unrecognized key',
    ],
    ['the same key twice', 'version: 1\nversion: 1\n', '~/c.yaml:2:1: '],
    ['another version', 'version: 2\n', '~/c.yaml:1:1: version'],
    ['no version', 'repositories: []\n', '~/c.yaml:1:1: version'],
    ['no YAML', 'version: [1\n', '~/c.yaml:'],
    [
      'aliases that unfold without end',
      `a: &a [x]\nb: &b [${'*a,'.repeat(50)}]\nc: [${'*b,'.repeat(50)}]\n`,
      '~/c.yaml: more aliases',
    ],
  ])('is refused with %s, at its position', (_, text, message) => {
    const found = messageOf(text);
    expect(found).not.toBe('no refusal');
    expect(found.startsWith(message), found).toBe(true);
  });

  it.each([
    ['outside', 'outside: pass', '2:1'],
    ['policyServer', 'repositories:\n  - {match: "**", policyServer: "https://p.test"}', '3:19'],
    ['requirePolicies', 'repositories:\n  - {match: "**", requirePolicies: [baseline]}', '3:19'],
    ['maxOffline', 'repositories:\n  - {match: "**", maxOffline: 0s}', '3:19'],
    ['mode', 'repositories:\n  - {match: "**", mode: warn}', '3:19'],
  ])('says of %s that this version does not have it, and does not ignore it', (_, line, position) => {
    const found = messageOf(`version: 1\n${line}\n`);
    expect(found).toContain(`~/c.yaml:${position}: `);
    expect(found).toContain('not available in this version');
  });

  it('is told the misspelt key before what is missing for it', () => {
    expect(messageOf('versoin: 1\n')).toContain('1:1: versoin: Unrecognized key');
  });

  it('names a directory and repositories that rely on it; the system’s own cannot be exchanged', () => {
    const text =
      'version: 1\ndirectory: {anchor: a.json, token: {env: T}}\nrepositories: [{match: "**", anchor: directory}]\n';
    const namedFile = write(directory, 'named.yaml', text);
    expect(findDirectory(loadConfig({ ...none, namedFile }))?.entry).toEqual({
      anchor: 'a.json',
      token: { env: 'T' },
    });
    const systemFile = write(directory, 'system.yaml', 'version: 1\ndirectory: {anchor: s.json}\n');
    expect(findDirectory(loadConfig({ ...none, namedFile, systemFile }))?.entry).toEqual({
      anchor: 's.json',
    });
    expect(findDirectory(loadConfig(none))).toBeUndefined();
  });

  it('is refused when it is named and not there', () => {
    expect(() => loadConfig({ ...none, namedFile: `${directory}/absent.yaml` })).toThrow(/does not exist/);
  });

  it('is refused when it is larger than a mebibyte', () => {
    expect(messageOf(`version: 1\n#${'x'.repeat(1024 * 1024)}`)).toContain('larger than 1 MiB');
  });

  it('may hold the part of the service, which clients do not read', () => {
    expect(messageOf('version: 1\nservice: {anything: [goes]}\n')).toBe('no refusal');
  });
});

describe('several configuration files', () => {
  const entry = (server: string, more = ''): string =>
    `version: 1\nrepositories:\n  - {match: "registry.example.com/**", trustServer: "${server}"${more}}\n`;
  const load = (system: string, user: string, named: string): LoadedConfig =>
    loadConfig({
      systemFile: write(directory, 'system.yaml', system),
      userFile: write(directory, 'user.yaml', user),
      namedFile: write(directory, 'named.yaml', named),
    });
  const serverOf = (config: LoadedConfig): string | undefined =>
    findEntry(config, 'registry.example.com/team/app')?.entry.trustServer;

  it('go from the most specific to the system', () => {
    const empty = 'version: 1\n';
    const [s, u, n] = [entry('https://s.test'), entry('https://u.test'), entry('https://n.test')];
    expect(serverOf(load(s, u, n))).toBe('https://n.test');
    expect(serverOf(load(s, u, empty))).toBe('https://u.test');
    expect(serverOf(load(s, empty, empty))).toBe('https://s.test');
    expect(serverOf(load(empty, empty, empty))).toBeUndefined();
  });

  it('cannot override what the system calls final', () => {
    const config = load(
      entry('https://s.test', ', final: true'),
      entry('https://u.test'),
      entry('https://n.test'),
    );
    expect(serverOf(config)).toBe('https://s.test');
  });

  it('gain nothing from a final of their own', () => {
    const config = load(
      entry('https://s.test', ', final: true'),
      entry('https://u.test', ', final: true'),
      entry('https://n.test', ', final: true'),
    );
    expect(serverOf(config)).toBe('https://s.test');
    const open = load(
      entry('https://s.test'),
      entry('https://u.test', ', final: true'),
      entry('https://n.test'),
    );
    expect(serverOf(open)).toBe('https://n.test');
  });

  it('take the first match of a file', () => {
    const text = `version: 1\nrepositories:\n  - {match: "registry.example.com/other", trustServer: "https://1.test"}
  - {match: "registry.example.com/**", trustServer: "https://2.test"}
  - {match: "**", trustServer: "https://3.test"}\n`;
    expect(serverOf(load('version: 1\n', 'version: 1\n', text))).toBe('https://2.test');
  });

  it('take a registry from the most specific file, and no member of Object', () => {
    const user = 'version: 1\nregistries: {"localhost:5000": {plainHttp: true}}\n';
    const named = 'version: 1\nregistries: {"localhost:5000": {plainHttp: false}}\n';
    const config = load('version: 1\n', user, named);
    expect(findRegistry(config, 'localhost:5000')?.plainHttp).toBe(false);
    expect(findRegistry(config, 'constructor')).toBeUndefined();
  });
});

describe('the user file', () => {
  it('is where the XDG rules say', () => {
    expect(userConfigFile({ HOME: '/home/a' })).toBe('/home/a/.config/vidimus/config.yaml');
    expect(userConfigFile({ HOME: '/home/a', XDG_CONFIG_HOME: '/x' })).toBe('/x/vidimus/config.yaml');
    expect(userConfigFile({ HOME: '/home/a', XDG_CONFIG_HOME: '' })).toBe(
      '/home/a/.config/vidimus/config.yaml',
    );
    expect(userConfigFile({})).toBeUndefined();
  });
});

describe('a vidimus.yaml planted in the working directory', () => {
  it('is not read: a pull request must not configure its own verifier', async () => {
    const planted = temporaryPlant();
    process.chdir(planted);
    const err: string[] = [];
    const out: string[] = [];
    // Any of these files would be a usage error if it were read.
    const exit = await run(['anchor', 'list', '--cache', `${planted}/cache`, '--json'], {
      environment: { HOME: `${planted}/home` },
      stdout: { write: (text) => out.push(text) },
      stderr: { write: (text) => err.push(text) },
      stdinIsTTY: false,
      now: () => 0,
      random: (bytes) => new Uint8Array(bytes),
      stopped: new Promise(() => undefined),
      ask: async () => '',
    });
    expect([exit, out.join(''), err.join('')]).toEqual([0, '{"anchors":[]}\n', '']);
    expect(loadConfig({ ...none, userFile: userConfigFile({ HOME: `${planted}/home` }) }).files).toEqual([]);
  });

  function temporaryPlant(): string {
    for (const name of ['vidimus.yaml', 'config.yaml', '.vidimus.yaml', 'vidimus/config.yaml']) {
      write(directory, `plant/${name}`, 'not: [a configuration');
    }
    return `${directory}/plant`;
  }
});
