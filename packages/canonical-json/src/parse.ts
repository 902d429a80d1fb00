/**
 * A strict JSON parser (RFC 8259 without its latitude) for bytes that anybody may have written. `JSON.parse`
 * keeps the last of two equal keys and rounds 2^53 + 1, so two readers of one signed file could see two values.
 */
import { CanonicalJsonError, type CanonicalJsonErrorCode } from './errors.ts';
import type { JsonObject, JsonValue } from './value.ts';

/** Depth is spent on the call stack: no caller may allow more. */
export const MAX_DEPTH = 500;
/** Values (containers, keys not counted) a document may hold when the caller does not say. */
export const DEFAULT_MAX_VALUES = 1_048_576;
/** `-9007199254740991`: a longer literal is no safe integer, whatever its digits. */
const MAX_INTEGER_CHARACTERS = 17;
/** Longer numbers carry no precision a reader could use; bounds the cost of converting one. */
const MAX_NUMBER_CHARACTERS = 64;

export interface ParseLimits {
  /** Longest input in bytes; checked before anything is read. */
  readonly maxBytes: number;
  /** Deepest nesting: a scalar has depth 0, `[]` depth 1. Never more than `MAX_DEPTH`. */
  readonly maxDepth: number;
  /** Most values of any kind, the containers included; `DEFAULT_MAX_VALUES` when absent. */
  readonly maxValues?: number;
  /**
   * `integers` (default) refuses everything that two readers could round differently. `any` is for foreign JSON
   * that nobody signs in canonical form (image manifests): numbers become doubles, as JavaScript rounds them.
   */
  readonly numbers?: 'integers' | 'any';
}

interface Cursor {
  readonly text: string;
  readonly maxDepth: number;
  readonly anyNumbers: boolean;
  at: number;
  valuesLeft: number;
}

/**
 * Parses one JSON value that fills all of `bytes`. Takes time linear in their number.
 * @throws CanonicalJsonError SIZE, ENCODING, SYNTAX, DUPLICATE_KEY, DEPTH, COUNT or NUMBER
 */
export function parseJson(bytes: Uint8Array, limits: ParseLimits): JsonValue {
  // Written so that a limit of NaN refuses.
  if (!(bytes.length <= limits.maxBytes)) {
    throw new CanonicalJsonError(
      'SIZE',
      `${bytes.length} bytes where at most ${limits.maxBytes} are allowed`,
    );
  }
  const cursor: Cursor = {
    text: decodeUtf8(bytes),
    maxDepth: Math.min(limits.maxDepth, MAX_DEPTH),
    anyNumbers: limits.numbers === 'any',
    at: 0,
    valuesLeft: limits.maxValues ?? DEFAULT_MAX_VALUES,
  };
  skipSpace(cursor);
  const value = parseValue(cursor, 0);
  skipSpace(cursor);
  if (cursor.at < cursor.text.length) fail(cursor, 'SYNTAX', 'data after the value');
  return value;
}

function decodeUtf8(bytes: Uint8Array): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new CanonicalJsonError('ENCODING', 'not valid UTF-8');
  }
  if (text.charCodeAt(0) === 0xfeff)
    throw new CanonicalJsonError('ENCODING', 'starts with a byte order mark', 0);
  return text;
}

function parseValue(cursor: Cursor, depth: number): JsonValue {
  cursor.valuesLeft -= 1;
  if (!(cursor.valuesLeft >= 0)) fail(cursor, 'COUNT', 'too many values');
  switch (cursor.text.charCodeAt(cursor.at)) {
    case 0x7b: // {
      return parseObject(cursor, depth + 1);
    case 0x5b: // [
      return parseArray(cursor, depth + 1);
    case 0x22: // "
      return parseString(cursor);
    case 0x74: // t
      return parseWord(cursor, 'true', true);
    case 0x66: // f
      return parseWord(cursor, 'false', false);
    case 0x6e: // n
      return parseWord(cursor, 'null', null);
    default:
      return parseNumber(cursor);
  }
}

function parseObject(cursor: Cursor, depth: number): JsonObject {
  enter(cursor, depth);
  // No prototype: `__proto__` becomes an ordinary key and `in` asks about own keys only.
  const object: Record<string, JsonValue> = Object.create(null);
  if (closes(cursor, 0x7d)) return object;
  for (;;) {
    const start = cursor.at;
    if (cursor.text.charCodeAt(start) !== 0x22) fail(cursor, 'SYNTAX', 'expected a key');
    const key = parseString(cursor);
    if (key in object) {
      cursor.at = start;
      fail(cursor, 'DUPLICATE_KEY', 'key written twice');
    }
    skipSpace(cursor);
    if (cursor.text.charCodeAt(cursor.at) !== 0x3a) fail(cursor, 'SYNTAX', 'expected ":"');
    cursor.at += 1;
    skipSpace(cursor);
    object[key] = parseValue(cursor, depth);
    if (!continues(cursor, 0x7d)) return object;
  }
}

function parseArray(cursor: Cursor, depth: number): JsonValue[] {
  enter(cursor, depth);
  const array: JsonValue[] = [];
  if (closes(cursor, 0x5d)) return array;
  for (;;) {
    array.push(parseValue(cursor, depth));
    if (!continues(cursor, 0x5d)) return array;
  }
}

/** Steps over the opening bracket. */
function enter(cursor: Cursor, depth: number): void {
  if (!(depth <= cursor.maxDepth)) fail(cursor, 'DEPTH', 'nested too deeply');
  cursor.at += 1;
  skipSpace(cursor);
}

/** Right after an opening bracket: steps over the closing one if the container is empty. */
function closes(cursor: Cursor, bracket: number): boolean {
  if (cursor.text.charCodeAt(cursor.at) !== bracket) return false;
  cursor.at += 1;
  return true;
}

/** After a member: steps over `,` (another follows) or over the closing bracket. */
function continues(cursor: Cursor, bracket: number): boolean {
  skipSpace(cursor);
  const code = cursor.text.charCodeAt(cursor.at);
  if (code !== 0x2c && code !== bracket) fail(cursor, 'SYNTAX', 'expected "," or a closing bracket');
  cursor.at += 1;
  if (code === bracket) return false;
  skipSpace(cursor);
  return true;
}

function parseString(cursor: Cursor): string {
  const { text } = cursor;
  const pieces: string[] = [];
  let start = cursor.at + 1;
  let at = start;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      cursor.at = at + 1;
      const last = text.slice(start, at);
      return pieces.length === 0 ? last : pieces.join('') + last;
    }
    if (code === 0x5c) {
      if (at > start) pieces.push(text.slice(start, at));
      cursor.at = at;
      pieces.push(parseEscape(cursor));
      at = cursor.at;
      start = at;
    } else if (code >= 0x20) {
      at += 1;
    } else {
      // Below U+0020, or NaN past the end of the text.
      cursor.at = at;
      fail(cursor, 'SYNTAX', at < text.length ? 'control character in a string' : 'string without an end');
    }
  }
}

function parseEscape(cursor: Cursor): string {
  const letter = cursor.text.charAt(cursor.at + 1);
  if (letter === 'u') return parseUnicodeEscape(cursor);
  const character = ESCAPES.get(letter);
  if (character === undefined) return fail(cursor, 'SYNTAX', 'unknown escape');
  cursor.at += 2;
  return character;
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);

/** A surrogate is only good as the first half of a pair, both halves escaped: the raw half is not UTF-8. */
function parseUnicodeEscape(cursor: Cursor): string {
  const start = cursor.at;
  const high = parseHexUnit(cursor);
  if (high < 0xd800 || high > 0xdfff) return String.fromCharCode(high);
  if (high <= 0xdbff && cursor.text.startsWith('\\u', cursor.at)) {
    const low = parseHexUnit(cursor);
    if (low >= 0xdc00 && low <= 0xdfff) return String.fromCharCode(high, low);
  }
  cursor.at = start;
  return fail(cursor, 'ENCODING', 'half of a surrogate pair');
}

function parseHexUnit(cursor: Cursor): number {
  const digits = cursor.text.slice(cursor.at + 2, cursor.at + 6);
  if (!/^[0-9a-fA-F]{4}$/.test(digits)) fail(cursor, 'SYNTAX', 'expected four hexadecimal digits');
  cursor.at += 6;
  return Number.parseInt(digits, 16);
}

function parseWord<T extends JsonValue>(cursor: Cursor, word: string, value: T): T {
  if (!cursor.text.startsWith(word, cursor.at)) fail(cursor, 'SYNTAX', 'unexpected character');
  cursor.at += word.length;
  return value;
}

/** Looks at a bounded number of characters, so a literal of a million digits is refused at once. */
function parseNumber(cursor: Cursor): number {
  const limit = cursor.anyNumbers ? MAX_NUMBER_CHARACTERS : MAX_INTEGER_CHARACTERS;
  const literal = /^[-+.0-9eE]*/.exec(cursor.text.slice(cursor.at, cursor.at + limit + 1))?.[0] ?? '';
  if (literal === '') {
    return fail(cursor, 'SYNTAX', cursor.at < cursor.text.length ? 'unexpected character' : 'unexpected end');
  }
  if (literal.length > limit) fail(cursor, 'NUMBER', `number of more than ${limit} characters`);
  if (!/^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$/.test(literal)) {
    fail(cursor, 'SYNTAX', 'malformed number');
  }
  const number = Number(literal);
  if (cursor.anyNumbers ? !Number.isFinite(number) : !isCanonicalInteger(number, literal)) {
    fail(cursor, 'NUMBER', 'number outside the allowed ones');
  }
  cursor.at += literal.length;
  return number;
}

/** `1.0` and `1e2` are integers to JavaScript, but not in canonical form. */
function isCanonicalInteger(number: number, literal: string): boolean {
  return Number.isSafeInteger(number) && !Object.is(number, -0) && !/[.eE]/.test(literal);
}

function skipSpace(cursor: Cursor): void {
  for (;;) {
    const code = cursor.text.charCodeAt(cursor.at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
    cursor.at += 1;
  }
}

function fail(cursor: Cursor, code: CanonicalJsonErrorCode, message: string): never {
  throw new CanonicalJsonError(code, message, cursor.at);
}
