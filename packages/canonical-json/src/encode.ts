/**
 * The two ways a value is written. Both sort keys by code point and leave out all space; they differ only in
 * strings with control characters, where the canonical form, which is what gets signed, is no valid JSON.
 */
import { CanonicalJsonError } from './errors.ts';
import { MAX_DEPTH } from './parse.ts';
import { isJsonObject, type JsonValue } from './value.ts';

type Quote = (text: string) => string;

/**
 * The OLPC canonical form: the bytes a TUF signature is made over. Only `"` and `\` are escaped, control
 * characters go out raw, numbers are integers up to 2^53 - 1.
 * @throws CanonicalJsonError NUMBER, ENCODING (half of a surrogate pair), DEPTH or VALUE
 * @see TUF specification 4.2.1; http://wiki.laptop.org/go/Canonical_JSON
 */
export function encodeCanonical(value: JsonValue): Uint8Array {
  return toUtf8(write(value, quoteCanonical, 0));
}

/**
 * JSON for files and bodies: what `encodeCanonical` gives, with control characters escaped, so that every
 * reader parses it back to the same value. Refuses the same values.
 * @throws CanonicalJsonError NUMBER, ENCODING, DEPTH or VALUE
 */
export function encodeJson(value: JsonValue): Uint8Array {
  return toUtf8(write(value, quoteJson, 0));
}

function write(value: JsonValue, quote: Quote, depth: number): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'number') return writeInteger(value);
  if (value === null || typeof value === 'boolean') return String(value);
  // A cycle ends here, too.
  if (depth >= MAX_DEPTH) throw new CanonicalJsonError('DEPTH', 'nested too deeply');
  if (Array.isArray(value)) return writeArray(value, quote, depth + 1);
  if (isJsonObject(value) && isPlain(value)) {
    let text = '';
    for (const key of sortKeys(Object.keys(value))) {
      const member = value[key];
      if (member === undefined) throw new CanonicalJsonError('VALUE', 'a member is undefined');
      text += `${text === '' ? '' : ','}${quote(key)}:${write(member, quote, depth + 1)}`;
    }
    return `{${text}}`;
  }
  throw new CanonicalJsonError('VALUE', 'not a JSON value');
}

function writeArray(array: readonly JsonValue[], quote: Quote, depth: number): string {
  let text = '';
  // By iteration, which gives the holes of a sparse array as undefined: refused as no value.
  for (const item of array) text += `${text === '' ? '' : ','}${write(item, quote, depth)}`;
  return `[${text}]`;
}

function writeInteger(number: number): string {
  if (!Number.isSafeInteger(number) || Object.is(number, -0)) {
    throw new CanonicalJsonError('NUMBER', 'only integers up to 2^53 - 1 have a canonical form');
  }
  return String(number);
}

/** A Date, a Map or bytes have no canonical form; taking their enumerable members would sign nonsense. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function quoteCanonical(text: string): string {
  return `"${/["\\]/.test(text) ? text.replace(/["\\]/g, '\\$&') : text}"`;
}

function quoteJson(text: string): string {
  const quoted = quoteCanonical(text);
  if (!/[\u0000-\u001f]/.test(quoted)) return quoted;
  return quoted.replace(/[\u0000-\u001f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** UTF-8 bytes sort as code points do; UTF-16 units do not once a pair meets U+E000 to U+FFFF. */
function sortKeys(keys: string[]): string[] {
  return keys.some((key) => /[\ud800-\udfff]/.test(key)) ? keys.sort(compareCodePoints) : keys.sort();
}

function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const difference = unitRank(a.charCodeAt(at)) - unitRank(b.charCodeAt(at));
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Moves surrogates above every other unit: then units order as the code points they spell. */
function unitRank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

function toUtf8(text: string): Uint8Array {
  // The encoder would silently write U+FFFD, and two values would share one signature.
  if (/\p{Surrogate}/u.test(text)) throw new CanonicalJsonError('ENCODING', 'half of a surrogate pair');
  return new TextEncoder().encode(text);
}
