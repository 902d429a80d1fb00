import { canonicalize } from '@tufjs/canonical-json';
import {
  CanonicalJsonError,
  encodeCanonical,
  encodeJson,
  type JsonValue,
  type ParseLimits,
  parseJson,
} from '@vidimus/canonical-json';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

fc.configureGlobal({ seed: 20261201 });

const limits: ParseLimits = { maxBytes: 1 << 26, maxDepth: 64 };

function canonical(value: JsonValue): string {
  return new TextDecoder().decode(encodeCanonical(value));
}

/** As `canonical`, for values the types rule out but a caller's mistake can bring. */
function codeFor(value: unknown): string {
  try {
    Reflect.apply(encodeCanonical, undefined, [value]);
  } catch (error) {
    if (error instanceof CanonicalJsonError) return error.code;
    throw error;
  }
  throw new Error('was not refused');
}

/** Code points below U+10000 that are no surrogates; controls only when wanted. */
function characters(includeControls: boolean): fc.Arbitrary<string> {
  const printable = fc.oneof(
    fc.integer({ min: 0x20, max: 0x7e }),
    fc.integer({ min: 0x80, max: 0xd7ff }),
    fc.integer({ min: 0xe000, max: 0xffff }),
    fc.constantFrom(0x22, 0x5c, 0x2f, 0x3c, 0x26, 0x2028),
  );
  const unit = includeControls ? fc.oneof(printable, fc.integer({ min: 0, max: 0x1f })) : printable;
  return fc.array(unit, { maxLength: 8 }).map((units) => String.fromCharCode(...units));
}

function values(text: fc.Arbitrary<string>): fc.Arbitrary<JsonValue> {
  return fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom(null, true, false),
      fc.maxSafeInteger().map((n) => (n === 0 ? 0 : n)),
      text,
      fc.array(tie('value'), { maxLength: 5 }),
      fc.dictionary(text, tie('value'), { maxKeys: 6, noNullPrototype: false }),
    ),
  })).value;
}

/** Pairs above the basic plane, too. */
const anyText = fc.oneof(characters(true), fc.string({ unit: 'binary', maxLength: 8 }));

describe('encodeCanonical', () => {
  it.each<[string, JsonValue, string]>([
    [
      'sorts keys and leaves out space',
      { b: 1, a: [true, false, null], '': {} },
      '{"":{},"a":[true,false,null],"b":1}',
    ],
    ['escapes the quote and the backslash alone', '"\\/<&\u2028é', '"\\"\\\\/<&\u2028é"'],
    ['writes control characters raw', 'a\n\t\u0001\u007f', '"a\n\t\u0001\u007f"'],
    ['writes integers plainly', [0, -1, Number.MAX_SAFE_INTEGER], '[0,-1,9007199254740991]'],
    ['sorts keys that look like numbers as text', { 10: 1, 9: 2, 1: 3 }, '{"1":3,"10":1,"9":2}'],
    ['sorts a key before its extensions', { ab: 1, a: 2, 'a b': 3 }, '{"a":2,"a b":3,"ab":1}'],
  ])('%s', (_name, value, text) => {
    expect(canonical(value)).toBe(text);
  });

  it('takes __proto__ for a key', () => {
    const value = parseJson(new TextEncoder().encode('{"b":1,"__proto__":{"z":1}}'), limits);
    expect(canonical(value)).toBe('{"__proto__":{"z":1},"b":1}');
  });

  it('sorts by code point where UTF-16 units sort otherwise', () => {
    // U+1F600 is D83D DE00 in UTF-16, below U+E000 and U+FFFD by unit.
    const value = { '😀': 1, '\ue000': 2, '\ufffd': 3, a: 4, 'a😀': 5, 'a\uffff': 6 };
    expect(canonical(value)).toBe('{"a":4,"a\uffff":6,"a😀":5,"\ue000":2,"\ufffd":3,"😀":1}');
    expect(Object.keys(value).sort()[2]).toBe('a\uffff');
    expect(Object.keys(value).sort()[1]).toBe('a😀');
  });

  it('sorts as the bytes of UTF-8 do', () => {
    fc.assert(
      fc.property(fc.uniqueArray(anyText, { maxLength: 12 }), (keys) => {
        const written = parseKeys(canonicalOfKeys(keys));
        const expected = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
        expect(written).toEqual(expected);
      }),
    );
  });

  it.each([
    ['a fraction', 1.5],
    ['minus zero', -0],
    ['2^53', 2 ** 53],
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
  ])('refuses %s', (_name, value) => {
    expect(codeFor({ a: [value] })).toBe('NUMBER');
  });

  it.each([
    ['undefined', undefined],
    ['a bigint', 1n],
    ['a function', () => 1],
    ['a symbol', Symbol('a')],
    ['a date', new Date(0)],
    ['a map', new Map([['a', 1]])],
    ['bytes', new Uint8Array(2)],
    ['an array with a hole', new Array(2)],
  ])('refuses %s', (_name, value) => {
    expect(codeFor(value)).toBe('VALUE');
    expect(codeFor({ a: value })).toBe('VALUE');
  });

  it.each(['\ud800', 'a\udc00', '\udc00\ud800'])('refuses half of a surrogate pair', (text) => {
    expect(codeFor(text)).toBe('ENCODING');
    expect(codeFor({ [text]: 1 })).toBe('ENCODING');
    expect(codeFor(['\ud83d', '\ude00'])).toBe('ENCODING');
  });

  it('refuses a cycle', () => {
    const cycle: unknown[] = [];
    cycle.push({ cycle });
    expect(codeFor(cycle)).toBe('DEPTH');
  });

  it('writes the same bytes as @tufjs/canonical-json', () => {
    fc.assert(
      fc.property(values(characters(true)), (value) => {
        expect(canonical(value)).toBe(canonicalize(value));
      }),
      { numRuns: 500 },
    );
  });

  it('gives one form for every spelling of a value', () => {
    fc.assert(
      fc.property(values(anyText), fc.nat(), (value, seed) => {
        const spelled = parseJson(new TextEncoder().encode(respell(value, seed)), limits);
        expect(canonical(spelled)).toBe(canonical(value));
      }),
      { numRuns: 300 },
    );
  });
});

describe('parse after encode', () => {
  it('gives the value back from canonical form, unless it has control characters', () => {
    fc.assert(
      fc.property(values(characters(false)), (value) => {
        const bytes = encodeCanonical(value);
        const parsed = parseJson(bytes, limits);
        expect(JSON.stringify(sorted(parsed))).toBe(JSON.stringify(sorted(value)));
        expect(encodeCanonical(parsed)).toEqual(bytes);
      }),
      { numRuns: 300 },
    );
    expect(() => parseJson(encodeCanonical('\n'), limits)).toThrow(CanonicalJsonError);
  });

  it('gives every value back from encodeJson, and JSON.parse agrees', () => {
    fc.assert(
      fc.property(values(anyText), (value) => {
        const bytes = encodeJson(value);
        const parsed = parseJson(bytes, limits);
        expect(encodeCanonical(parsed)).toEqual(encodeCanonical(value));
        expect(encodeCanonical(JSON.parse(new TextDecoder().decode(bytes)))).toEqual(encodeCanonical(value));
      }),
      { numRuns: 300 },
    );
  });

  it('makes encodeJson equal to canonical form while there are no control characters', () => {
    fc.assert(
      fc.property(values(characters(false)), (value) => {
        expect(encodeJson(value)).toEqual(encodeCanonical(value));
      }),
    );
  });
});

describe('a targets file of 20,000 tags', () => {
  it('is read and written back byte for byte', () => {
    const targets = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, i) => [
        `v1.${i}.0`,
        { custom: {}, hashes: { sha256: i.toString(16).padStart(64, 'a') }, length: 1234 },
      ]),
    );
    const bytes = encodeCanonical({ signatures: [], signed: { targets } });
    const written = encodeCanonical(parseJson(bytes, limits));
    expect(Buffer.compare(written, bytes)).toBe(0);
  });
});

function canonicalOfKeys(keys: readonly string[]): Uint8Array {
  return encodeJson(Object.fromEntries(keys.map((key) => [key, 0])));
}

/** Keys in the order written: pairs, because objects move keys that look like indexes to the front. */
function parseKeys(json: Uint8Array): string[] {
  const text = new TextDecoder().decode(json);
  return [...text.matchAll(/("(?:[^"\\]|\\.)*"):0/g)].map(([, key = '']) => JSON.parse(key));
}

/** The same value with its keys in another order, other escapes and space between. */
function respell(value: JsonValue, seed: number): string {
  const space = [' ', '\n', '\t', ''][seed % 4];
  if (typeof value === 'string') {
    const units = Array.from({ length: value.length }, (_, i) => value.charCodeAt(i));
    return `"${units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')}"`;
  }
  if (Array.isArray(value))
    return `[${space}${value.map((item) => respell(item, seed + 1)).join(`${space},`)}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).reverse();
    return `{${members.map(([k, v]) => `${respell(k, seed)}${space}:${respell(v, seed + 1)}`).join(`,${space}`)}}`;
  }
  return JSON.stringify(value);
}

function sorted(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, sorted(member)]),
  );
}
