/** What takes the place of a revoked key, as callers write it. */
import type { Queries } from '@vidimus/database';
import { TufError } from '@vidimus/tuf';
import type { KeyEntry } from '../../schemas/index.ts';
import { TrustError } from '../../service.ts';
import { codecOf } from '../dialects.ts';
import { materialOf } from '../keys-index/key-ids.ts';
import { readRevokedKeys } from '../keys-index/key-rows.ts';
import type { Examined } from './examine.ts';
import type { Replacement } from './foretell.ts';

/** @throws TrustError KEY_INVALID */
export function toReplacement(entry: KeyEntry | undefined): Replacement | undefined {
  if (entry === undefined) return undefined;
  if (entry.custody === 'managed') return { custody: 'managed' };
  const { dialect = 'tuf', key: declared } = entry;
  try {
    const key = codecOf(dialect).toKey(declared);
    if (key.usable !== undefined) return { custody: 'client', dialect, key };
  } catch (cause) {
    if (!(cause instanceof TufError)) throw cause;
    throw new TrustError('KEY_INVALID', 'the replacement is not a key object', { dialect }, { cause });
  }
  throw new TrustError('KEY_INVALID', 'the replacement is of an unknown kind, malformed or weak', {
    dialect,
  });
}

/** @throws TrustError KEY_INVALID */
export async function assertReplacement(
  queries: Queries,
  { material, trees, row }: Pick<Examined, 'material' | 'trees' | 'row'>,
  replacement: Replacement | undefined,
): Promise<void> {
  if (replacement?.custody !== 'client') return;
  const { key } = replacement;
  const own = materialOf(key);
  const refuse = (why: string): TrustError =>
    new TrustError('KEY_INVALID', `the replacement ${key.keyId} ${why}`, { keyId: key.keyId });
  if (own === material) throw refuse('is the key that is revoked');
  if ((await readRevokedKeys(queries, [own], row.repository)).has(own)) throw refuse('was revoked itself');
  for (const { root, targets } of trees) {
    const listed = [
      root.document.keys,
      ...[...targets.values()].map(({ document }) => document.delegations?.keys),
    ];
    const isListed = listed.some((keys) =>
      [...(keys?.values() ?? [])].some((each) => materialOf(each) === own),
    );
    if (isListed) throw refuse('is listed by a role already');
  }
}
