/** Dates of the `tuf` dialect: exactly `YYYY-MM-DDTHH:MM:SSZ` (TUF 4.2.1). */
import { TufError } from '../errors.ts';

/**
 * Milliseconds since 1970 of a date; undefined for every text that `formatTime` would not write. Attack T37: "never",
 * a fraction, an offset or 30 February parse in some clients to a time that no comparison finds to be past.
 */
export function parseTime(text: string): number | undefined {
  const ms = Date.parse(text);
  return isFormattable(ms) && formatTime(ms) === text ? ms : undefined;
}

/**
 * The date of a whole second.
 * @throws TufError MALFORMED for a fraction of a second or a year beyond 9999
 */
export function formatTime(ms: number): string {
  if (!isFormattable(ms))
    throw new TufError('MALFORMED', 'not a whole second of the years 0 to 9999', { ms });
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}

function isFormattable(ms: number): boolean {
  return (
    ms % 1000 === 0 && ms >= Date.parse('0000-01-01T00:00:00Z') && ms <= Date.UTC(9999, 11, 31, 23, 59, 59)
  );
}
