/** Slows down who tries tokens: a bucket of failures per address, with bounded memory. */

export interface FailureLimiter {
  /** Seconds to wait before this address may try again; undefined when it may now. */
  waitSeconds(address: string): number | undefined;
  recordFailure(address: string): void;
}

export interface FailureLimits {
  /** Failures before the address has to wait. */
  readonly burst: number;
  /** One failure is forgiven each time this passes. */
  readonly forgiveMs: number;
  /** Addresses remembered; the one that failed longest ago is forgotten first. */
  readonly maxAddresses: number;
}

interface Bucket {
  readonly failures: number;
  readonly at: number;
}

/** @param now - milliseconds since 1970 */
export function createFailureLimiter(limits: FailureLimits, now: () => number): FailureLimiter {
  const buckets = new Map<string, Bucket>();
  const failuresOf = (key: string): number => {
    const bucket = buckets.get(key);
    if (bucket === undefined) return 0;
    return Math.max(0, bucket.failures - (now() - bucket.at) / limits.forgiveMs);
  };
  return {
    waitSeconds(address) {
      const over = failuresOf(toNetwork(address)) - limits.burst + 1;
      return over <= 0 ? undefined : Math.max(1, Math.ceil((over * limits.forgiveMs) / 1_000));
    },
    recordFailure(address) {
      const key = toNetwork(address);
      const failures = Math.min(failuresOf(key) + 1, limits.burst + 1);
      buckets.delete(key);
      buckets.set(key, { failures, at: now() });
      const oldest = buckets.size > limits.maxAddresses ? buckets.keys().next().value : undefined;
      if (oldest !== undefined) buckets.delete(oldest);
    },
  };
}

/** One subscriber has a whole IPv6 /64 to choose from: that is one address here. */
function toNetwork(address: string): string {
  if (!address.includes(':') || address.startsWith('::ffff:')) return address;
  const [head = '', tail] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  return [...left, ...Array.from({ length: zeros }, () => '0'), ...right].slice(0, 4).join(':');
}
