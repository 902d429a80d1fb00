/** A failure as a person reads it: what failed, then what to do. */
import { printable } from '@vidimus/reference';

export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

const maxColumns = 120;

/** `ERROR  what failed  CODE` and the way out; what does not fit beside its code stands below it. */
export function failureLines({ code, message, hint }: Failure): readonly string[] {
  const said = printable(message);
  const beside = `ERROR  ${said}  ${code}`;
  const first = beside.length <= maxColumns ? [beside] : [`ERROR  ${code}`, `  why       ${said}`];
  return hint === undefined ? first : [...first, `  fix       ${printable(hint)}`];
}

/** The one object that `--json` prints. */
export function failureJson({ code, message, hint }: Failure): unknown {
  return { error: { code, message, ...(hint === undefined ? {} : { hint }) } };
}
