/** What `service:` of the configuration says of the Notary wire, and the secret behind its tokens. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseMasterKey } from '@vidimus/key-store';
import { afterAll, describe, expect, it } from 'vitest';
import { readTokenServer, toNotaryWire } from '../../../../packages/cli/src/serve/notary-wire.ts';
import { readServeSettings, type ServeFlags } from '../../../../packages/cli/src/serve/serve-settings.ts';
import { certificate, settings as tokenServer } from '../../access/token-server-for-test.ts';

const directory = mkdtempSync(join(tmpdir(), 'vidimus-wire-'));
afterAll(() => rmSync(directory, { recursive: true }));

const now = (): number => Date.UTC(2026, 10, 21, 9);
const config = join(directory, 'config.yaml');
const read = (yaml: string, flags: ServeFlags = {}) => {
  writeFileSync(config, yaml);
  return readServeSettings({ config, ...flags }, {});
};
const master = (fill: string) => parseMasterKey(Buffer.from(fill.repeat(16)).toString('base64'));
const tokenAuth = (bundle: string, realm = tokenServer.realm): string =>
  `service:\n  tokenAuth: {realm: '${realm}', service: notary-peer, issuer: auth.example.test, rootCertBundle: ${bundle}}\n`;

describe('service settings of the wire', () => {
  it('are closed when nothing is said', () => {
    expect(read('{}').service).toMatchObject({ access: 'token', gunPrefixes: [] });
  });

  it('may open access, and name prefixes with or without their slash', () => {
    const { service } = read('service: {access: open, gunPrefixes: [docker.io, "localhost:5000/alice/"]}');
    expect(service).toMatchObject({ access: 'open', gunPrefixes: ['docker.io/', 'localhost:5000/alice/'] });
  });

  it.each([
    'service: {access: closed}',
    'service: {gunPrefixes: ["/"]}',
    'service: {gunPrefixes: [Upper/]}',
    'service: {tokenAuth: {realm: https://auth.example/token}}',
    tokenAuth('ca.pem', 'ftp://auth.example/'),
    tokenAuth('ca.pem').replace('notary-peer', `'with "quotes"'`),
    tokenAuth('ca.pem').replace('}', ', more: x}'),
  ])('refuse %s', (yaml) => {
    expect(() => read(yaml)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });

  it.each(['trust.example.com', 'ftp://trust.example.com', 'https://'])(
    'refuse the public URL %s',
    (publicUrl) => {
      expect(() => read('{}', { publicUrl })).toThrow(expect.objectContaining({ code: 'USAGE' }));
    },
  );
});

describe('the token server', () => {
  it('is none when none is named', async () => {
    expect(await readTokenServer(read('{}'), now)).toBeUndefined();
  });

  it('is read from beside the configuration', async () => {
    writeFileSync(join(directory, 'ca.pem'), certificate('ca'));
    const tokens = await readTokenServer(read(tokenAuth('ca.pem')), now);
    expect([tokens?.realm, tokens?.service]).toEqual([tokenServer.realm, 'notary-peer']);
  });

  it.each([
    ['a file that is not there', 'absent.pem'],
    ['a file of something else', 'config.yaml'],
  ])('cannot be %s', async (_name, bundle) => {
    await expect(readTokenServer(read(tokenAuth(bundle)), now)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(bundle),
    });
  });
});

describe('the secret of our own tokens', () => {
  const tokensOf = (key: string) => toNotaryWire(read('{}'), undefined, master(key), now).tokens;

  it('is the same wherever the master key is, and another elsewhere', async () => {
    const [here, replica, elsewhere] = [tokensOf('ab'), tokensOf('ab'), tokensOf('cd')];
    if (!('issue' in here) || typeof here.issue !== 'function') throw new Error('expected our own tokens');
    const { token } = await here.issue({ subject: 'token:t1', access: [] });
    expect(await replica?.verify(token)).toEqual({ subject: 'token:t1', access: [] });
    expect(await elsewhere?.verify(token)).toBeUndefined();
  });

  it('is not needed where a token server is named', async () => {
    writeFileSync(join(directory, 'ca.pem'), certificate('ca'));
    const settings = read(tokenAuth('ca.pem'), { publicUrl: 'https://trust.example.com/' });
    const wire = toNotaryWire(settings, await readTokenServer(settings, now), master('ab'), now);
    expect([wire.tokens.realm, wire.publicUrl]).toEqual([tokenServer.realm, 'https://trust.example.com']);
  });
});
