/** Who may sign below targets, as the documents that delegate say it: also where nothing is published yet. */
import { canonicalKeyId } from '@vidimus/notary';
import type { Delegations, DialectName, Key, Listing, RoleKeys, Root, TrustedState } from '@vidimus/tuf';
import { TufError } from '@vidimus/tuf';
import type { TopLevel } from './trust-facts.ts';

/** A role as its delegator names it. */
export interface DelegatedRole extends RoleKeys {
  readonly role: string;
  readonly delegator: string;
  /** Patterns in `tuf`, beginnings of paths in `notary`; absent for delegations by hash. */
  readonly paths?: readonly string[];
  /** In `notary`: ids of the bare public keys, as `docker trust inspect` shows them, in the order of `keyIds`. */
  readonly canonicalKeyIds?: readonly string[];
}

/** Every delegation by name, breadth first; bins, which are made by number, are left out. */
export function delegatedRoles(state: TrustedState, { roles }: Listing): readonly DelegatedRole[] {
  const dialect = state.dialect.name;
  const below = roles.flatMap(({ role, result }) =>
    result instanceof TufError ? [] : namedBy(role, result.document.delegations, dialect),
  );
  const all = [...namedBy('targets', state.targets.document.delegations, dialect), ...below];
  return [...new Map(all.map((each) => [`${each.delegator} ${each.role}`, each])).values()];
}

/** In `notary` the bare ids of the keys of each top-level role; undefined elsewhere, where key ids are of bare keys. */
export function canonicalIdsOf(
  { keys, roles }: Root,
  dialect: DialectName,
): Readonly<Record<TopLevel, readonly string[]>> | undefined {
  if (dialect !== 'notary') return undefined;
  const of = ({ keyIds }: RoleKeys): readonly string[] => canonicalIds(keyIds, keys);
  return {
    root: of(roles.root),
    targets: of(roles.targets),
    snapshot: of(roles.snapshot),
    timestamp: of(roles.timestamp),
  };
}

function namedBy(
  delegator: string,
  delegations: Delegations | undefined,
  dialect: DialectName,
): readonly DelegatedRole[] {
  if (delegations === undefined) return [];
  return delegations.roles.map(({ name, keyIds, threshold, paths, pathPrefixes }) => {
    const patterns = dialect === 'notary' ? pathPrefixes : paths;
    return {
      role: name,
      delegator,
      keyIds,
      threshold,
      ...(patterns === undefined ? {} : { paths: patterns }),
      ...(dialect === 'notary' ? { canonicalKeyIds: canonicalIds(keyIds, delegations.keys) } : {}),
    };
  });
}

/** A key that nobody can use keeps the id that it is listed by. */
function canonicalIds(keyIds: readonly string[], keys: ReadonlyMap<string, Key>): readonly string[] {
  return keyIds.map((keyId) => {
    const key = keys.get(keyId);
    return (key === undefined ? undefined : canonicalKeyId(key)) ?? keyId;
  });
}
