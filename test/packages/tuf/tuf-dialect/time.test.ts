import { formatTime, parseTime } from '@vidimus/tuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('dates', () => {
  it('are read back as they are written', () => {
    const seconds = fc.integer({ min: Date.parse('0000-01-01T00:00:00Z') / 1000, max: 253_402_300_799 });
    fc.assert(
      fc.property(seconds, (s) => {
        expect(parseTime(formatTime(s * 1000))).toBe(s * 1000);
      }),
      { seed: 20 },
    );
  });

  it('have one spelling: what parses is what would be written', () => {
    const text = fc.oneof(
      fc.string(),
      fc.stringMatching(
        /^[0-9+-]{4,6}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.0+)?(Z|z|\+00:00)?$/,
      ),
    );
    fc.assert(
      fc.property(text, (date) => {
        const ms = parseTime(date);
        if (ms !== undefined) expect(formatTime(ms)).toBe(date);
      }),
      { seed: 21, numRuns: 2_000 },
    );
    expect(parseTime('2028-02-29T23:59:59Z')).toBe(Date.UTC(2028, 1, 29, 23, 59, 59));
    expect(parseTime('2027-02-29T23:59:59Z')).toBeUndefined();
  });
});
