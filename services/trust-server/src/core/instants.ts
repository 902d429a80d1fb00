/** Times: milliseconds inside, RFC 3339 in whole seconds outside. */

/** `2026-11-21T09:00:00Z`; fractions are cut off. */
export function printTime(ms: number): string {
  return new Date(Math.floor(ms / 1_000) * 1_000).toISOString().replace('.000Z', 'Z');
}

/** Cuts off the fraction of a second. */
export function toWholeSecond(ms: number): number {
  return Math.floor(ms / 1_000) * 1_000;
}

/** The shortest duration text: `90d`, `36h`, `90s`. */
export function printDuration(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3_600],
    ['m', 60],
  ] as const) {
    if (seconds >= size && seconds % size === 0) return `${seconds / size}${unit}`;
  }
  return `${seconds}s`;
}
