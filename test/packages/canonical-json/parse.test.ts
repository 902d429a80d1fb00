import {
  CanonicalJsonError,
  DEFAULT_MAX_VALUES,
  isJsonObject,
  type JsonValue,
  MAX_DEPTH,
  type ParseLimits,
  parseJson,
} from '@vidimus/canonical-json';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

fc.configureGlobal({ seed: 20261201 });

const limits: ParseLimits = { maxBytes: 1 << 26, maxDepth: 64 };

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function parse(text: string, overrides: Partial<ParseLimits> = {}): JsonValue {
  return parseJson(utf8(text), { ...limits, ...overrides });
}

function refusal(bytes: Uint8Array | string, overrides: Partial<ParseLimits> = {}): CanonicalJsonError {
  try {
    parseJson(typeof bytes === 'string' ? utf8(bytes) : bytes, { ...limits, ...overrides });
  } catch (error) {
    if (error instanceof CanonicalJsonError) return error;
    throw error;
  }
  throw new Error('was not refused');
}

describe('parseJson', () => {
  it.each([
    ['null', null],
    ['true', true],
    ['false', false],
    ['0', 0],
    ['-1', -1],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['-9007199254740991', Number.MIN_SAFE_INTEGER],
    ['""', ''],
    ['"a"', 'a'],
    ['"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"\\/\b\f\n\r\t'],
    ['"\\u0041\\u00e9\\uD83D\\ude00"', 'Aé😀'],
    ['"a\\u0000b"', 'a\0b'],
    ['"\u007f\u2028日本😀"', '\u007f\u2028日本😀'],
    ['"\ufeff"', '\ufeff'],
    ['[]', []],
    [' [ 1 ,\t2\r\n] ', [1, 2]],
    ['[[],[[]]]', [[], [[]]]],
  ])('reads %s', (text, value) => {
    expect(parse(text)).toEqual(value);
  });

  it('reads objects without a prototype, whose keys are data', () => {
    const value = parse('{"__proto__":{"a":1},"constructor":2,"toString":null,"":[]}');
    expect(Object.getPrototypeOf(value)).toBeNull();
    expect(isJsonObject(value) && Object.keys(value)).toEqual(['__proto__', 'constructor', 'toString', '']);
    expect(JSON.stringify(value)).toBe('{"__proto__":{"a":1},"constructor":2,"toString":null,"":[]}');
    expect(isJsonObject(value) && 'hasOwnProperty' in value).toBe(false);
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });

  it.each([
    ['nothing', ''],
    ['space alone', ' \n'],
    ['data after the value', '{} x'],
    ['a second value', '1 2'],
    ['a NUL after the value', '1\0'],
    ['an open object', '{'],
    ['an open array', '['],
    ['an open string', '"a'],
    ['a string that ends in a backslash', '"a\\'],
    ['a comma before "]"', '[1,]'],
    ['a comma before "}"', '{"a":1,}'],
    ['a leading comma', '[,1]'],
    ['two commas', '[1,,2]'],
    ['a missing comma', '[1 2]'],
    ['a missing colon', '{"a" 1}'],
    ['a key without quotes', '{a:1}'],
    ['a number as key', '{1:1}'],
    ['a key without a value', '{"a"}'],
    ['brackets that do not match', '[}'],
    ['a closing bracket alone', ']'],
    ['single quotes', "'a'"],
    ['a comment', '/**/1'],
    ['a wrong word', 'nul'],
    ['a word in capitals', 'True'],
    ['a word that goes on', 'nullx'],
    ['NaN', 'NaN'],
    ['Infinity', 'Infinity'],
    ['a leading zero', '01'],
    ['a leading plus', '+1'],
    ['a minus alone', '-'],
    ['a hexadecimal number', '0x10'],
    ['a point without digits before', '.5'],
    ['a point without digits after', '1.'],
    ['a raw newline in a string', '"a\nb"'],
    ['a raw U+0001 in a string', '"\u0001"'],
    ['an unknown escape', '"\\x41"'],
    ['an escaped line end', '"\\\n"'],
    ['three hexadecimal digits', '"\\u041"'],
    ['a sign among hexadecimal digits', '"\\u+041"'],
    ['space of another kind', '\u00a01'],
    ['a vertical tab', '\v1'],
  ])('refuses %s', (_name, text) => {
    expect(refusal(text).code).toBe('SYNTAX');
    expect(refusal(text, { numbers: 'any' }).code).toBe('SYNTAX');
  });

  it.each([
    ['equal keys', '{"a":1,"a":1}'],
    ['equal keys that are spelled differently', '{"a":1,"b":2,"\\u0061":3}'],
    ['equal keys far inside', '[{"x":{"a":1,"b":{},"a":2}}]'],
    ['the key __proto__ twice', '{"__proto__":1,"__proto__":2}'],
    ['equal keys that look like indexes', '{"1":1,"2":2,"1":3}'],
  ])('refuses %s', (_name, text) => {
    expect(refusal(text).code).toBe('DUPLICATE_KEY');
  });

  it('takes one key in two objects, and keys that differ by composition', () => {
    expect(parse('[{"a":1},{"a":{"a":2}}]')).toEqual([{ a: 1 }, { a: { a: 2 } }]);
    expect(Object.keys(Object(parse('{"\u00e9":1,"e\u0301":2}')))).toHaveLength(2);
  });

  it.each([
    ['a fraction', '1.5'],
    ['a fraction of zero', '1.0'],
    ['an exponent', '1e2'],
    ['a capital exponent', '1E2'],
    ['minus zero', '-0'],
    ['2^53', '9007199254740992'],
    ['-2^53', '-9007199254740992'],
    ['2^53 + 1', '9007199254740993'],
    ['twenty digits', '12345678901234567890'],
  ])('refuses %s unless any number is welcome', (_name, text) => {
    expect(refusal(text).code).toBe('NUMBER');
    expect(parse(text, { numbers: 'any' })).toBe(Number(text));
  });

  it('refuses numbers beyond a double even where any number is welcome', () => {
    expect(refusal('1e400', { numbers: 'any' }).code).toBe('NUMBER');
    expect(refusal('-1e400', { numbers: 'any' }).code).toBe('NUMBER');
    expect(refusal(`0.${'1'.repeat(100)}`, { numbers: 'any' }).code).toBe('NUMBER');
  });

  it.each([
    ['a lone high surrogate', '"\\ud800"'],
    ['a lone low surrogate', '"\\udc00"'],
    ['two high surrogates', '"\\ud800\\ud800"'],
    ['a pair the wrong way round', '"\\udc00\\ud800"'],
    ['a high surrogate before a letter', '"\\ud800a"'],
    ['a high surrogate before another escape', '"\\ud800\\n"'],
    ['a lone surrogate in a key', '{"\\udfff":1}'],
  ])('refuses %s', (_name, text) => {
    expect(refusal(text).code).toBe('ENCODING');
  });

  it.each([
    ['a stray continuation byte', [0x22, 0x80, 0x22]],
    ['an overlong slash', [0x22, 0xc0, 0xaf, 0x22]],
    ['a surrogate in UTF-8', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['a code point above U+10FFFF', [0x22, 0xf4, 0x90, 0x80, 0x80, 0x22]],
    ['a truncated sequence', [0x22, 0xe2, 0x82]],
    ['UTF-16', [0xff, 0xfe, 0x31, 0x00]],
    ['a byte order mark', [0xef, 0xbb, 0xbf, 0x31]],
  ])('refuses %s', (_name, bytes) => {
    expect(refusal(Uint8Array.from(bytes)).code).toBe('ENCODING');
  });

  it('says where the fault is', () => {
    expect(refusal('{"a":1,"a":2}').offset).toBe(7);
    expect(refusal('[1,2').offset).toBe(4);
  });
});

describe('limits of parseJson', () => {
  it('refuses one byte more than allowed, before reading any', () => {
    expect(parse('[1]', { maxBytes: 3 })).toEqual([1]);
    expect(refusal('[1]', { maxBytes: 2 }).code).toBe('SIZE');
    expect(refusal(Uint8Array.of(0xff, 0xff), { maxBytes: 1 }).code).toBe('SIZE');
    expect(refusal('1', { maxBytes: Number.NaN }).code).toBe('SIZE');
  });

  it('refuses one level more than allowed', () => {
    expect(parse('1', { maxDepth: 0 })).toBe(1);
    expect(refusal('[]', { maxDepth: 0 }).code).toBe('DEPTH');
    expect(parse('[{"a":1}]', { maxDepth: 2 })).toEqual([{ a: 1 }]);
    expect(refusal('[{"a":[]}]', { maxDepth: 2 }).code).toBe('DEPTH');
    expect(refusal('[]', { maxDepth: Number.NaN }).code).toBe('DEPTH');
  });

  it('never goes deeper than the call stack bears, whatever the caller allows', () => {
    const unbounded = { maxDepth: Number.POSITIVE_INFINITY };
    expect(parse('['.repeat(MAX_DEPTH) + ']'.repeat(MAX_DEPTH), unbounded)).toBeDefined();
    expect(refusal('['.repeat(1_000_000), unbounded).code).toBe('DEPTH');
    expect(refusal('{"a":'.repeat(1_000_000), unbounded).code).toBe('DEPTH');
  });

  it('refuses one value more than allowed', () => {
    expect(parse('[1,{"a":[]}]', { maxValues: 4 })).toBeDefined();
    expect(refusal('[1,{"a":[]}]', { maxValues: 3 }).code).toBe('COUNT');
    expect(refusal('1', { maxValues: Number.NaN }).code).toBe('COUNT');
    expect(refusal(`[${'0,'.repeat(DEFAULT_MAX_VALUES)}0]`).code).toBe('COUNT');
  });

  // T32: converting a long literal is quadratic. At these sizes a quadratic reader does not come back: no clock is
  // needed to see it. `npm run bench` has the speed.
  it.each([
    ['an integer', '9'.repeat(4_000_000)],
    ['zeros', `-${'0'.repeat(4_000_000)}`],
    ['a fraction', `1.${'3'.repeat(4_000_000)}`],
    ['an exponent', `1e${'9'.repeat(4_000_000)}`],
  ])('refuses a number of four million digits: %s', (_name, literal) => {
    expect(refusal(literal).code).toBe('NUMBER');
    expect(refusal(literal, { numbers: 'any' }).code).toBe('NUMBER');
  });

  it.each([
    ['a string of megabytes', `"${'x'.repeat(4_000_000)}"`],
    ['a string of escapes', `"${'\\n'.repeat(1_000_000)}"`],
    ['a string of escaped pairs', `"${'\\ud83d\\ude00'.repeat(300_000)}"`],
    ['many keys', `{${Array.from({ length: 400_000 }, (_, i) => `"k${i}":0`).join(',')}}`],
    [
      'many keys that look like indexes',
      `{${Array.from({ length: 400_000 }, (_, i) => `"${i * 10_007}":0`).join(',')}}`,
    ],
    ['space alone between values', `[1${' '.repeat(4_000_000)},2]`],
  ])('reads %s in linear time', (_name, text) => {
    expect(parse(text)).toBeDefined();
  });
});

describe('against JSON.parse', () => {
  it('reads the same value from whatever JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), fc.constantFrom(0, 2, '\t'), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent);
        expect(JSON.stringify(parse(text, { numbers: 'any' }))).toBe(JSON.stringify(JSON.parse(text)));
      }),
    );
  });

  it('never accepts what JSON.parse refuses, and fails with its own error alone', () => {
    const fragment = fc.constantFrom(
      ...[
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '"',
        '\\',
        '"a"',
        '"b"',
        '\\u',
        '00',
        'd83d',
        '1',
        '-',
        '.',
        'e',
        'true',
        ' ',
        '\n',
      ],
    );
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 12 }), (fragments) => {
        const text = fragments.join('');
        let value: JsonValue;
        try {
          value = parse(text, { numbers: 'any' });
        } catch (error) {
          expect(error).toBeInstanceOf(CanonicalJsonError);
          return;
        }
        expect(JSON.stringify(value)).toBe(JSON.stringify(JSON.parse(text)));
      }),
      { numRuns: 3000 },
    );
  });

  it('answers any bytes with a value or its own error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          parseJson(bytes, limits);
        } catch (error) {
          expect(error).toBeInstanceOf(CanonicalJsonError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
