/** Tags as the OCI distribution specification spells them. Any word is one, `constructor` included. */

const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/** Whether the text is a tag: 1 to 128 of `A-Z a-z 0-9 _ . -`, not beginning with `.` or `-`. */
export function isTag(text: string): boolean {
  return TAG.test(text);
}
