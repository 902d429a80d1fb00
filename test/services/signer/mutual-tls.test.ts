import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRemoteKeyStore, type SignerTarget } from '@vidimus/key-store';
import { createSignerListener, listenSigner } from '@vidimus/signer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSignerBed, place, timestamp } from './signer-bed.ts';

const closing: (() => unknown)[] = [];
let directory: string;
let port: number;

/** An authority, or a certificate that one signed. */
function certify(name: string, use: 'CA' | 'serverAuth' | 'clientAuth', authority?: string): void {
  const file = (extension: string, of = name) => join(directory, `${of}.${extension}`);
  const extensions =
    use === 'CA'
      ? 'basicConstraints=critical,CA:TRUE'
      : `extendedKeyUsage=${use}\nsubjectAltName=IP:127.0.0.1\nkeyUsage=digitalSignature`;
  writeFileSync(file('ext'), extensions);
  const make = ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', file('key')];
  execFileSync('openssl', make);
  execFileSync('openssl', ['req', '-new', '-key', file('key'), '-subj', `/CN=${name}`, '-out', file('csr')]);
  const signedBy =
    authority === undefined
      ? ['-signkey', file('key')]
      : ['-CA', file('crt', authority), '-CAkey', file('key', authority), '-CAcreateserial'];
  const sign = [
    'x509',
    '-req',
    '-in',
    file('csr'),
    '-days',
    '2',
    '-extfile',
    file('ext'),
    '-out',
    file('crt'),
  ];
  execFileSync('openssl', [...sign, ...signedBy], { stdio: 'ignore' });
}

const pem = (name: string): string => readFileSync(join(directory, name), 'utf8');

function open(client: string, ca = 'ca') {
  const target: SignerTarget = {
    kind: 'tls',
    host: '127.0.0.1',
    port,
    ca: pem(`${ca}.crt`),
    cert: pem(`${client}.crt`),
    key: pem(`${client}.key`),
  };
  const keys = createRemoteKeyStore({ target, timeoutMs: 5_000 });
  closing.push(() => keys.close());
  return keys;
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'vidimus-mtls-'));
  certify('ca', 'CA');
  certify('other-ca', 'CA');
  certify('signer', 'serverAuth', 'ca');
  certify('service', 'clientAuth', 'ca');
  certify('stranger', 'clientAuth', 'other-ca');
  certify('web', 'serverAuth', 'ca');
  const bed = await createSignerBed();
  const failed = (error: unknown): never => {
    throw error;
  };
  const address = {
    kind: 'tls',
    host: '127.0.0.1',
    port: 0,
    cert: pem('signer.crt'),
    key: pem('signer.key'),
    clientCa: pem('ca.crt'),
  } as const;
  const listening = await listenSigner(address, createSignerListener({ signer: bed.signer, failed }));
  closing.push(() => listening.close());
  port = Number(new URL(listening.url).port);
});

afterAll(async () => {
  for (const close of closing.reverse()) await close();
  rmSync(directory, { recursive: true, force: true });
});

describe('the signer over TLS', () => {
  it('serves a client with a certificate of its authority', async () => {
    const keys = open('service');
    const made = await keys.make(place('timestamp'));
    expect((await keys.sign(made, place('timestamp'), timestamp())).signature.length).toBe(64);
  });

  it.each([
    ['a client of another authority', 'stranger', 'ca'],
    ['a certificate for servers', 'web', 'ca'],
    ['a client that trusts another signer', 'service', 'other-ca'],
  ])('has nothing to say to %s', async (_, client, ca) => {
    await expect(open(client, ca).ping()).rejects.toMatchObject({ code: 'SIGNER_UNAVAILABLE' });
  });

  it('refuses certificates that cannot be used', async () => {
    const wrong = { kind: 'tls', host: '127.0.0.1', port: 0, cert: 'x', key: 'y', clientCa: 'z' } as const;
    await expect(listenSigner(wrong, () => undefined)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});
