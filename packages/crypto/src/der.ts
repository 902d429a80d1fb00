/**
 * The little DER that keys, certificates and ECDSA signatures need (X.690 section 10), strictly: definite
 * shortest lengths, shortest integers, nothing left over. A lax reader would accept many spellings of one
 * signature or key.
 */

/** Thrown inside the room alone; each door turns it into its own verdict. */
export class DerError extends Error {}

export const DER_BOOLEAN = 0x01;
export const DER_INTEGER = 0x02;
export const DER_BIT_STRING = 0x03;
export const DER_OCTET_STRING = 0x04;
export const DER_NULL = 0x05;
export const DER_OBJECT_ID = 0x06;
export const DER_SEQUENCE = 0x30;
export const DER_SET = 0x31;

export interface DerElement {
  readonly tag: number;
  readonly content: Uint8Array;
}

/** Contents of each element of a run of elements with exactly these tags, which fills all of `bytes`. */
export function readDer(bytes: Uint8Array, tags: readonly number[]): Uint8Array[] {
  const contents: Uint8Array[] = [];
  let rest = bytes;
  for (const tag of tags) {
    if (rest[0] !== tag) throw new DerError('unexpected element');
    const { start, end } = readExtent(rest);
    contents.push(rest.subarray(start, end));
    rest = rest.subarray(end);
  }
  if (rest.length > 0) throw new DerError('trailing bytes');
  return contents;
}

/** Every element of a run of whatever tags, which fills all of `bytes`. */
export function readDerRun(bytes: Uint8Array): DerElement[] {
  const elements: DerElement[] = [];
  let rest = bytes;
  while (rest.length > 0) {
    const [tag = 0] = rest;
    if ((tag & 0x1f) === 0x1f) throw new DerError('a tag of more than one byte');
    const { start, end } = readExtent(rest);
    elements.push({ tag, content: rest.subarray(start, end) });
    rest = rest.subarray(end);
  }
  return elements;
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

/** Where the contents of the first element start and end. */
function readExtent(bytes: Uint8Array): { start: number; end: number } {
  const { start, length } = readLength(bytes);
  if (bytes.length < start + length) throw new DerError('truncated');
  return { start, end: start + length };
}

/** Lengths up to 65535: nothing admitted here is longer. */
function readLength(element: Uint8Array): { start: number; length: number } {
  const [, first = -1, second = -1, third = -1] = element;
  if (first >= 0 && first < 0x80) return { start: 2, length: first };
  if (first === 0x81 && second >= 0x80) return { start: 3, length: second };
  if (first === 0x82 && second >= 0x01 && third >= 0) return { start: 4, length: second * 256 + third };
  throw new DerError('length not in its shortest form');
}
