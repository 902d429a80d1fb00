import { constants, createPrivateKey, createPublicKey, verify } from 'node:crypto';
import {
  CryptoError,
  ed25519FromSeed,
  p256FromRandom,
  readPkcs8,
  type SignatureScheme,
  sha256,
  sha512Hex,
  signerFromPkcs8,
  toHex,
  toPublicKey,
} from '@vidimus/crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { der, derOf, EC_ID, P256_ID, vector } from './key-material.ts';

fc.configureGlobal({ seed: 20261201 });

const message = new TextEncoder().encode('vidimus');
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

function pkcs8Of(name: string): Uint8Array {
  return new Uint8Array(createPrivateKey(vector(name)).export({ format: 'der', type: 'pkcs8' }));
}

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof CryptoError) return error.code;
    throw error;
  }
  return 'was not refused';
}

function random48(value: bigint): Uint8Array {
  return Uint8Array.from(Buffer.from(value.toString(16).padStart(96, '0'), 'hex'));
}

/** The scalar inside a P-256 PKCS#8. */
function scalarOf(pkcs8: Uint8Array): bigint {
  const { d } = createPrivateKey({ format: 'der', type: 'pkcs8', key: Buffer.from(pkcs8) }).export({
    format: 'jwk',
  });
  return BigInt(`0x${Buffer.from(String(d), 'base64url').toString('hex')}`);
}

describe('a P-256 key from random bytes', () => {
  it.each<[string, bigint, bigint]>([
    ['zero gives the least scalar', 0n, 1n],
    ['n - 2 gives the greatest', ORDER - 2n, ORDER - 1n],
    ['n - 1 begins anew', ORDER - 1n, 1n],
    ['all ones', 2n ** 384n - 1n, ((2n ** 384n - 1n) % (ORDER - 1n)) + 1n],
  ])('%s', (_name, value, scalar) => {
    expect(scalarOf(p256FromRandom(random48(value)))).toBe(scalar);
  });

  it('signs', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 48, maxLength: 48 }), async (random) => {
        const signer = signerFromPkcs8(p256FromRandom(random), 'ecdsa-sha256-p1363');
        expect(signer.publicKey.verify(message, await signer.sign(message))).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  it('needs 48 bytes', () => {
    for (const length of [0, 32, 47, 49])
      expect(refusal(() => p256FromRandom(new Uint8Array(length)))).toBe('KEY_INVALID');
  });
});

describe('a signer from PKCS#8', () => {
  const p521 = Buffer.from(sha512Hex(message).repeat(2).slice(0, 132).replace(/^..../, '0001'), 'hex');
  const p521Pkcs8 = der(
    0x30,
    der(0x02, Uint8Array.of(0)),
    der(0x30, der(0x06, EC_ID), der(0x06, Uint8Array.of(0x2b, 0x81, 0x04, 0, 0x23))),
    der(0x04, der(0x30, der(0x02, Uint8Array.of(1)), der(0x04, p521))),
  );
  const ed25519 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), sha256(message)]);

  const cases: readonly (readonly [string, Uint8Array, SignatureScheme, string])[] = [
    ['p256', pkcs8Of('p256-private.pem'), 'ecdsa-sha256-p1363', 'p256.pem'],
    ['p256', pkcs8Of('p256-private.pem'), 'ecdsa-sha2-nistp256', 'p256.pem'],
    ['p384', pkcs8Of('p384-private.pem'), 'ecdsa-sha256-p1363', 'p384.pem'],
    ['p384', pkcs8Of('p384-private.pem'), 'ecdsa-sha2-nistp384', 'p384.pem'],
    ['rsa', pkcs8Of('rsa-2048-private.pem'), 'rsa-sha256', 'rsa-2048.pem'],
    ['rsa', pkcs8Of('rsa-2048-private.pem'), 'rsassa-pss-sha256', 'rsa-2048.pem'],
    ['p521', p521Pkcs8, 'ecdsa-sha256-p1363', ''],
    ['ed25519', ed25519, 'ed25519', ''],
  ];

  it.each(cases)('signs: %s %#', async (kind, pkcs8, scheme, publicPem) => {
    const signer = signerFromPkcs8(pkcs8, scheme);
    const signature = await signer.sign(message);
    expect(signer.scheme).toBe(scheme);
    expect(signer.publicKey.verify(message, signature)).toBe(true);
    expect(signer.publicKey.verify(Uint8Array.of(), signature)).toBe(false);
    expect(readPkcs8(pkcs8)).toMatchObject({ kind, spkiDer: signer.publicKey.spkiDer });
    expect(readPkcs8(readPkcs8(pkcs8).pkcs8)).toEqual(readPkcs8(pkcs8));
    if (publicPem !== '') expect(toHex(signer.publicKey.spkiDer)).toBe(toHex(derOf(publicPem)));
  });

  it('is the one of the seed for Ed25519', async () => {
    const { signer, publicRaw } = ed25519FromSeed(sha256(message));
    expect(await signerFromPkcs8(ed25519, 'ed25519').sign(message)).toEqual(await signer.sign(message));
    expect(readPkcs8(ed25519).spkiDer.slice(-32)).toEqual(publicRaw);
  });

  it('signs PSS with a salt of 32 bytes, the one length that the Notary clients take', async () => {
    const signer = signerFromPkcs8(pkcs8Of('rsa-2048-private.pem'), 'rsa-sha256');
    const key = { key: vector('rsa-2048.pem'), padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
    expect(verify('sha256', message, key, await signer.sign(message))).toBe(true);
  });

  it('goes on signing after the caller wiped the key', async () => {
    const pkcs8 = p256FromRandom(random48(77n));
    const signer = signerFromPkcs8(pkcs8, 'ecdsa-sha256-p1363');
    pkcs8.fill(0);
    expect(signer.publicKey.verify(message, await signer.sign(message))).toBe(true);
  });

  it.each<[string, SignatureScheme]>([
    ['p256-private.pem', 'ed25519'],
    ['p256-private.pem', 'ecdsa-sha2-nistp384'],
    ['p256-private.pem', 'rsa-sha256'],
    ['rsa-2048-private.pem', 'ecdsa-sha256-p1363'],
  ])('is refused: %s with %s', (name, scheme) => {
    expect(refusal(() => signerFromPkcs8(pkcs8Of(name), scheme))).toBe('SCHEME_MISMATCH');
  });

  it('is refused when the public half inside belongs to another key', () => {
    const scalar = (value: number) => der(0x04, Uint8Array.of(...new Uint8Array(31), value));
    const point = toPublicKey(
      { format: 'spki-der', bytes: readPkcs8(p256FromRandom(random48(5n))).spkiDer },
      'ecdsa-sha256-p1363',
    ).spkiDer.slice(-65);
    const build = (value: number) =>
      der(
        0x30,
        der(0x02, Uint8Array.of(0)),
        der(0x30, der(0x06, EC_ID), der(0x06, P256_ID)),
        der(
          0x04,
          der(
            0x30,
            der(0x02, Uint8Array.of(1)),
            scalar(value),
            der(0xa1, der(0x03, Uint8Array.of(0), point)),
          ),
        ),
      );
    expect(signerFromPkcs8(build(6), 'ecdsa-sha256-p1363')).toBeDefined();
    // The native reader believes it.
    expect(
      createPublicKey(createPrivateKey({ format: 'der', type: 'pkcs8', key: Buffer.from(build(7)) })),
    ).toBeDefined();
    expect(refusal(() => signerFromPkcs8(build(7), 'ecdsa-sha256-p1363'))).toBe('KEY_INVALID');
    expect(refusal(() => readPkcs8(build(7)))).toBe('KEY_INVALID');
  });

  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array()],
    ['a public key', derOf('p256.pem')],
    ['more bytes than any key has', new Uint8Array(8193)],
    ['a key cut short', pkcs8Of('p256-private.pem').slice(0, -10)],
  ])('is refused: %s', (_name, bytes) => {
    expect(refusal(() => signerFromPkcs8(bytes, 'ecdsa-sha256-p1363'))).toBe('KEY_INVALID');
    expect(refusal(() => readPkcs8(bytes))).toBe('KEY_INVALID');
  });

  it('never becomes a signer of another key by a changed byte', () => {
    const pkcs8 = pkcs8Of('p256-private.pem');
    const own = readPkcs8(pkcs8).spkiDer;
    fc.assert(
      fc.property(fc.nat(pkcs8.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const spoilt = Uint8Array.from(pkcs8);
        spoilt[at] = (spoilt[at] ?? 0) ^ change;
        const code = refusal(() => {
          const { publicKey } = signerFromPkcs8(spoilt, 'ecdsa-sha256-p1363');
          if (toHex(publicKey.spkiDer) !== toHex(own)) throw new Error('another key');
        });
        expect(['KEY_INVALID', 'SCHEME_MISMATCH', 'was not refused']).toContain(code);
      }),
    );
  });
});
