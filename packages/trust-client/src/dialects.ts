/** The formats that a client reads: a repository is of the one that its configuration or its anchor names. */
import { notaryDialect } from '@vidimus/notary';
import { type Dialect, type DialectName, tufDialect } from '@vidimus/tuf';

const dialects: Readonly<Record<DialectName, Dialect>> = { tuf: tufDialect, notary: notaryDialect };

export function dialectOf(name: DialectName): Dialect {
  return dialects[name];
}
