/** The body of `PATCH …/_trust`: which dialects a repository shall have, and who holds root in a new one. */
import { encodeCanonical, type JsonObject } from '@vidimus/canonical-json';
import { sha256Hex } from '@vidimus/crypto';
import type { DialectName } from '@vidimus/tuf';
import type { AddDialects } from '../../schemas/index.ts';
import { TrustError } from '../../service.ts';

/**
 * The dialect that is asked for and not there; undefined when all are.
 * @throws TrustError BODY_INVALID for a list that would take one away
 */
export function missingDialect(
  present: readonly DialectName[],
  { dialects }: AddDialects,
): DialectName | undefined {
  if (new Set(dialects).size !== dialects.length) {
    throw new TrustError('BODY_INVALID', 'dialects: the same one twice');
  }
  const lost = present.filter((dialect) => !dialects.includes(dialect));
  if (lost.length > 0) {
    throw new TrustError(
      'BODY_INVALID',
      `dialects: ${lost.join(', ')} is not listed; a dialect is never taken away, its clients would lose the repository`,
      { present: [...present] },
    );
  }
  return dialects.find((dialect) => !present.includes(dialect));
}

/** The same request, however it was written, has the same one; hex. */
export function fingerprintOf({ dialects, roles }: AddDialects): string {
  const keys = (roles?.root?.keys ?? []).map((entry): JsonObject => {
    if (entry.custody === 'managed') return { custody: entry.custody };
    return { custody: entry.custody, dialect: entry.dialect ?? 'tuf', key: entry.key };
  });
  const printed = keys.map((entry) => sha256Hex(encodeCanonical(entry))).sort();
  return sha256Hex(encodeCanonical({ dialects: [...dialects].sort(), keys: printed }));
}
