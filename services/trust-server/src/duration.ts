/** Durations as the API writes them: a whole number and a unit. */
const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of a duration such as `90d`; the text has passed `durationSchema`. @throws RangeError */
export function durationToMs(text: string): number {
  const [, count, unit] = /^([0-9]{1,9})([smhd])$/.exec(text) ?? [];
  const factor = unitMs[unit ?? ''];
  if (count === undefined || factor === undefined) throw new RangeError('not a duration');
  return Number(count) * factor;
}
