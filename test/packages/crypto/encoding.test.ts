import {
  CryptoError,
  fromBase64,
  fromHex,
  hashHex,
  isSha256Hex,
  sha256,
  sha256Hex,
  sha512Hex,
  toBase64,
  toHex,
} from '@vidimus/crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

fc.configureGlobal({ seed: 20261201 });

describe('hex and base64', () => {
  it('give back what they were given', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(fromHex(toHex(bytes))).toEqual(bytes);
        expect(fromBase64(toBase64(bytes))).toEqual(bytes);
      }),
    );
  });

  it('have one text for each byte string', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 8 }), (text) => {
        for (const [decode, encode] of [[fromHex, toHex] as const, [fromBase64, toBase64] as const]) {
          try {
            expect(encode(decode(text))).toBe(text);
          } catch (error) {
            expect(error).toBeInstanceOf(CryptoError);
          }
        }
      }),
    );
  });

  it('encode a view of a larger buffer as the view', () => {
    expect(toHex(Uint8Array.of(1, 2, 3, 4).subarray(1, 3))).toBe('0203');
    expect(toBase64(Uint8Array.of(1, 2, 3, 4).subarray(1, 3))).toBe('AgM=');
  });

  it.each(['A0', 'a', 'abc', 'zz', '0x00', ' 00', '00 ', '00\n', '0g', '00zz', 'é'])(
    'fromHex refuses "%s"',
    (text) => {
      expect(() => fromHex(text)).toThrow(expect.objectContaining({ code: 'ENCODING_INVALID' }));
    },
  );

  it.each([
    'A',
    'AA',
    'AA=',
    'AB==',
    'AAB=',
    '=AAA',
    'AAAA=',
    'A A=',
    'AAAA\n',
    ' AAAA',
    '-_8=',
    'AA==AA==',
    'AA!=',
  ])('fromBase64 refuses "%s"', (text) => {
    expect(() => fromBase64(text)).toThrow(expect.objectContaining({ code: 'ENCODING_INVALID' }));
  });
});

describe('digests', () => {
  const abc = new TextEncoder().encode('abc');

  it('are those of FIPS 180-4', () => {
    expect(sha256Hex(abc)).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(toHex(sha256(abc))).toBe(sha256Hex(abc));
    expect(sha512Hex(abc).slice(0, 32)).toBe('ddaf35a193617abacc417349ae204131');
    expect(hashHex('sha256', abc)).toBe(sha256Hex(abc));
    expect(hashHex('sha512', abc)).toBe(sha512Hex(abc));
  });

  it.each([
    ['a'.repeat(64), true],
    ['a'.repeat(63), false],
    ['a'.repeat(65), false],
    ['A'.repeat(64), false],
    [`${'a'.repeat(64)}\n`, false],
    ['g'.repeat(64), false],
    [`sha256:${'a'.repeat(64)}`, false],
  ])('isSha256Hex(%j) is %s', (text, expected) => {
    expect(isSha256Hex(text)).toBe(expected);
  });
});
