/** The keys of a dialect that is added: root as it was asked for, everything below root managed. */
import type { DialectName, RepositoryKeys } from '@vidimus/tuf';
import { TrustError } from '../../service.ts';
import { clientKeysIn, type RoleRequest } from '../changes/creation-request.ts';
import type { ManagedKey, ManagedKeys } from '../keys/managed-keys.ts';

export interface NewKeys {
  readonly keys: RepositoryKeys;
  readonly made: readonly ManagedKey[];
}

/**
 * Makes keys of the service's own; they exist once they are stored.
 * @throws TrustError SIGNER_UNAVAILABLE for a managed root without its master key
 */
export async function makeNewKeys(
  keys: ManagedKeys,
  repository: string,
  dialect: DialectName,
  root: RepositoryKeys['root'] | RoleRequest,
): Promise<NewKeys> {
  const made: ManagedKey[] = [];
  const make = async (role: string) => {
    const key = await keys.make(repository, dialect, role);
    made.push(key);
    return key.key;
  };
  const one = async (role: string) => ({ keys: [await make(role)], threshold: 1 });
  return {
    keys: {
      root: 'managedKeys' in root ? await toRootKeys(keys, dialect, root, make) : root,
      targets: await one('targets'),
      snapshot: await one('snapshot'),
      timestamp: await one('timestamp'),
      revocations: dialect === 'tuf' ? await one('revocations') : { keys: [], threshold: 1 },
    },
    made,
  };
}

async function toRootKeys(
  keys: ManagedKeys,
  dialect: DialectName,
  request: RoleRequest,
  make: (role: string) => Promise<RepositoryKeys['root']['keys'][number]>,
): Promise<RepositoryKeys['root']> {
  if (request.managedKeys > 0 && !keys.isAvailable('root')) {
    throw new TrustError('SIGNER_UNAVAILABLE', 'managed roots need the root master key, which is not here', {
      role: 'root',
    });
  }
  const all = [...clientKeysIn(request, dialect)];
  for (let count = 0; count < request.managedKeys; count += 1) all.push(await make('root'));
  return { keys: all, threshold: request.threshold };
}
