import { describe, expect, it } from 'vitest';
import { CliError } from '../../../../packages/cli/src/cli-error.ts';
import { repositorySettings } from '../../../../packages/cli/src/client/repository-settings.ts';
import type { GlobalOptions } from '../../../../packages/cli/src/context.ts';
import { contextForTest } from '../context-for-test.ts';
import { temporaryDirectory, write } from '../temporary-files.ts';

const directory = temporaryDirectory();
const repository = 'registry.example.com/team/app';
const entry = (more: string): string =>
  `version: 1\nrepositories:\n  - {match: "**", trustServer: "https://conf.test:4443"${more}}\n`;

function settings(
  options: GlobalOptions,
  environment: Readonly<Record<string, string>> = {},
  named = 'version: 1\n',
  system = 'version: 1\n',
) {
  const namedFile = write(directory, 'named.yaml', named);
  const systemFile = write(directory, 'system.yaml', system);
  const context = contextForTest({ files: { namedFile, systemFile }, environment, options });
  return repositorySettings(context, repository);
}

describe('the server of a repository', () => {
  it("is the flag's, else the configuration's, else the registry's own host", () => {
    expect(settings({ server: 'https://flag.test' }, {}, entry('')).server).toBe('https://flag.test');
    expect(settings({}, {}, entry('')).server).toBe('https://conf.test:4443');
    expect(settings({}).server).toBe('https://registry.example.com');
  });

  it("cannot be another than the system's final one", () => {
    const system = entry(', final: true');
    expect(() => settings({ server: 'https://flag.test' }, {}, undefined, system)).toThrow(CliError);
    expect(settings({ server: 'https://conf.test:4443/' }, {}, undefined, system).server).toBe(
      'https://conf.test:4443',
    );
  });

  it.each(['ftp://x.test', 'not a url', 'file:///etc/passwd'])('is never %s', (server) => {
    expect(() => settings({ server })).toThrow(/not an http or https URL/);
  });
});

describe('a token', () => {
  const given = { VIDIMUS_TOKEN: 'from-environment', CONF_TOKEN: 'from-entry' };
  const configured = entry(', token: {env: CONF_TOKEN}');

  it('of the environment goes to the server that was named with it', () => {
    expect(settings({ server: 'https://flag.test' }, given).token).toBe('from-environment');
  });

  it('of the environment goes to no server that a file or a repository name chose', () => {
    expect(settings({}, given).token).toBeUndefined();
    expect(settings({}, given, entry('')).token).toBeUndefined();
  });

  it('of an entry goes to the server of the entry alone', () => {
    expect(settings({}, given, configured).token).toBe('from-entry');
    const { VIDIMUS_TOKEN: _, ...without } = given;
    expect(settings({ server: 'https://flag.test' }, without, configured).token).toBeUndefined();
    expect(settings({ server: 'https://conf.test' }, without, configured).token).toBeUndefined();
    expect(settings({ server: 'http://conf.test:4443' }, without, configured).token).toBeUndefined();
    expect(settings({ server: 'https://conf.test:4443/' }, without, configured).token).toBe('from-entry');
  });

  it('that is named and missing stops the command', () => {
    expect(() => settings({}, {}, configured)).toThrow(/\$CONF_TOKEN, which is empty/);
  });

  it('is read from its file without the line end', () => {
    const tokenFile = write(directory, 'token', 'from-file\n');
    expect(settings({ server: 'https://flag.test', tokenFile }, given).token).toBe('from-file');
  });
});

describe('a repository of the notary dialect', () => {
  const id = 'c'.repeat(64);

  it('is read in it, from certificates that are pinned in the file', () => {
    const named = entry(`, dialect: notary, anchor: {certIds: [${id}]}`);
    expect(settings({}, {}, named)).toMatchObject({
      dialect: 'notary',
      anchor: { kind: 'certificates', certIds: [id] },
    });
  });

  it('is read from the authority in a file beside the configuration', () => {
    write(directory, 'ca.pem', 'PEM of the authority');
    expect(settings({}, {}, entry(', dialect: notary, anchor: {ca: ca.pem}')).anchor).toEqual({
      kind: 'authority',
      caPem: 'PEM of the authority',
    });
    expect(() => settings({}, {}, entry(', dialect: notary, anchor: {ca: absent.pem}'))).toThrow(
      /absent\.pem, which cannot be read/,
    );
  });

  it('is taken on first use where the file says so, and for no other', () => {
    expect(settings({}, {}, entry(', dialect: notary, anchor: firstUse'))).toMatchObject({
      dialect: 'notary',
      anchor: { kind: 'firstUse' },
    });
    expect(settings({}, {}, entry(''))).not.toHaveProperty('dialect');
  });
});
