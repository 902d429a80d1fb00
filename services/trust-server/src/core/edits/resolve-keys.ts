/** The keys that key entries stand for, in one dialect: a client's as given, the service's own made anew. */
import type { DialectName, Key } from '@vidimus/tuf';
import type { KeyEntry } from '../../schemas/index.ts';
import { TrustError } from '../../service.ts';
import { toClientKey } from '../changes/creation-request.ts';
import type { ManagedKey, ManagedKeys } from '../keys/managed-keys.ts';
import type { RepositoryRow } from '../store/repositories.ts';

export interface ResolvedKeys {
  readonly keys: readonly Key[];
  /** Those of `keys` that are new and the service's; the plan stores them. */
  readonly made: readonly ManagedKey[];
}

/**
 * A client entry counts in the dialect that it is written for, a managed one in each.
 * @throws TrustError KEY_INVALID; SIGNER_UNAVAILABLE for a managed root without its master key
 */
export async function resolveKeys(
  keys: ManagedKeys,
  { repository, dialects }: Pick<RepositoryRow, 'repository' | 'dialects'>,
  dialect: DialectName,
  role: string,
  entries: readonly KeyEntry[],
): Promise<ResolvedKeys> {
  const given: Key[] = [];
  const made: ManagedKey[] = [];
  for (const entry of entries) {
    if (entry.custody === 'client') {
      const client = toClientKey(role, entry, dialects);
      if (client.dialect === dialect) given.push(client.key);
      continue;
    }
    if (!keys.isAvailable(role)) {
      const which =
        role === 'root' ? 'managed roots need the root master key' : 'managed keys need the master key';
      throw new TrustError('SIGNER_UNAVAILABLE', `${which}, which is not here`, { role });
    }
    made.push(await keys.make(repository, dialect, role));
  }
  return { keys: [...given, ...made.map(({ key }) => key)], made };
}
