/** Whether one path pattern covers every path of another: a delegation wider than its delegator's hands over nothing. */

/**
 * Tells whether every path that `narrow` matches is matched by `wide`. Closed: false also for the few patterns that
 * cover one another without showing it letter by letter (`?*` and `*?`). Patterns are those of `assertPattern`.
 */
export function coversPattern(wide: string, narrow: string): boolean {
  const wideSegments = wide.split('/');
  const narrowSegments = narrow.split('/');
  return (
    wideSegments.length === narrowSegments.length &&
    wideSegments.every((glob, index) => coversSegment(glob, narrowSegments[index] ?? ''))
  );
}

/**
 * The glob match over patterns: a star of `wide` takes any letters, stars among them; a question mark takes one
 * letter, or a question mark; nothing else takes a wildcard. Time is linear in the product of the lengths.
 */
function coversSegment(wide: string, narrow: string): boolean {
  let reached = new Set([0]);
  for (let at = 0; at <= narrow.length; at += 1) {
    reached = skipStars(wide, reached);
    if (at === narrow.length) return reached.has(wide.length);
    const letter = narrow[at] ?? '';
    const next = new Set<number>();
    for (const place of reached) {
      const glob = wide[place];
      if (glob === '*') next.add(place);
      else if (glob === letter || (glob === '?' && letter !== '*')) next.add(place + 1);
    }
    reached = next;
  }
  return false;
}

/** A star may take nothing. */
function skipStars(wide: string, reached: ReadonlySet<number>): Set<number> {
  const places = new Set(reached);
  for (const place of places) if (wide[place] === '*') places.add(place + 1);
  return places;
}
