/**
 * The little DER that keys and ECDSA signatures need (X.690 section 10), strictly: definite shortest lengths,
 * shortest integers, nothing left over. A lax reader would accept many spellings of one signature or key.
 */

/** Thrown inside the room alone; each door turns it into its own verdict. */
export class DerError extends Error {}

export const DER_INTEGER = 0x02;
export const DER_BIT_STRING = 0x03;
export const DER_NULL = 0x05;
export const DER_OBJECT_ID = 0x06;
export const DER_SEQUENCE = 0x30;

/** Contents of each element of a run of elements with exactly these tags, which fills all of `bytes`. */
export function readDer(bytes: Uint8Array, tags: readonly number[]): Uint8Array[] {
  const contents: Uint8Array[] = [];
  let rest = bytes;
  for (const tag of tags) {
    if (rest[0] !== tag) throw new DerError('unexpected element');
    const { start, length } = readLength(rest);
    if (rest.length < start + length) throw new DerError('truncated');
    contents.push(rest.subarray(start, start + length));
    rest = rest.subarray(start + length);
  }
  if (rest.length > 0) throw new DerError('trailing bytes');
  return contents;
}

/** The single element that fills all of `bytes`. */
export function readDerElement(bytes: Uint8Array, tag: number): Uint8Array {
  const [content] = readDer(bytes, [tag]);
  if (content === undefined) throw new DerError('no element');
  return content;
}

/** Magnitude of a positive INTEGER's contents, without the sign byte. Zero and negative are refused. */
export function readPositive(content: Uint8Array): Uint8Array {
  const [first, second] = content;
  if (first === undefined || first >= 0x80) throw new DerError('not a positive integer');
  if (first > 0) return content;
  // A leading zero is due exactly when the next byte would read as a sign.
  if (second === undefined || second < 0x80) throw new DerError('zero, or not the shortest form');
  return content.subarray(1);
}

/** Lengths up to 65535: no key or signature admitted here is longer. */
function readLength(element: Uint8Array): { start: number; length: number } {
  const [, first = -1, second = -1, third = -1] = element;
  if (first >= 0 && first < 0x80) return { start: 2, length: first };
  if (first === 0x81 && second >= 0x80) return { start: 3, length: second };
  if (first === 0x82 && second >= 0x01 && third >= 0) return { start: 4, length: second * 256 + third };
  throw new DerError('length not in its shortest form');
}
