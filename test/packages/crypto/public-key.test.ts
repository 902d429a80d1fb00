import { createPublicKey } from 'node:crypto';
import {
  CryptoError,
  fromHex,
  type PublicKey,
  type PublicKeyInput,
  type SignatureScheme,
  sha256Hex,
  toHex,
  toPublicKey,
} from '@vidimus/crypto';
import { describe, expect, it } from 'vitest';
import {
  der,
  derOf,
  EC_ID,
  ED25519_ID,
  P256_ID,
  RSA_ID,
  rsaSpki,
  spki,
  toPem,
  vector,
} from './key-material.ts';

const SCHEMES: readonly SignatureScheme[] = [
  'ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha256-p1363',
  'rsassa-pss-sha256',
  'rsa-sha256',
  'rsa-pkcs1-sha256',
];

function refusal(input: PublicKeyInput, scheme: SignatureScheme): string {
  try {
    toPublicKey(input, scheme);
  } catch (error) {
    if (error instanceof CryptoError) return error.code;
    throw error;
  }
  throw new Error('was not refused');
}

function fromDer(bytes: Uint8Array, scheme: SignatureScheme): PublicKey {
  return toPublicKey({ format: 'spki-der', bytes }, scheme);
}

/** The last bytes of a SubjectPublicKeyInfo are the point or the raw key. */
function tail(name: string, length: number): Uint8Array {
  return derOf(name).slice(-length);
}

describe('one key under all its spellings', () => {
  it.each<[string, SignatureScheme, Uint8Array, PublicKeyInput[]]>([
    [
      'Ed25519',
      'ed25519',
      derOf('ed25519.pem'),
      [
        { format: 'spki-pem', text: vector('ed25519.pem') },
        { format: 'ed25519-raw', bytes: tail('ed25519.pem', 32) },
      ],
    ],
    [
      'P-256',
      'ecdsa-sha2-nistp256',
      derOf('p256.pem'),
      [
        { format: 'spki-pem', text: vector('p256.pem') },
        { format: 'spki-pem', text: vector('p256-compressed.pem') },
        { format: 'spki-pem', text: `\r\n${vector('p256.pem').replaceAll('\n', '\r\n')}\n ` },
        { format: 'spki-pem', text: vector('p256.pem').trim() },
        { format: 'spki-der', bytes: derOf('p256-compressed.pem') },
        { format: 'ec-point', bytes: tail('p256.pem', 65) },
        { format: 'ec-point', bytes: tail('p256-compressed.pem', 33) },
        { format: 'x509-pem', text: vector('p256-certificate-bundle.pem') },
      ],
    ],
    [
      'P-384',
      'ecdsa-sha2-nistp384',
      derOf('p384.pem'),
      [
        { format: 'spki-pem', text: vector('p384.pem') },
        { format: 'spki-pem', text: vector('p384-compressed.pem') },
        { format: 'ec-point', bytes: tail('p384.pem', 97) },
        { format: 'ec-point', bytes: tail('p384-compressed.pem', 49) },
      ],
    ],
    [
      'RSA',
      'rsassa-pss-sha256',
      derOf('rsa-2048.pem'),
      [
        { format: 'spki-pem', text: vector('rsa-2048.pem') },
        { format: 'x509-pem', text: vector('rsa-2048-certificate.pem') },
      ],
    ],
  ])('%s has one material id: the digest of its canonical DER', (_name, scheme, canonical, inputs) => {
    expect(fromDer(canonical, scheme).materialId).toBe(sha256Hex(canonical));
    for (const input of inputs) expect(toPublicKey(input, scheme).materialId).toBe(sha256Hex(canonical));
  });

  it('takes the leaf of a bundle, not its issuer', () => {
    const text = vector('p256-certificate-bundle.pem');
    expect(refusal({ format: 'x509-pem', text }, 'ecdsa-sha2-nistp384')).toBe('SCHEME_MISMATCH');
  });
});

describe('the scheme fits the key', () => {
  // T7: an RSA key tagged ed25519.
  const keys: readonly (readonly [string, readonly SignatureScheme[]])[] = [
    ['ed25519.pem', ['ed25519']],
    ['p256.pem', ['ecdsa-sha2-nistp256', 'ecdsa-sha256-p1363']],
    ['p384.pem', ['ecdsa-sha2-nistp384', 'ecdsa-sha256-p1363']],
    ['p521.pem', ['ecdsa-sha256-p1363']],
    ['rsa-2048.pem', ['rsassa-pss-sha256', 'rsa-sha256', 'rsa-pkcs1-sha256']],
  ];
  const pairs = keys.flatMap(([name, own]) =>
    SCHEMES.map((scheme) => ({ name, scheme, fits: own.includes(scheme) })),
  );

  it.each(pairs)('$name with $scheme: $fits', ({ name, scheme, fits }) => {
    const input: PublicKeyInput = { format: 'spki-pem', text: vector(name) };
    if (fits) expect(toPublicKey(input, scheme).scheme).toBe(scheme);
    else expect(refusal(input, scheme)).toBe('SCHEME_MISMATCH');
  });

  it.each<[string, PublicKeyInput, SignatureScheme]>([
    [
      'raw Ed25519 as ECDSA',
      { format: 'ed25519-raw', bytes: tail('ed25519.pem', 32) },
      'ecdsa-sha2-nistp256',
    ],
    ['raw Ed25519 as RSA', { format: 'ed25519-raw', bytes: tail('ed25519.pem', 32) }, 'rsassa-pss-sha256'],
    ['a point as Ed25519', { format: 'ec-point', bytes: tail('p256.pem', 65) }, 'ed25519'],
    ['a point as RSA', { format: 'ec-point', bytes: tail('p256.pem', 65) }, 'rsassa-pss-sha256'],
  ])('refuses %s', (_name, input, scheme) => {
    expect(refusal(input, scheme)).toBe('SCHEME_MISMATCH');
  });

  it.each(['constructor', '__proto__', 'rsassa-pkcs1v15-sha256', ''])(
    'refuses the unknown scheme "%s"',
    (scheme) => {
      const input = { format: 'spki-pem', text: vector('p256.pem') };
      expect(() => Reflect.apply(toPublicKey, undefined, [input, scheme])).toThrow(
        expect.objectContaining({ code: 'SCHEME_MISMATCH' }),
      );
    },
  );
});

describe('Ed25519 keys', () => {
  it.each([
    ['31 bytes', '00'.repeat(31)],
    ['33 bytes', `${toHex(tail('ed25519.pem', 32))}00`],
    ['nothing', ''],
    ['y = p + 1, not canonical', `ee${'ff'.repeat(30)}7f`],
    ['y = p + 3, not canonical', `f0${'ff'.repeat(30)}7f`],
    ['x = 0 with the sign bit', `01${'00'.repeat(30)}80`],
    ['y = 2, not on the curve', `02${'00'.repeat(31)}`],
  ])('refuses %s', (_name, hex) => {
    expect(refusal({ format: 'ed25519-raw', bytes: fromHex(hex) }, 'ed25519')).toBe('KEY_INVALID');
  });

  it.each([
    ['the identity', `01${'00'.repeat(31)}`],
    ['the point of order 2', `ec${'ff'.repeat(30)}7f`],
    ['a point of order 4', '00'.repeat(32)],
    ['a point of order 8', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'],
    ['a point of mixed order', '99555efe5dbf5b50b6fb4d8c38ee05c4ea8a97011c08e11366e8c8c00e8ce5d5'],
  ])('refuses %s, in every spelling', (_name, hex) => {
    expect(refusal({ format: 'ed25519-raw', bytes: fromHex(hex) }, 'ed25519')).toBe('KEY_WEAK');
    const bytes = spki([der(0x06, ED25519_ID)], fromHex(hex));
    expect(refusal({ format: 'spki-der', bytes }, 'ed25519')).toBe('KEY_WEAK');
  });

  it('keeps its own copy of the key', () => {
    const bytes = tail('ed25519.pem', 32);
    const key = toPublicKey({ format: 'ed25519-raw', bytes }, 'ed25519');
    const before = key.materialId;
    bytes.fill(0);
    expect(key.materialId).toBe(before);
  });
});

describe('keys on elliptic curves', () => {
  const point = tail('p256.pem', 65);
  const x = point.slice(1, 33);
  const y = point.slice(33);

  it.each<[string, Uint8Array]>([
    ['nothing', Uint8Array.of()],
    ['the point at infinity', Uint8Array.of(0)],
    ['a form byte alone', Uint8Array.of(4)],
    ['the hybrid form', Uint8Array.of(6 + ((y[31] ?? 0) & 1), ...x, ...y)],
    ['an uncompressed point cut short', point.slice(0, 64)],
    ['an uncompressed point with a byte more', Uint8Array.of(...point, 0)],
    ['a compressed point cut short', Uint8Array.of(2, ...x.slice(1))],
    ['coordinates without the form byte', Uint8Array.of(...x, ...y)],
    ['a point off the curve', Uint8Array.of(4, ...x, ...y.slice(0, 31), (y[31] ?? 0) ^ 1)],
    ['the origin', Uint8Array.of(4, ...new Uint8Array(64))],
    ['coordinates beyond the field', Uint8Array.of(4, ...new Uint8Array(64).fill(0xff))],
    // x = p + 5 names the point with x = 5 to a reader that reduces.
    [
      'a compressed x beyond the field',
      fromHex('02ffffffff00000001000000000000000000000001000000000000000000000004'),
    ],
    // x = 7 has no y on P-256.
    ['a compressed x without a point', Uint8Array.of(2, ...new Uint8Array(31), 7)],
    ['a point of P-384', tail('p384.pem', 97)],
  ])('refuses %s', (_name, bytes) => {
    expect(refusal({ format: 'ec-point', bytes }, 'ecdsa-sha2-nistp256')).toBe('KEY_INVALID');
    const whole = spki([der(0x06, EC_ID), der(0x06, P256_ID)], bytes);
    expect(refusal({ format: 'spki-der', bytes: whole }, 'ecdsa-sha2-nistp256')).toBe('KEY_INVALID');
  });

  it.each(['secp256k1.pem', 'secp224r1.pem', 'p256-hybrid.pem', 'p256-explicit.pem'])(
    'refuses %s',
    (name) => {
      const text = vector(name);
      expect(refusal({ format: 'spki-pem', text }, 'ecdsa-sha2-nistp256')).toBe('KEY_INVALID');
      // The native reader takes them all.
      expect(createPublicKey(text).asymmetricKeyType).toBe('ec');
    },
  );
});

describe('RSA keys', () => {
  const modulus = (bits: number): bigint => (1n << BigInt(bits - 1)) + 12345n;

  it.each([2048, 3072, 4096, 8192])('takes %i bits', (bits) => {
    expect(fromDer(rsaSpki(modulus(bits), 65537n), 'rsassa-pss-sha256').scheme).toBe('rsassa-pss-sha256');
  });

  it.each<[string, bigint, bigint]>([
    ['2047 bits', modulus(2047), 65537n],
    ['1024 bits', modulus(1024), 65537n],
    ['8193 bits', modulus(8193), 65537n],
    ['16384 bits', modulus(16384), 65537n],
    ['an even modulus', modulus(2048) + 1n, 65537n],
    ['e = 1, under which every message signs itself', modulus(2048), 1n],
    ['e = 3', modulus(2048), 3n],
    ['e = 65535', modulus(2048), 65535n],
    ['an even e', modulus(2048), 65538n],
    ['e = 2^31 + 1', modulus(2048), 2n ** 31n + 1n],
    ['e of 65 bits', modulus(2048), 2n ** 64n + 1n],
    ['e as long as the modulus', modulus(2048), modulus(2048) - 2n],
  ])('refuses %s', (_name, n, e) => {
    expect(refusal({ format: 'spki-der', bytes: rsaSpki(n, e) }, 'rsassa-pss-sha256')).toBe('KEY_WEAK');
  });

  it('takes e = 2^31 - 1', () => {
    expect(fromDer(rsaSpki(modulus(2048), 2n ** 31n - 1n), 'rsassa-pss-sha256')).toBeDefined();
  });

  it.each<[string, (id: Uint8Array) => Uint8Array]>([
    [
      'a zero modulus',
      (id) => spki([id, der(0x05)], der(0x30, der(2, Uint8Array.of(0)), der(2, Uint8Array.of(1, 0, 1)))),
    ],
    [
      'a negative modulus',
      (id) =>
        spki(
          [id, der(0x05)],
          der(0x30, der(2, new Uint8Array(256).fill(0x81)), der(2, Uint8Array.of(1, 0, 1))),
        ),
    ],
    [
      'a modulus with zeros before it',
      (id) =>
        spki(
          [id, der(0x05)],
          der(
            0x30,
            der(2, Uint8Array.of(0, 0, ...new Uint8Array(256).fill(0x81))),
            der(2, Uint8Array.of(1, 0, 1)),
          ),
        ),
    ],
    [
      'three numbers',
      (id) =>
        spki(
          [id, der(0x05)],
          der(
            0x30,
            der(2, Uint8Array.of(0, ...new Uint8Array(256).fill(0x81))),
            der(2, Uint8Array.of(1, 0, 1)),
            der(2, Uint8Array.of(1)),
          ),
        ),
    ],
    ['no parameters', (id) => spki([id], derOf('rsa-2048-pkcs1.pem'))],
    [
      'a NULL that is not empty',
      (id) => spki([id, der(0x05, Uint8Array.of(0))], derOf('rsa-2048-pkcs1.pem')),
    ],
  ])('refuses %s', (_name, make) => {
    const bytes = make(der(0x06, RSA_ID));
    expect(refusal({ format: 'spki-der', bytes }, 'rsassa-pss-sha256')).toBe('KEY_INVALID');
  });

  it('refuses a key bound to PSS parameters', () => {
    const text = vector('rsa-pss-2048.pem');
    expect(refusal({ format: 'spki-pem', text }, 'rsassa-pss-sha256')).toBe('KEY_INVALID');
  });
});

describe('SubjectPublicKeyInfo', () => {
  const good = derOf('ed25519.pem');
  const raw = good.slice(-32);
  const id = der(0x06, ED25519_ID);

  it('is what the cases below spoil', () => {
    expect(spki([id], raw)).toEqual(good);
    expect(fromDer(good, 'ed25519').materialId).toBe(sha256Hex(good));
  });

  it.each<[string, Uint8Array]>([
    ['nothing', Uint8Array.of()],
    ['a byte', Uint8Array.of(0x30)],
    ['an empty sequence', der(0x30)],
    ['trailing bytes', Uint8Array.of(...good, 0)],
    ['trailing bytes inside', der(0x30, der(0x30, id), der(0x03, Uint8Array.of(0), raw), der(0x05))],
    ['a length in two bytes where one does', Uint8Array.of(0x30, 0x81, 0x2a, ...good.slice(2))],
    ['a length in three bytes', Uint8Array.of(0x30, 0x82, 0, 0x2a, ...good.slice(2))],
    ['a length in four bytes', Uint8Array.of(0x30, 0x83, 0, 0, 0x2a, ...good.slice(2))],
    ['an indefinite length', Uint8Array.of(0x30, 0x80, ...good.slice(2), 0, 0)],
    ['a length beyond the end', Uint8Array.of(0x30, 0x2b, ...good.slice(2))],
    ['a set for a sequence', Uint8Array.of(0x31, ...good.slice(1))],
    ['unused bits', der(0x30, der(0x30, id), der(0x03, Uint8Array.of(1), raw))],
    ['an empty bit string', der(0x30, der(0x30, id), der(0x03))],
    ['a NULL parameter after the Ed25519 identifier', spki([id, der(0x05)], raw)],
    ['an algorithm without an identifier', spki([], raw)],
    ['an identifier of length zero', spki([der(0x06)], raw)],
    [
      'a parameter of two elements',
      spki([der(0x06, EC_ID), der(0x06, P256_ID), der(0x05)], derOf('p256.pem').slice(-65)),
    ],
    ['an elliptic curve without a name', spki([der(0x06, EC_ID)], derOf('p256.pem').slice(-65))],
    [
      'an elliptic curve whose name is no identifier',
      spki([der(0x06, EC_ID), der(0x04, P256_ID)], derOf('p256.pem').slice(-65)),
    ],
    [
      'an elliptic curve with a NULL for a name',
      spki([der(0x06, EC_ID), der(0x05)], derOf('p256.pem').slice(-65)),
    ],
    ['thousands of bytes', spki([id], new Uint8Array(5000))],
    ['Ed448', derOf('ed448.pem')],
    ['X25519', derOf('x25519.pem')],
    ['PKCS#1', derOf('rsa-2048-pkcs1.pem')],
    ['a private key', derOf('p256-private.pem')],
  ])('refuses %s', (_name, bytes) => {
    for (const scheme of SCHEMES) expect(refusal({ format: 'spki-der', bytes }, scheme)).toBe('KEY_INVALID');
  });

  it('refuses each truncation', () => {
    for (const name of ['ed25519.pem', 'p256.pem', 'rsa-2048.pem']) {
      const whole = derOf(name);
      for (let length = 0; length < whole.length; length += 1) {
        const bytes = whole.slice(0, length);
        expect(refusal({ format: 'spki-der', bytes }, 'ed25519')).toBe('KEY_INVALID');
      }
    }
  });
});

describe('PEM', () => {
  const good = vector('ed25519.pem');

  it.each<[string, string]>([
    ['nothing', ''],
    ['a private key', vector('p256-private.pem')],
    ['a certificate', vector('rsa-2048-certificate.pem')],
    ['the PKCS#1 label', vector('rsa-2048-pkcs1.pem')],
    ['two keys', good + good],
    ['text before', `key:\n${good}`],
    ['text after', `${good}key`],
    ['no end', good.replace(/-----END.*/, '')],
    ['no begin', good.replace(/-----BEGIN.*/, '')],
    ['an empty body', toPem(Uint8Array.of())],
    ['a header', good.replace('\n', '\nrole: root\n\n')],
    ['a body that is not base64', good.replace('\n', '\n!')],
    ['base64 with the URL alphabet', toPem(derOf('ed25519.pem')).replace(/M/, '_')],
    ['base64 without padding', toPem(derOf('p256.pem')).replace(/=+\n/, '\n')],
    ['a trailing byte', toPem(Uint8Array.of(...derOf('ed25519.pem'), 0))],
    ['more text than any key needs', `${good}${' '.repeat(70_000)}`],
  ])('refuses %s', (_name, text) => {
    for (const scheme of SCHEMES) expect(refusal({ format: 'spki-pem', text }, scheme)).toBe('KEY_INVALID');
  });

  it.each<[string, string]>([
    ['nothing', ''],
    ['a bare key', vector('p256.pem')],
    ['bytes that are no certificate', toPem(derOf('p256.pem'), 'CERTIFICATE')],
    ['a trailing byte', toPem(Uint8Array.of(...derOf('rsa-2048-certificate.pem'), 0), 'CERTIFICATE')],
    ['a key with explicit curve parameters', vector('p256-explicit-certificate.pem')],
  ])('refuses a certificate that is %s', (_name, text) => {
    for (const scheme of SCHEMES) expect(refusal({ format: 'x509-pem', text }, scheme)).toBe('KEY_INVALID');
  });
});
