/** Keys of the vectors, and DER written by hand so that it can be spoilt by name. */
import { readFileSync } from 'node:fs';

export function vector(name: string): string {
  return readFileSync(new URL(`../../vectors/public-keys/${name}`, import.meta.url), 'utf8');
}

/** DER behind a PEM file of the vectors. */
export function derOf(name: string): Uint8Array {
  return new Uint8Array(Buffer.from(vector(name).replace(/-----[^-]+-----|\s/g, ''), 'base64'));
}

export function toPem(der: Uint8Array, label = 'PUBLIC KEY'): string {
  const body = Buffer.from(der)
    .toString('base64')
    .replace(/(.{64})/g, '$1\n')
    .trimEnd();
  return `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;
}

/** One DER element with the shortest length. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(contents);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Uint8Array.from([tag, ...size, ...content]);
}

/** INTEGER of a positive number. */
export function integer(value: bigint): Uint8Array {
  return der(0x02, signed(value));
}

/** Contents of an INTEGER: big-endian, with a zero byte before a set top bit. */
export function signed(value: bigint): Uint8Array {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  return Uint8Array.from((bytes[0] ?? 0) >= 0x80 ? [0, ...bytes] : bytes);
}

export const ED25519_ID = Uint8Array.of(0x2b, 0x65, 0x70);
export const EC_ID = Uint8Array.of(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01);
export const P256_ID = Uint8Array.of(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07);
export const RSA_ID = Uint8Array.of(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01);

/** SubjectPublicKeyInfo of an algorithm's elements and key bytes. */
export function spki(algorithm: readonly Uint8Array[], key: Uint8Array): Uint8Array {
  return der(0x30, der(0x30, ...algorithm), der(0x03, Uint8Array.of(0), key));
}

/** SubjectPublicKeyInfo of any RSA numbers, sensible or not. */
export function rsaSpki(modulus: bigint, exponent: bigint): Uint8Array {
  return spki([der(0x06, RSA_ID), der(0x05)], der(0x30, integer(modulus), integer(exponent)));
}

export function toNumber(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}
