/** Which dialects a repository can have, and the codec of each. */
import { type Dialect, type DialectName, tufDialect } from '@vidimus/tuf';
import { TrustError } from '../service.ts';

const codecs: ReadonlyMap<DialectName, Dialect> = new Map([['tuf', tufDialect]]);

/** @throws TrustError INTERNAL for a dialect that this program cannot write */
export function codecOf(name: DialectName): Dialect {
  const codec = codecs.get(name);
  if (codec !== undefined) return codec;
  throw new TrustError('INTERNAL', `no codec for the dialect ${name}`);
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
