/** The two schemes of the Notary v1 clients, with what these clients really signed. */
import { createPrivateKey, sign, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  CryptoError,
  fromBase64,
  fromHex,
  type PublicKey,
  type PublicKeyInput,
  type SignatureScheme,
  toPublicKey,
} from '@vidimus/crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { der, derOf, integer, toNumber, vector } from './key-material.ts';

fc.configureGlobal({ seed: 20261201 });

interface Vector {
  readonly origin: string;
  readonly keytype: string;
  readonly public: string;
  readonly method: string;
  readonly signed: string;
  readonly sig: string;
}

const vectors: readonly Vector[] = JSON.parse(
  readFileSync(new URL('../../vectors/notary-signatures/vectors.json', import.meta.url), 'utf8'),
);

const P1363: SignatureScheme = 'ecdsa-sha256-p1363';
const message = new TextEncoder().encode('vidimus');

function keyOf({ keytype, public: encoded }: Vector): PublicKey {
  const bytes = fromBase64(encoded);
  const scheme = keytype.startsWith('rsa') ? 'rsa-sha256' : P1363;
  if (!keytype.endsWith('-x509')) return toPublicKey({ format: 'spki-der', bytes }, scheme);
  return toPublicKey({ format: 'x509-pem', text: new TextDecoder().decode(bytes) }, scheme);
}

function signEcdsa(name: string, hash: string, dsaEncoding: 'der' | 'ieee-p1363'): Uint8Array {
  return new Uint8Array(sign(hash, message, { key: createPrivateKey(vector(name)), dsaEncoding }));
}

function refusal(input: PublicKeyInput, scheme: SignatureScheme): string {
  try {
    toPublicKey(input, scheme);
  } catch (error) {
    if (error instanceof CryptoError) return error.code;
    throw error;
  }
  throw new Error('was not refused');
}

describe('signatures of the real clients', () => {
  it.each(vectors)('$origin: $keytype, $method', (entry) => {
    const key = keyOf(entry);
    const signed = new TextEncoder().encode(entry.signed);
    const signature = fromBase64(entry.sig);
    expect(key.verify(signed, signature)).toBe(true);
    expect(key.verify(Uint8Array.of(...signed, 0x0a), signature)).toBe(false);
    fc.assert(
      fc.property(fc.nat(signature.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const spoilt = Uint8Array.from(signature);
        spoilt[at] = (spoilt[at] ?? 0) ^ change;
        expect(key.verify(signed, spoilt)).toBe(false);
      }),
    );
    for (const cut of [0, 1, 32, 63, signature.length - 1]) {
      expect(key.verify(signed, signature.slice(0, cut))).toBe(false);
    }
    expect(key.verify(signed, Uint8Array.of(...signature, 0))).toBe(false);
  });

  it('carries the canonical key', () => {
    const bytes = derOf('p256.pem');
    expect(toPublicKey({ format: 'spki-der', bytes: derOf('p256-compressed.pem') }, P1363).spkiDer).toEqual(
      bytes,
    );
  });
});

describe('ecdsa-sha256-p1363', () => {
  const p256 = toPublicKey({ format: 'spki-pem', text: vector('p256.pem') }, P1363);
  const p384 = toPublicKey({ format: 'spki-pem', text: vector('p384.pem') }, P1363);
  const rs = signEcdsa('p256-private.pem', 'sha256', 'ieee-p1363');
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

  const half = (value: bigint): Uint8Array => fromHex(value.toString(16).padStart(64, '0'));

  it('takes r || s over SHA-256 whatever the curve', () => {
    expect(p256.verify(message, rs)).toBe(true);
    expect(p384.verify(message, signEcdsa('p384-private.pem', 'sha256', 'ieee-p1363'))).toBe(true);
  });

  it('takes P-521 keys', () => {
    const recorded: { public: string; signature: string } = JSON.parse(vector('p521-sha256-signature.json'));
    const key = toPublicKey({ format: 'spki-pem', text: recorded.public }, P1363);
    const signature = fromHex(recorded.signature);
    expect(signature).toHaveLength(132);
    expect(key.verify(message, signature)).toBe(true);
    expect(key.verify(message, signature.slice(1))).toBe(false);
    expect(key.verify(Uint8Array.of(), signature)).toBe(false);
  });

  it.each<[string, Uint8Array]>([
    ['DER', signEcdsa('p256-private.pem', 'sha256', 'der')],
    [
      'DER of the same r and s',
      der(0x30, integer(toNumber(rs.slice(0, 32))), integer(toNumber(rs.slice(32)))),
    ],
    ['SHA-384', signEcdsa('p256-private.pem', 'sha384', 'ieee-p1363')],
    ['s and r exchanged', Uint8Array.of(...rs.slice(32), ...rs.slice(0, 32))],
    [
      'the width of P-384',
      Uint8Array.of(...new Uint8Array(16), ...rs.slice(0, 32), ...new Uint8Array(16), ...rs.slice(32)),
    ],
    ['r = s = 0 (CVE-2022-21449)', new Uint8Array(64)],
    ['r = n', Uint8Array.of(...half(order), ...rs.slice(32))],
    ['s = n', Uint8Array.of(...rs.slice(0, 32), ...half(order))],
    ['r = s = 1', Uint8Array.of(...half(1n), ...half(1n))],
  ])('refuses %s', (_name, signature) => {
    expect(p256.verify(message, signature)).toBe(false);
  });

  it('refuses SHA-384 with P-384', () => {
    expect(p384.verify(message, signEcdsa('p384-private.pem', 'sha384', 'ieee-p1363'))).toBe(false);
  });

  it('has no bare points, which do not say their curve', () => {
    expect(refusal({ format: 'ec-point', bytes: derOf('p256.pem').slice(-65) }, P1363)).toBe(
      'SCHEME_MISMATCH',
    );
  });

  it('gives the same material id as the schemes of one curve', () => {
    const input: PublicKeyInput = { format: 'spki-pem', text: vector('p256.pem') };
    expect(p256.materialId).toBe(toPublicKey(input, 'ecdsa-sha2-nistp256').materialId);
  });
});

describe('rsa-sha256 and rsa-pkcs1-sha256', () => {
  const signatures: Record<string, string> = JSON.parse(vector('rsa-pss-signatures.json'));
  const text = vector('rsa-2048.pem');
  const rsa = toPublicKey({ format: 'spki-pem', text }, 'rsa-sha256');
  const pkcs1 = toPublicKey({ format: 'spki-pem', text }, 'rsa-pkcs1-sha256');

  it.each([
    ['salt 32', rsa],
    ['PKCS#1 v1.5', pkcs1],
  ] as const)('accepts %s', (name, key) => {
    const signature = fromHex(signatures[name] ?? '');
    expect(key.verify(message, signature)).toBe(true);
    expect(key.verify(Uint8Array.of(), signature)).toBe(false);
    fc.assert(
      fc.property(fc.nat(signature.length * 8 - 1), (bit) => {
        const flipped = Uint8Array.from(signature);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(key.verify(message, flipped)).toBe(false);
      }),
    );
  });

  // Go's verifiers take a salt as long as the digest, and the padding that the signature names.
  it.each(['salt 0', 'salt of the greatest length', 'PKCS#1 v1.5', 'MGF1 with SHA-1', 'SHA-512'])(
    'refuses %s as PSS',
    (name) => {
      expect(rsa.verify(message, fromHex(signatures[name] ?? ''))).toBe(false);
    },
  );

  it('refuses PSS as PKCS#1 v1.5', () => {
    expect(pkcs1.verify(message, fromHex(signatures['salt 32'] ?? ''))).toBe(false);
  });

  it.each(['sha1', 'sha384', 'md5'])('refuses PKCS#1 v1.5 over %s', (hash) => {
    const key = createPrivateKey(vector('rsa-2048-private.pem'));
    const signature = sign(hash, message, key);
    expect(verify(hash, message, vector('rsa-2048.pem'), signature)).toBe(true);
    expect(pkcs1.verify(message, signature)).toBe(false);
  });

  it('goes through the gate', () => {
    expect(refusal({ format: 'spki-pem', text: vector('rsa-pss-2048.pem') }, 'rsa-sha256')).toBe(
      'KEY_INVALID',
    );
  });
});
