import { createHash, X509Certificate } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readServeSettings } from '../../../../packages/cli/src/serve/serve-settings.ts';
import { trustLines } from '../../../../packages/cli/src/serve/tls-dev.ts';
import { prepareDevelopmentTls } from '../../../../packages/cli/src/serve/tls-dev-certificates.ts';

const dayMs = 86_400_000;
const start = Date.UTC(2026, 10, 21);

let data: string;
let drawn: number;

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'vdm-tls-dev-'));
  drawn = 0;
});
afterEach(() => rm(data, { recursive: true, force: true }));

/** Different at every call, the same in every run. */
const random = (bytes: number): Uint8Array => {
  drawn += 1;
  return createHash('shake256', { outputLength: bytes }).update(`tls-dev ${drawn}`).digest();
};
const prepare = (given: { readonly now?: number; readonly hosts?: readonly string[] } = {}) =>
  prepareDevelopmentTls({ dataDirectory: data, hosts: ['127.0.0.1'], now: start, random, ...given });
const read = (name: string) => readFile(join(data, 'tls', name), 'utf8');
const certificate = async (name: string) => new X509Certificate(await read(name));

describe('--tls-dev', () => {
  it('makes an authority and a certificate once, for nobody else to read', async () => {
    const { caFile, serverFile } = await prepare();
    expect([caFile, serverFile]).toEqual([join(data, 'tls', 'ca.crt'), join(data, 'tls', 'server.pem')]);
    const before = await Promise.all(['ca.crt', 'ca.key', 'server.pem'].map(read));
    await prepare({ now: start + 300 * dayMs });
    expect(await Promise.all(['ca.crt', 'ca.key', 'server.pem'].map(read))).toEqual(before);
    expect((await readdir(data)).sort()).toEqual(['tls']);
    for (const name of ['ca.key', 'server.pem']) {
      expect((await stat(join(data, 'tls', name))).mode & 0o777).toBe(0o600);
    }
    expect((await stat(join(data, 'tls'))).mode & 0o777).toBe(0o700);
  });

  it('is believed by a client that trusts the authority, for each of its names', async () => {
    const { serverFile } = await prepare({
      hosts: ['0.0.0.0', 'trust.example.com', '192.0.2.7'],
      now: Date.now(),
    });
    const pem = await readFile(serverFile, 'utf8');
    const server = createServer({ cert: pem, key: pem });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    const ca = await read('ca.crt');
    const handshake = (servername: string) =>
      new Promise<string>((resolve) => {
        const socket = connect({ host: '127.0.0.1', port, ca, ...toServerName(servername) }, () => {
          socket.destroy();
          resolve('trusted');
        });
        socket.once('error', (error) => resolve('code' in error ? String(error.code) : error.message));
      });
    try {
      for (const name of ['localhost', '127.0.0.1', 'trust.example.com', '192.0.2.7']) {
        expect([name, await handshake(name)]).toEqual([name, 'trusted']);
      }
      expect(await handshake('other.example.com')).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
    } finally {
      server.closeAllConnections();
      server.close();
    }
    const made = await certificate('server.pem');
    expect(made.checkIP('::1')).toBe('::1');
    expect(made.checkIP('0.0.0.0')).toBeUndefined();
  });

  it('renews the certificate near its end, and when a name is new, under the same authority', async () => {
    await prepare();
    const [ca, first] = [await read('ca.crt'), await read('server.pem')];
    await prepare({ now: start + 368 * dayMs });
    const second = await read('server.pem');
    expect(second).not.toBe(first);
    await prepare({ now: start + 368 * dayMs, hosts: ['trust.example.com'] });
    expect((await certificate('server.pem')).checkHost('trust.example.com')).toBe('trust.example.com');
    expect(await read('ca.crt')).toBe(ca);
    expect((await certificate('server.pem')).verify(new X509Certificate(ca).publicKey)).toBe(true);
    expect(await readdir(join(data, 'tls'))).toHaveLength(3);
  });

  it('makes a new authority near the end of the old one', async () => {
    await prepare();
    const ca = await read('ca.crt');
    await prepare({ now: start + 3625 * dayMs });
    expect(await read('ca.crt')).not.toBe(ca);
    expect(await readdir(data)).toEqual(['tls']);
  });

  it('leaves no certificate that outlives its authority', async () => {
    await prepare();
    await prepare({ now: start + 3500 * dayMs });
    const [ca, server] = [await certificate('ca.crt'), await certificate('server.pem')];
    expect(Date.parse(server.validTo)).toBe(Date.parse(ca.validTo));
  });

  it.each<[string, () => Promise<unknown>, RegExp]>([
    ['a missing key', () => rm(join(data, 'tls/ca.key')), /ca\.key cannot be read/],
    ['a missing authority', () => rm(join(data, 'tls/ca.crt')), /ca\.crt cannot be read/],
    ['no certificate', () => rm(join(data, 'tls/server.pem')), /server\.pem cannot be read/],
    ['garbage', () => writeFile(join(data, 'tls/server.pem'), 'garbage'), /server\.pem does not hold/],
    [
      'half a file',
      async () => writeFile(join(data, 'tls/ca.crt'), (await read('ca.crt')).slice(0, 90)),
      /ca\.crt does not hold/,
    ],
    ['too much', () => writeFile(join(data, 'tls/ca.crt'), 'x'.repeat(70_000)), /ca\.crt is longer/],
    [
      'a key of another',
      async () => writeFile(join(data, 'tls/ca.key'), await read('server.pem')),
      /the key in .*ca\.key is not that/,
    ],
    ['a key for everybody', () => chmod(join(data, 'tls/ca.key'), 0o644), /others may read .*ca\.key/],
    [
      'a file of that name',
      async () => {
        await rm(join(data, 'tls'), { recursive: true });
        await writeFile(join(data, 'tls'), '');
      },
      /tls is no directory/,
    ],
  ])('refuses a directory with %s, and says how to go on', async (_, damage, message) => {
    await prepare();
    await damage();
    const before = await snapshot();
    await expect(prepare()).rejects.toMatchObject({
      code: 'TLS_INVALID',
      exit: 2,
      message: expect.stringMatching(message),
      hint: expect.stringContaining('remove it'),
    });
    expect(await snapshot()).toEqual(before);
  });

  it('tells Docker and notary one command each', () => {
    expect(trustLines('/data/tls/ca.crt', 'https://0.0.0.0:4443')).toEqual([
      'a certificate for evaluation; each client is told once to trust it:',
      `  docker   install -Dm644 -t \${DOCKER_CONFIG:-~/.docker}/tls/localhost:4443 /data/tls/ca.crt`,
      '  notary   notary --tlscacert /data/tls/ca.crt -s https://localhost:4443 list REPOSITORY',
      '  vidimus  ca: /data/tls/ca.crt beside trustServer: https://localhost:4443 in its configuration',
    ]);
    expect(trustLines("/my data/it's", 'https://trust.example.com')[2]).toBe(
      "  notary   notary --tlscacert '/my data/it'\\''s' -s https://trust.example.com list REPOSITORY",
    );
  });

  it('listens for everybody on port 4443, and goes with no other certificate', () => {
    expect(readServeSettings({ tlsDev: true }, {})).toMatchObject({
      host: '0.0.0.0',
      port: 4443,
      tls: 'development',
    });
    expect(readServeSettings({ tlsDev: '1' }, {}).tls).toBe('development');
    expect(readServeSettings({ tlsDev: 'false' }, {}).tls).toBeUndefined();
    expect(() => readServeSettings({ tlsDev: true, tlsKey: 'key.pem' }, {})).toThrow('--tls-dev');
  });
});

/** Addresses are no server names (RFC 6066 section 3); they are checked against the certificate all the same. */
function toServerName(name: string): object {
  return /^[\d.]+$/.test(name)
    ? { checkServerIdentity: (_: string, peer: { raw: Buffer }) => hasAddress(peer.raw, name) }
    : { servername: name };
}

function hasAddress(der: Buffer, address: string): Error | undefined {
  return new X509Certificate(der).checkIP(address) === undefined ? new Error('not its address') : undefined;
}

async function snapshot(): Promise<unknown> {
  const names = await readdir(data, { recursive: true });
  return Promise.all(
    names.sort().map(async (name) => {
      const file = join(data, name);
      const { mode, mtimeMs } = await stat(file);
      return [name, mode, mtimeMs];
    }),
  );
}
