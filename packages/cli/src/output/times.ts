/** Times as people read them: UTC, with the distance in words. */

const units: readonly (readonly [string, number])[] = [
  ['year', 365 * 86_400_000],
  ['month', 30 * 86_400_000],
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
];

/** `2026-11-22 08:11` in UTC, from milliseconds since 1970. */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
}

/** `2026-11-22` in UTC. */
export function formatDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** `23 hours`, `2 days`, `10 months`: the largest unit of which there are at least two, or one. */
export function formatDistance(ms: number): string {
  const distance = Math.abs(ms);
  const [name, size] =
    units.find(([unit, length]) => distance >= (unit === 'day' || unit === 'second' ? 1 : 2) * length) ??
    (['second', 1000] as const);
  const count = Math.floor(distance / size);
  return `${count} ${name}${count === 1 ? '' : 's'}`;
}

/** `2026-11-22 08:11 (23 hours)`; a time that has passed reads `... (2 days ago)`. */
export function formatTimeAndDistance(ms: number, now: number): string {
  return `${formatTime(ms)} (${formatDistance(ms - now)}${ms < now ? ' ago' : ''})`;
}

/** A sentence of ours with its RFC 3339 times as people read them. */
export function withDistances(text: string, now: number): string {
  return text.replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, (time) =>
    formatTimeAndDistance(Date.parse(time), now),
  );
}
