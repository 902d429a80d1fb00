/** Paths of delegations: which they cover, and in both formats: the prefix `1.` here is the glob `1.*` there, `''` is `*`. */

/**
 * Tells whether a path begins with one of the prefixes. Made once for many paths: anybody may delegate a million
 * prefixes and list a million targets, so that asking each of each would take hours.
 */
export function compilePrefixes(prefixes: readonly string[]): (path: string) => boolean {
  const needed: string[] = [];
  for (const prefix of [...prefixes].sort()) {
    const before = needed.at(-1);
    // Behind a prefix, what begins with it says nothing more.
    if (before === undefined || !prefix.startsWith(before)) needed.push(prefix);
  }
  // None begins with another one: only the last that does not come after the path can be its beginning.
  return (path) => {
    let from = 0;
    let to = needed.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((needed[middle] ?? '') <= path) from = middle + 1;
      else to = middle;
    }
    const last = needed[from - 1];
    return last !== undefined && path.startsWith(last);
  };
}

/** The prefix that means the same as a glob; undefined: this dialect cannot say it. */
export function toPathPrefix(glob: string): string | undefined {
  const prefix = glob.slice(0, -1);
  // A star of `tuf` stops at a slash, a prefix does not; tags hold none.
  return glob.endsWith('*') && !/[*?/]/.test(prefix) ? prefix : undefined;
}

/** The glob of a prefix; undefined for a prefix with characters that a glob reads otherwise. */
export function toPathGlob(prefix: string): string | undefined {
  return /[^A-Za-z0-9._:-]/.test(prefix) ? undefined : `${prefix}*`;
}
