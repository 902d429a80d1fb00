/** Ids that sort by time: 48 bits of milliseconds, 80 random bits, in Crockford's base 32. */

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** A ULID. @param random gives that many random bytes */
export function newId(nowMs: number, random: (bytes: number) => Uint8Array): string {
  let value = BigInt(nowMs);
  for (const byte of random(10)) value = (value << 8n) | BigInt(byte);
  let id = '';
  for (let digit = 0; digit < 26; digit += 1) {
    id = (alphabet[Number(value & 31n)] ?? '') + id;
    value >>= 5n;
  }
  return id;
}
