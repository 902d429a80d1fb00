import { createFailureLimiter } from '@vidimus/access';
import { describe, expect, it } from 'vitest';

const limits = { burst: 3, forgiveMs: 1_000, maxAddresses: 4 };

function limiter() {
  const clock = { nowMs: 0 };
  return { clock, ...createFailureLimiter(limits, () => clock.nowMs) };
}

describe('createFailureLimiter', () => {
  it('lets an address fail as often as the burst, then makes it wait', () => {
    const { waitSeconds, recordFailure } = limiter();
    for (let n = 0; n < 3; n += 1) {
      expect(waitSeconds('10.0.0.1')).toBeUndefined();
      recordFailure('10.0.0.1');
    }
    expect(waitSeconds('10.0.0.1')).toBe(1);
    expect(waitSeconds('10.0.0.2')).toBeUndefined();
  });

  it('forgives one failure at a time', () => {
    const { clock, waitSeconds, recordFailure } = limiter();
    for (let n = 0; n < 3; n += 1) recordFailure('10.0.0.1');
    clock.nowMs = 1_000;
    expect(waitSeconds('10.0.0.1')).toBeUndefined();
    recordFailure('10.0.0.1');
    expect(waitSeconds('10.0.0.1')).toBe(1);
  });

  it('never asks for more than a short wait, however often an address failed', () => {
    const { waitSeconds, recordFailure } = limiter();
    for (let n = 0; n < 1_000; n += 1) recordFailure('10.0.0.1');
    expect(waitSeconds('10.0.0.1')).toBe(2);
  });

  it.each([
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff::7', true],
    ['2001:db8:1:2::1', '2001:db8:1:3::1', false],
    ['2001:db8::1', '2001:db8:0:0:5::1', true],
    ['::ffff:10.0.0.1', '::ffff:10.0.0.2', false],
  ])('counts %s and %s as one address: %s', (one, other, same) => {
    const { waitSeconds, recordFailure } = limiter();
    for (let n = 0; n < 3; n += 1) recordFailure(one);
    expect(waitSeconds(other) !== undefined).toBe(same);
  });

  it('remembers a bounded number of addresses', () => {
    const { waitSeconds, recordFailure } = limiter();
    for (let n = 0; n < 3; n += 1) recordFailure('10.0.0.1');
    for (let n = 0; n < 4; n += 1) recordFailure(`10.0.1.${n}`);
    expect(waitSeconds('10.0.0.1')).toBeUndefined();
  });
});
