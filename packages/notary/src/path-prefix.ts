/** Paths of delegations in both formats: the prefix `1.` here is the glob `1.*` there, `''` is `*`. */

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
