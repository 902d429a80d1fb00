/** Durations as the API writes them: whole seconds, minutes, hours or days. */
import { TrustClientError } from '../errors.ts';

const UNIT_MS = new Map([
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

/** Milliseconds of `90d`. @throws TrustClientError OPTIONS_INVALID */
export function durationToMs(duration: string): number {
  const unit = /^[0-9]{1,9}[smhd]$/.test(duration) ? UNIT_MS.get(duration.slice(-1)) : undefined;
  if (unit === undefined)
    throw new TrustClientError('OPTIONS_INVALID', 'a lifetime is a duration such as 90d');
  return Number(duration.slice(0, -1)) * unit;
}
