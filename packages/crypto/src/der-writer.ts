/** DER to write: the counterpart of der.ts, as far as certificates need it. */
import {
  DER_BIT_STRING,
  DER_INTEGER,
  DER_OBJECT_ID,
  DER_OCTET_STRING,
  DER_SEQUENCE,
  DER_SET,
} from './der.ts';

/** One element with the shortest length, which is at most 65535. */
export function element(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(contents);
  const { length } = content;
  if (length > 0xffff) throw new RangeError('too long for our DER');
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Uint8Array.from([tag, ...size, ...content]);
}

export function sequence(...elements: readonly Uint8Array[]): Uint8Array {
  return element(DER_SEQUENCE, ...elements);
}

export function set(...elements: readonly Uint8Array[]): Uint8Array {
  return element(DER_SET, ...elements);
}

/** A positive INTEGER of a big-endian magnitude. */
export function positive(magnitude: Uint8Array): Uint8Array {
  const start = magnitude.findIndex((byte) => byte !== 0);
  const bytes = start < 0 ? Uint8Array.of(0) : magnitude.subarray(start);
  return (bytes[0] ?? 0) < 0x80 ? element(DER_INTEGER, bytes) : element(DER_INTEGER, Uint8Array.of(0), bytes);
}

/** An OBJECT IDENTIFIER from the hex of its contents. */
export function objectId(hex: string): Uint8Array {
  return element(DER_OBJECT_ID, Buffer.from(hex, 'hex'));
}

export function octets(...contents: readonly Uint8Array[]): Uint8Array {
  return element(DER_OCTET_STRING, ...contents);
}

/** A BIT STRING of whole bytes; or of named bits, whose trailing zeros are left out (X.690 11.2.2). */
export function bits(bytes: Uint8Array, unusedBits = 0): Uint8Array {
  return element(DER_BIT_STRING, Uint8Array.of(unusedBits), bytes);
}
