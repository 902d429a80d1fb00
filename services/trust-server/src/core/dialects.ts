/** Which dialects a repository can have, and the codec of each. */
import { notaryDialect } from '@vidimus/notary';
import { type Dialect, type DialectName, tufDialect } from '@vidimus/tuf';
import { TrustError } from '../service.ts';

const codecs: Readonly<Record<DialectName, Dialect>> = { tuf: tufDialect, notary: notaryDialect };

export function codecOf(name: DialectName): Dialect {
  return codecs[name];
}

/** Reads a column. @throws TrustError INTERNAL */
export function parseDialect(name: string): DialectName {
  if (name === 'tuf' || name === 'notary') return name;
  throw new TrustError('INTERNAL', `the database names an unknown dialect ${name}`);
}

/** The dialect whose versions callers are told, and that `If-Match` means: `tuf` where there is one. */
export function mainDialect(dialects: readonly DialectName[]): DialectName {
  return dialects.includes('tuf') ? 'tuf' : 'notary';
}
