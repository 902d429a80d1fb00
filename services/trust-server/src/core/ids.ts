/** Ids that sort by the time they were made: milliseconds, a counter, 65 random bits, in base 32. */

/** Crockford's alphabet: no letter that reads like a digit. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const timeLength = 10;
const counterLength = 3;
const randomLength = 13;
const counterLimit = 32 ** counterLength;

export interface IdParts {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly randomBytes: (length: number) => Uint8Array;
}

/** Makes ids of 26 characters; within one process they never go backwards. */
export function createIds({ now, randomBytes }: IdParts): () => string {
  let lastMs = 0;
  let counter = 0;
  return () => {
    const ms = Math.max(now(), lastMs);
    counter = ms === lastMs ? counter + 1 : 0;
    lastMs = counter < counterLimit ? ms : ms + 1;
    if (counter >= counterLimit) counter = 0;
    const random = Array.from(randomBytes(randomLength), (byte) => alphabet.charAt(byte & 31)).join('');
    return `${base32(lastMs, timeLength)}${base32(counter, counterLength)}${random}`;
  };
}

function base32(value: number, length: number): string {
  let text = '';
  for (let rest = value; text.length < length; rest = Math.floor(rest / 32)) {
    text = alphabet.charAt(rest % 32) + text;
  }
  return text;
}
