import { readFileSync } from 'node:fs';
import {
  type Certificate,
  CryptoError,
  fromBase64,
  readCertificates,
  toHex,
  toPublicKey,
} from '@vidimus/crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toPem } from './key-material.ts';

fc.configureGlobal({ seed: 20261201 });

const NAME = 'registry.example.com/shop/web';

function text(name: string): string {
  return readFileSync(new URL(`../../vectors/certificates/${name}.pem`, import.meta.url), 'utf8');
}

function read(name: string): Certificate {
  return first(text(name));
}

function first(pem: string): Certificate {
  const [certificate] = readCertificates(pem);
  if (certificate === undefined) throw new Error('no certificate');
  return certificate;
}

function refusal(pem: string): string {
  try {
    readCertificates(pem);
  } catch (error) {
    if (error instanceof CryptoError) return error.code;
    throw error;
  }
  return 'was not refused';
}

/** The root certificate that the real notary client made. */
function recordedRoot(): string {
  const url = new URL('../../vectors/notary-signatures/vectors.json', import.meta.url);
  const vectors: readonly { keytype: string; public: string }[] = JSON.parse(readFileSync(url, 'utf8'));
  const entry = vectors.find(({ keytype }) => keytype === 'ecdsa-x509');
  return new TextDecoder().decode(fromBase64(entry?.public ?? ''));
}

describe('a certificate', () => {
  it('shows names, dates, digest and key', () => {
    const leaf = read('leaf');
    expect({
      ...leaf,
      der: undefined,
      pem: undefined,
      publicSpkiDer: undefined,
      issuedBy: undefined,
    }).toEqual({
      subjectCommonName: NAME,
      issuerCommonName: 'Vidimus test authority',
      notBefore: Date.UTC(2026, 10, 21, 16, 34, 26),
      notAfter: Date.UTC(2126, 9, 28, 16, 34, 26),
      signatureHash: 'sha256',
      isCa: false,
      der: undefined,
      pem: undefined,
      publicSpkiDer: undefined,
      issuedBy: undefined,
    });
    expect(toPem(leaf.der, 'CERTIFICATE')).toBe(leaf.pem);
    expect(first(leaf.pem).der).toEqual(leaf.der);
    const key = toPublicKey({ format: 'x509-pem', text: text('leaf') }, 'ecdsa-sha256-p1363');
    expect(toHex(key.spkiDer)).toBe(toHex(leaf.publicSpkiDer));
  });

  it('of the notary client is for its repository, ten years, no authority', () => {
    const root = first(recordedRoot());
    expect(root.subjectCommonName).toMatch(/^[a-z0-9.:-]+\/[a-z0-9/-]+$/);
    expect(root.issuerCommonName).toBe(root.subjectCommonName);
    expect([root.isCa, root.signatureHash]).toEqual([false, 'sha256']);
    expect(Math.round((root.notAfter - root.notBefore) / 86_400_000)).toBe(3650);
  });

  it.each([
    ['md5', 'md5'],
    ['sha1', 'sha1'],
    ['leaf-sha1', 'sha1'],
    ['pss-sha256', 'sha256'],
    ['ca', 'sha256'],
  ])('%s was signed over %s', (name, hash) => {
    expect(read(name).signatureHash).toBe(hash);
  });

  it('with two common names has none: readers would take different ones', () => {
    expect(read('two-common-names').subjectCommonName).toBeUndefined();
  });

  it.each([
    ['ca', true],
    ['authority-without-cert-sign', true],
    ['no-authority', false],
    ['leaf', false],
  ])('%s says that it is an authority: %s', (name, isCa) => {
    expect(read(name).isCa).toBe(isCa);
  });
});

describe('issuedBy', () => {
  it('is true for the authority that signed', () => {
    expect(read('leaf').issuedBy(read('ca'))).toBe(true);
    expect(read('ca').issuedBy(read('ca'))).toBe(true);
  });

  it.each([
    ['an authority of the same name with another key', 'leaf', 'ca-namesake'],
    ['another authority', 'leaf', 'ca-rsa-1024'],
    ['itself', 'leaf', 'leaf'],
    ['the authority, by a SHA-1 signature', 'leaf-sha1', 'ca'],
    ['an authority with a weak key', 'leaf-of-weak', 'ca-rsa-1024'],
    ['a certificate that is no authority', 'leaf-of-no-authority', 'no-authority'],
    ['an authority that may not sign certificates', 'leaf-of-no-authority', 'authority-without-cert-sign'],
    ['itself, when it is no authority', 'no-authority', 'no-authority'],
  ])('is false for %s', (_name, leaf, ca) => {
    expect(read(leaf).issuedBy(read(ca))).toBe(false);
  });

  it('is false with any byte of the certificate changed', () => {
    const { der } = read('leaf');
    const ca = read('ca');
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const spoilt = Uint8Array.from(der);
        spoilt[at] = (spoilt[at] ?? 0) ^ change;
        const pem = toPem(spoilt, 'CERTIFICATE');
        expect(refusal(pem) === 'KEY_INVALID' || !first(pem).issuedBy(ca)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

describe('readCertificates', () => {
  it('keeps the order of a bundle', () => {
    const names = readCertificates(`${text('leaf')}\n${text('ca')}`).map((found) => found.subjectCommonName);
    expect(names).toEqual([NAME, 'Vidimus test authority']);
    expect(readCertificates(text('leaf').repeat(16))).toHaveLength(16);
  });

  const { der } = read('leaf');
  it.each<[string, string]>([
    ['nothing', ''],
    ['17 certificates', text('leaf').repeat(17)],
    ['100 certificates', text('leaf').repeat(100)],
    ['more text than certificates need', ' '.repeat(70_000)],
    ['a huge bundle', text('leaf').repeat(10_000)],
    ['text before it', `subject=x\n${text('leaf')}`],
    ['text between', `${text('leaf')}x\n${text('ca')}`],
    ['a private key', text('leaf').replaceAll('CERTIFICATE', 'PRIVATE KEY')],
    ['a public key', toPem(read('leaf').publicSpkiDer, 'CERTIFICATE')],
    ['a trailing byte', toPem(Uint8Array.of(...der, 0), 'CERTIFICATE')],
    ['a second one that is broken', `${text('leaf')}${toPem(der.slice(0, -1), 'CERTIFICATE')}`],
    ['no end', text('leaf').slice(0, 200)],
  ])('refuses %s', (_name, pem) => {
    expect(refusal(pem)).toBe('KEY_INVALID');
  });

  it('refuses a certificate cut short anywhere', () => {
    for (let length = 0; length < der.length; length += 1) {
      expect(refusal(toPem(der.slice(0, length), 'CERTIFICATE'))).toBe('KEY_INVALID');
    }
  });

  it('refuses another algorithm outside than inside the signature', () => {
    const hex = toHex(der);
    const last = hex.lastIndexOf('2a8648ce3d040302');
    const spoilt = Buffer.from(`${hex.slice(0, last)}2a8648ce3d040303${hex.slice(last + 16)}`, 'hex');
    expect(refusal(toPem(spoilt, 'CERTIFICATE'))).toBe('KEY_INVALID');
  });

  it.each([
    ['the 31st of February', '323631313231', '323630323331'],
    ['month 13', '323631313231', '323631333231'],
  ])('refuses %s', (_name, from, to) => {
    const hex = toHex(der);
    expect(hex).toContain(from);
    expect(refusal(toPem(Buffer.from(hex.replace(from, to), 'hex'), 'CERTIFICATE'))).toBe('KEY_INVALID');
  });
});
