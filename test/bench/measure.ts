/** Wall-clock values swing on shared machines; ratios of things measured side by side in one run do not. */

export interface Row {
  readonly what: string;
  readonly value: string;
  /** The figure the design reaches for, in words. */
  readonly reach: string;
  readonly met: boolean | undefined;
}

/** The middle value; the mean of the two middle ones for an even count. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The value below which this share of the values lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** Measures two things in turns, so that both see the same machine; the medians of each. */
export async function interleaved(
  rounds: number,
  ours: () => Promise<number>,
  peers: () => Promise<number>,
): Promise<{ readonly ours: number; readonly peers: number; readonly ratio: number }> {
  const a: number[] = [];
  const b: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    a.push(await ours());
    b.push(await peers());
  }
  return {
    ours: median(a),
    peers: median(b),
    ratio: median(a.map((value, i) => value / (b[i] ?? Number.NaN))),
  };
}

/** Milliseconds an action takes. */
export async function millisecondsOf(action: () => unknown): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

/**
 * Milliseconds of processor time of this process that an action takes, the collector's threads included: what other
 * programs do on the machine does not count.
 */
export function processorMsOf(action: () => unknown): number {
  const before = process.cpuUsage();
  action();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** A row as one aligned line. */
export function formatRow(row: Row): string {
  const mark = row.met === undefined ? '    ' : row.met ? 'ok  ' : 'MISS';
  return `${mark}  ${row.what.padEnd(58)} ${row.value.padStart(24)}   reach ${row.reach}`;
}
