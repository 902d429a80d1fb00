/** Bytes as `Response` takes them. */

/** A view of a plain ArrayBuffer; copied only where the store shares memory. */
export function toPlain(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  return buffer instanceof ArrayBuffer
    ? new Uint8Array(buffer, bytes.byteOffset, bytes.byteLength)
    : new Uint8Array(bytes);
}
