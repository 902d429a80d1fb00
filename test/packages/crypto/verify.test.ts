import { constants, createPrivateKey, sign } from 'node:crypto';
import { ed25519FromSeed, fromHex, type PublicKey, toHex, toPublicKey } from '@vidimus/crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { der, integer, signed, toNumber, vector } from './key-material.ts';

fc.configureGlobal({ seed: 20261201 });

const message = new TextEncoder().encode('vidimus');

const p256 = toPublicKey({ format: 'spki-pem', text: vector('p256.pem') }, 'ecdsa-sha2-nistp256');
const p384 = toPublicKey({ format: 'spki-pem', text: vector('p384.pem') }, 'ecdsa-sha2-nistp384');
const rsa = toPublicKey({ format: 'spki-pem', text: vector('rsa-2048.pem') }, 'rsassa-pss-sha256');
const ed25519 = ed25519FromSeed(new Uint8Array(32).fill(7)).signer;

function signEcdsa(name: string, hash: string, dsaEncoding: 'der' | 'ieee-p1363'): Uint8Array {
  return new Uint8Array(sign(hash, message, { key: createPrivateKey(vector(name)), dsaEncoding }));
}

function signPss(saltLength: number): Uint8Array {
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  return new Uint8Array(
    sign('sha256', message, { key: createPrivateKey(vector('rsa-2048-private.pem')), padding, saltLength }),
  );
}

async function honest(): Promise<readonly (readonly [PublicKey, Uint8Array])[]> {
  return [
    [ed25519.publicKey, await ed25519.sign(message)],
    [p256, signEcdsa('p256-private.pem', 'sha256', 'der')],
    [p384, signEcdsa('p384-private.pem', 'sha384', 'der')],
    [rsa, signPss(32)],
  ];
}

describe('verify', () => {
  it('accepts an honest signature, for its message and its key alone', async () => {
    const pairs = await honest();
    for (const [key, signature] of pairs) {
      expect(key.verify(message, signature)).toBe(true);
      expect(key.verify(new TextEncoder().encode('vidimuS'), signature)).toBe(false);
      expect(key.verify(Uint8Array.of(), signature)).toBe(false);
      for (const [other] of pairs) if (other !== key) expect(other.verify(message, signature)).toBe(false);
    }
  });

  it('refuses a signature with any bit flipped, cut short or extended', async () => {
    for (const [key, signature] of await honest()) {
      fc.assert(
        fc.property(fc.nat(signature.length * 8 - 1), (bit) => {
          const flipped = Uint8Array.from(signature);
          flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
          expect(key.verify(message, flipped)).toBe(false);
        }),
      );
      for (const cut of [0, 1, 32, signature.length - 1]) {
        expect(key.verify(message, signature.slice(0, cut))).toBe(false);
        expect(key.verify(message, signature.slice(signature.length - cut))).toBe(false);
      }
      expect(key.verify(message, Uint8Array.of(...signature, 0))).toBe(false);
      expect(key.verify(message, Uint8Array.of(0, ...signature))).toBe(false);
      expect(key.verify(message, Uint8Array.of(...signature, ...signature))).toBe(false);
    }
  });

  it('never throws, whatever it is given', async () => {
    for (const [key] of await honest()) {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 300 }), (signature) => {
          expect(key.verify(message, signature)).toBe(false);
        }),
      );
      expect(key.verify(message, new Uint8Array(1_000_000))).toBe(false);
      for (const wrong of [undefined, null, 'text', 7, {}]) {
        expect(Reflect.apply(key.verify, key, [message, wrong])).toBe(false);
        expect(Reflect.apply(key.verify, key, [wrong, new Uint8Array(64)])).toBe(false);
      }
    }
  });
});

describe('Ed25519', () => {
  // RFC 8032 7.1: seed, public key, message, signature.
  it.each([
    [
      '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
      '',
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    ],
    [
      '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      '72',
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    ],
    [
      'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
      'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
      'af82',
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
    ],
    [
      '833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42',
      'ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf',
      'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
      'dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704',
    ],
  ])('signs and verifies as RFC 8032 says: seed %s', async (seed, pub, msg, sig) => {
    const { publicRaw, signer } = ed25519FromSeed(fromHex(seed));
    expect(toHex(publicRaw)).toBe(pub);
    expect(toHex(await signer.sign(fromHex(msg)))).toBe(sig);
    expect(signer.publicKey.verify(fromHex(msg), fromHex(sig))).toBe(true);
  });

  it('refuses S + L, S = L and S of all ones', async () => {
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const signature = await ed25519.sign(message);
    const s = toNumber(signature.slice(32).reverse());
    for (const value of [s + order, order, 2n ** 256n - 1n, 0n]) {
      const bytes = fromHex(value.toString(16).padStart(64, '0')).reverse();
      const forged = Uint8Array.of(...signature.slice(0, 32), ...bytes);
      expect(ed25519.publicKey.verify(message, forged)).toBe(false);
    }
  });

  it('refuses a seed of another length', () => {
    for (const length of [0, 31, 33, 64]) {
      expect(() => ed25519FromSeed(new Uint8Array(length))).toThrow(
        expect.objectContaining({ code: 'KEY_INVALID' }),
      );
    }
  });

  it('goes on signing after the caller wiped the seed', async () => {
    const seed = new Uint8Array(32).fill(9);
    const { signer } = ed25519FromSeed(seed);
    const before = await signer.sign(message);
    seed.fill(0);
    expect(await signer.sign(message)).toEqual(before);
  });
});

describe('ECDSA', () => {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const rs = signEcdsa('p256-private.pem', 'sha256', 'ieee-p1363');
  const r = toNumber(rs.slice(0, 32));
  const s = toNumber(rs.slice(32));
  const good = der(0x30, integer(r), integer(s));

  it('takes the one DER spelling of r and s', () => {
    expect(p256.verify(message, good)).toBe(true);
  });

  it.each<[string, Uint8Array]>([
    ['r || s, which is another encoding', rs],
    ['r = 0', der(0x30, integer(0n), integer(s))],
    ['s = 0', der(0x30, integer(r), integer(0n))],
    ['r = s = 0 (CVE-2022-21449)', der(0x30, integer(0n), integer(0n))],
    ['r = s = 1', der(0x30, integer(1n), integer(1n))],
    ['r = n', der(0x30, integer(order), integer(s))],
    ['s = n', der(0x30, integer(r), integer(order))],
    ['r + n', der(0x30, integer(r + order), integer(s))],
    ['s + n', der(0x30, integer(r), integer(s + order))],
    ['r - n, negative', der(0x30, der(0x02, signed(2n ** 256n + r - order)), integer(s))],
    ['r with a zero byte too many', der(0x30, der(0x02, Uint8Array.of(0), signed(r)), integer(s))],
    ['s with a zero byte too many', der(0x30, integer(r), der(0x02, Uint8Array.of(0), signed(s)))],
    ['an empty integer', der(0x30, der(0x02), integer(s))],
    ['s and r exchanged', der(0x30, integer(s), integer(r))],
    ['r alone', der(0x30, integer(r))],
    ['three integers', der(0x30, integer(r), integer(s), integer(1n))],
    ['trailing bytes', Uint8Array.of(...good, 0)],
    ['trailing bytes inside', der(0x30, integer(r), integer(s), Uint8Array.of(0, 0))],
    ['a NULL inside', der(0x30, integer(r), integer(s), der(0x05))],
    ['a long length', Uint8Array.of(0x30, 0x81, ...good.slice(1))],
    ['an indefinite length', Uint8Array.of(0x30, 0x80, ...good.slice(2), 0, 0)],
    ['a set', Uint8Array.of(0x31, ...good.slice(1))],
    ['an octet string for r', der(0x30, der(0x04, signed(r)), integer(s))],
    ['nothing', Uint8Array.of()],
    ['an empty sequence', der(0x30)],
    ['SHA-384 with P-256', signEcdsa('p256-private.pem', 'sha384', 'der')],
    ['SHA-512 with P-256', signEcdsa('p256-private.pem', 'sha512', 'der')],
  ])('refuses %s', (_name, signature) => {
    expect(p256.verify(message, signature)).toBe(false);
  });

  it('binds SHA-384 to P-384', () => {
    expect(p384.verify(message, signEcdsa('p384-private.pem', 'sha384', 'der'))).toBe(true);
    expect(p384.verify(message, signEcdsa('p384-private.pem', 'sha256', 'der'))).toBe(false);
  });
});

describe('RSA-PSS', () => {
  const signatures: Record<string, string> = JSON.parse(vector('rsa-pss-signatures.json'));

  function signature(name: string): Uint8Array {
    return fromHex(signatures[name] ?? '');
  }

  it.each(['salt 0', 'salt 32', 'salt of the greatest length'])('accepts %s', (name) => {
    expect(rsa.verify(message, signature(name))).toBe(true);
  });

  it.each([20, 64, 100])('accepts a salt of %i bytes', (saltLength) => {
    expect(rsa.verify(message, signPss(saltLength))).toBe(true);
  });

  it.each(['MGF1 with SHA-1', 'SHA-512', 'PKCS#1 v1.5'])('refuses %s', (name) => {
    expect(signature(name)).toHaveLength(256);
    expect(rsa.verify(message, signature(name))).toBe(false);
  });

  it.each<[string, Uint8Array]>([
    ['all zeros', new Uint8Array(256)],
    ['all ones', new Uint8Array(256).fill(0xff)],
    ['one', Uint8Array.of(...new Uint8Array(255), 1)],
  ])('refuses %s', (_name, bytes) => {
    expect(rsa.verify(message, bytes)).toBe(false);
  });
});
