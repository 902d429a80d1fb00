import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeRecord,
  hasRecordAfter,
  type Parameter,
  parseWrite,
  readRecord,
  type WriteRecord,
} from '../../../../packages/database/src/embedded/journal-record.ts';

const parameter: fc.Arbitrary<Parameter> = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
  fc.bigInt(),
  fc.string({ unit: 'binary' }),
  fc.uint8Array({ maxLength: 40 }),
  fc.array(fc.string(), { maxLength: 3 }),
);

const write: fc.Arbitrary<WriteRecord> = fc.record({
  kind: fc.constant('write' as const),
  seq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  schema: fc.integer({ min: 1, max: 1000 }),
  statements: fc.array(
    fc.record({ sql: fc.string(), params: fc.array(parameter, { maxLength: 5 }), rows: fc.nat() }),
    { maxLength: 4 },
  ),
});

describe('journal records', () => {
  it('read back what was written', () => {
    fc.assert(
      fc.property(write, (record) => {
        const bytes = encodeRecord(record);
        const stored = readRecord(bytes, 0);
        expect(stored?.end).toBe(bytes.length);
        expect(stored && parseWrite(stored)).toEqual(record);
      }),
    );
  });

  it('are not read when any byte is flipped, or the end is missing', () => {
    fc.assert(
      fc.property(write, fc.nat(), fc.integer({ min: 1, max: 255 }), (record, at, flip) => {
        const bytes = encodeRecord(record);
        const index = at % bytes.length;
        expect(readRecord(bytes.subarray(0, index), 0)).toBeUndefined();
        bytes.writeUInt8((bytes[index] ?? 0) ^ flip, index);
        expect(readRecord(bytes, 0)).toBeUndefined();
      }),
    );
  });

  it('are found behind damage, and never inside a payload', () => {
    const inner = encodeRecord({ kind: 'cancel', seq: 3 });
    const statements = [{ sql: inner.toString('latin1'), params: [inner, inner.toString('utf8')], rows: 0 }];
    const outer = encodeRecord({ kind: 'write', seq: 1, schema: 1, statements });
    expect(hasRecordAfter(outer, 1)).toBe(false);
    expect(hasRecordAfter(Buffer.concat([Buffer.alloc(100), inner]), 1)).toBe(true);
  });
});
