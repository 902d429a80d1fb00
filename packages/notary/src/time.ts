/** Dates of this format: RFC 3339 with any offset, to the nanosecond as Go writes them. */

const rfc3339 = /^(\d{4}-\d\d-\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))$/;
const MIN_MS = Date.parse('0000-01-01T00:00:00.000Z');
const MAX_MS = Date.parse('9999-12-31T23:59:59.999Z');

/**
 * Milliseconds since 1970, rounded down; undefined for what is no such date. Days and hours that do not exist are
 * refused, because some readers carry them over (attack T37).
 */
export function parseNotaryTime(text: string): number | undefined {
  const match = rfc3339.exec(text);
  if (match === null) return undefined;
  const [, day, hours, minutes, seconds, fraction = '', sign, offsetHours = '00', offsetMinutes = '00'] =
    match;
  const iso = `${day}T${hours}:${minutes}:${seconds}.000Z`;
  const ms = Date.parse(iso);
  if (Number.isNaN(ms) || new Date(ms).toISOString() !== iso) return undefined;
  if (Number(offsetHours) > 23 || Number(offsetMinutes) > 59) return undefined;
  const offset = (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60_000 * (sign === '-' ? -1 : 1);
  const time = ms + Number(fraction.padEnd(3, '0').slice(0, 3)) - offset;
  // An offset can lead out of the years of four digits, where nobody could write the date again.
  return time >= MIN_MS && time <= MAX_MS ? time : undefined;
}

/** A date as Go writes it: UTC, zeros at the end of the fraction left out. @param ms of the years 0 to 9999 */
export function formatNotaryTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.?0*Z$/, 'Z');
}
