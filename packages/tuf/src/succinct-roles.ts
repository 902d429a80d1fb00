/** Names of the bins of TAP 15, as a stranger may ask for them. */
import type { SuccinctRoles } from './model.ts';

/** Tells whether a name is one of the bins: exact width, lower-case hex, below the number of bins (attack T35). */
export function isBinOf({ namePrefix, bitLength }: SuccinctRoles, name: string): boolean {
  const bins = 2 ** bitLength;
  const suffix = name.slice(namePrefix.length + 1);
  return (
    name.startsWith(`${namePrefix}-`) &&
    suffix.length === (bins - 1).toString(16).length &&
    /^[0-9a-f]+$/.test(suffix) &&
    Number.parseInt(suffix, 16) < bins
  );
}
