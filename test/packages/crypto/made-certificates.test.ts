import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Certificate,
  type CertificateTerms,
  type CertifiedKey,
  CryptoError,
  createAuthority,
  createRootCertificate,
  createServerCertificate,
  p256FromRandom,
  readCertificates,
  readPkcs8,
  sha256,
  toHex,
} from '@vidimus/crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { derOf, vector } from './key-material.ts';

const NAME = 'registry.example.com:5000/shop/web_api';
const START = Date.UTC(2026, 10, 21, 12);
const YEAR = 365 * 86_400_000;

function keyFor(seed: string): Uint8Array {
  const text = Buffer.from(seed);
  return p256FromRandom(Buffer.concat([sha256(text), sha256(Buffer.from(`${seed} 2`)).slice(0, 16)]));
}

function terms(commonName: string, more: Partial<CertificateTerms> = {}): CertificateTerms {
  const serial = sha256(Buffer.from(commonName)).slice(0, 16);
  return { commonName, notBefore: START, notAfter: START + 10 * YEAR, serial, ...more };
}

function first(pem: string): Certificate {
  const [certificate] = readCertificates(pem);
  if (certificate === undefined) throw new Error('no certificate');
  return certificate;
}

const directory = mkdtempSync(join(tmpdir(), 'vidimus-certificates-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function file(name: string, text: string): string {
  writeFileSync(join(directory, name), text);
  return join(directory, name);
}

function openssl(...args: readonly string[]): string {
  const { stdout, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
  return `${stdout}${stderr}`;
}

async function refusal(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
  } catch (error) {
    if (error instanceof CryptoError) return error.code;
    throw error;
  }
  return 'was not refused';
}

describe('a root certificate', () => {
  const pkcs8 = keyFor('root');

  it('reads as the notary client makes it', async () => {
    const certificate = first(await createRootCertificate({ ...terms(NAME), pkcs8 }));
    expect(certificate).toMatchObject({
      subjectCommonName: NAME,
      issuerCommonName: NAME,
      notBefore: START,
      notAfter: START + 10 * YEAR,
      signatureHash: 'sha256',
      isCa: false,
    });
    expect(toHex(certificate.publicSpkiDer)).toBe(toHex(readPkcs8(pkcs8).spkiDer));
    const native = new X509Certificate(certificate.pem);
    expect(native.verify(native.publicKey)).toBe(true);
    expect(native.serialNumber).toBe(
      toHex(
        Uint8Array.from(terms(NAME).serial, (byte, index) => (index === 0 ? byte & 0x7f : byte)),
      ).toUpperCase(),
    );
  });

  it('is one to OpenSSL, too', async () => {
    const path = file('root.pem', await createRootCertificate({ ...terms(NAME), pkcs8 }));
    const text = openssl('x509', '-in', path, '-noout', '-text', '-nameopt', 'RFC2253');
    expect(text).toContain('Version: 3 (0x2)');
    expect(text).toContain('Signature Algorithm: ecdsa-with-SHA256');
    expect(text).toContain(`Issuer: CN=${NAME}`);
    expect(text).toContain(`Subject: CN=${NAME}`);
    expect(text).toContain('Not After : Nov 18 12:00:00 2036 GMT');
    expect(text).toMatch(/Key Usage: critical\s+Digital Signature, Key Encipherment\n/);
    expect(text).toMatch(/Extended Key Usage: \s+Code Signing\n/);
    expect(text).toMatch(/Basic Constraints: critical\s+CA:FALSE\n/);
    expect(
      openssl('verify', '-check_ss_sig', '-CAfile', path, '-attime', String(START / 1000 + 1), path),
    ).toContain('OK');
  });

  it('may end after 2049', async () => {
    const notAfter = Date.UTC(2076, 0, 31, 1, 2, 3);
    expect(first(await createRootCertificate({ ...terms(NAME, { notAfter }), pkcs8 })).notAfter).toBe(
      notAfter,
    );
  });

  it.each<[string, Partial<CertificateTerms>]>([
    ['no name', { commonName: '' }],
    ['a name longer than any repository has', { commonName: 'x'.repeat(256) }],
    ['a name that is no text', { commonName: 'a\ud800' }],
    ['dates the wrong way round', { notAfter: START }],
    ['no date', { notAfter: Number.NaN }],
    ['a date before 1950', { notBefore: -1e12 }],
    ['a date beyond the year 9999', { notAfter: 1e15 }],
    ['a short serial', { serial: new Uint8Array(7).fill(1) }],
    ['a long serial', { serial: new Uint8Array(21).fill(1) }],
    ['the serial zero', { serial: Uint8Array.of(0x80, ...new Uint8Array(15)) }],
  ])('is refused with %s', async (_name, wrong) => {
    expect(await refusal(() => createRootCertificate({ ...terms(NAME, wrong), pkcs8 }))).toBe(
      'CERTIFICATE_INVALID',
    );
  });

  it('needs a key on a curve', async () => {
    const rsa = Buffer.from(vector('rsa-2048-private.pem').replace(/-----[^-]+-----|\s/g, ''), 'base64');
    expect(await refusal(() => createRootCertificate({ ...terms(NAME), pkcs8: rsa }))).toBe(
      'SCHEME_MISMATCH',
    );
    expect(await refusal(() => createRootCertificate({ ...terms(NAME), pkcs8: derOf('p256.pem') }))).toBe(
      'KEY_INVALID',
    );
  });
});

describe('a development authority', () => {
  const make = async (
    names: readonly string[],
    addresses: readonly string[],
    authority?: CertifiedKey,
  ): Promise<{ authority: CertifiedKey; server: CertifiedKey }> => {
    const own =
      authority ?? (await createAuthority({ ...terms('Vidimus development'), pkcs8: keyFor('ca') }));
    const server = await createServerCertificate({
      ...terms('vidimus'),
      pkcs8: keyFor('server'),
      authority: own,
      names,
      addresses,
    });
    return { authority: own, server };
  };

  it('issues certificates for names and addresses', async () => {
    const addresses = ['127.0.0.1', '::1', '2001:DB8::ffff:1:0', '::ffff:10.0.0.1', 'fe80:1:2:3:4:5:6:7'];
    const { authority, server } = await make(['localhost', 'trust.example.com', '*.example.org'], addresses);
    const certificate = new X509Certificate(server.certPem);
    expect(first(server.certPem).issuedBy(first(authority.certPem))).toBe(true);
    for (const host of ['localhost', 'trust.example.com', 'a.example.org'])
      expect(certificate.checkHost(host)).toBeDefined();
    for (const address of addresses) expect(certificate.checkIP(address)).toBeDefined();
    expect(certificate.checkHost('example.com')).toBeUndefined();
    expect(certificate.checkIP('127.0.0.2')).toBeUndefined();
    expect(server.keyPem).toContain('-----BEGIN PRIVATE KEY-----');
  });

  it('is one to OpenSSL, and no authority comes after it', async () => {
    const { authority, server } = await make(['localhost'], []);
    const ca = file('ca.pem', authority.certPem);
    const time = String(START / 1000 + 1);
    const verify = (path: string): string =>
      openssl('verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', ca, '-attime', time, path);
    expect(verify(file('server.pem', server.certPem))).toMatch(/server\.pem: OK/);
    expect(openssl('x509', '-in', ca, '-noout', '-text')).toMatch(/CA:TRUE, pathlen:0/);
  });

  it.each<[string, readonly string[], readonly string[]]>([
    ['nothing', [], []],
    ['a hundred and one names', Array.from({ length: 101 }, (_, index) => `h${index}`), []],
    ['an empty name', [''], []],
    ['a name with a space', ['a b'], []],
    ['a name with a zero byte', ['localhost\0.evil.example'], []],
    ['a name with an empty label', ['a..b'], []],
    ['a name longer than 253', [`${'a.'.repeat(130)}b`], []],
    ['an address of three parts', [], ['127.0.1']],
    ['an address above 255', [], ['127.0.0.256']],
    ['an octal address', [], ['127.0.0.01']],
    ['an address with a port', [], ['127.0.0.1:80']],
    ['an address in brackets', [], ['[::1]']],
    ['an address with a zone', [], ['fe80::1%eth0']],
    ['an address with two gaps', [], ['1::2::3']],
    ['a name for an address', [], ['localhost']],
  ])('does not certify %s', async (_name, names, addresses) => {
    expect(await refusal(() => make(names, addresses))).toBe('CERTIFICATE_INVALID');
  });

  it('issues only with its own key, and only as an authority', async () => {
    const { authority, server } = await make(['localhost'], []);
    expect(await refusal(() => make(['localhost'], [], server))).toBe('CERTIFICATE_INVALID');
    const mixed = { certPem: authority.certPem, keyPem: server.keyPem };
    expect(await refusal(() => make(['localhost'], [], mixed))).toBe('CERTIFICATE_INVALID');
  });
});
