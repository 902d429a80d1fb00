/** The next root: other keys or thresholds, or the same ones for longer. */
import type { Draft } from '../dialect.ts';
import type { Key, RoleKeys, Root, TopLevelRole } from '../model.ts';
import { editInvalid } from './edit-error.ts';
import { assertNotShared, keyMap, type RoleKeySet, toRoleKeys } from './role-keys.ts';
import { type EditTerms, stamp } from './terms.ts';

const topLevelRoles: readonly TopLevelRole[] = ['root', 'targets', 'snapshot', 'timestamp'];

/**
 * Root N+1; roles that `changes` does not name keep what they have.
 * It must be signed by the threshold of the previous root and by its own (TUF 1.0.34 section 6.1).
 * @throws TufError EDIT_INVALID (KEY, KEY_SHARED, THRESHOLD, TERMS)
 */
export function nextRoot(
  previous: Root,
  changes: Partial<Readonly<Record<TopLevelRole, RoleKeySet>>>,
  terms: EditTerms,
): Draft<Root> {
  const made = stamp(terms, 'root');
  // Root never jumps: a client at version N looks for N+1 and for nothing else.
  if (made.version !== previous.version + 1) {
    throw editInvalid('VERSION', 'a root follows the one before it', { version: made.version });
  }
  const sets = new Map(topLevelRoles.map((role) => [role, changes[role] ?? current(previous, role)]));
  assertNotShared(sets);
  const roleKeys = (role: TopLevelRole): RoleKeys =>
    toRoleKeys(role, changes[role] ?? current(previous, role));
  return {
    kind: 'root',
    ...made,
    consistentSnapshot: previous.consistentSnapshot,
    keys: keyMap(sets.values()),
    roles: {
      root: roleKeys('root'),
      targets: roleKeys('targets'),
      snapshot: roleKeys('snapshot'),
      timestamp: roleKeys('timestamp'),
    },
    fields: previous.fields,
  };
}

function current(root: Root, role: TopLevelRole): RoleKeySet {
  const { keyIds, threshold } = root.roles[role];
  const keys = keyIds.map((keyId): Key => {
    const key = root.keys.get(keyId);
    if (key === undefined) throw editInvalid('KEY', `root lists no key ${keyId}`, { role, keyId });
    return key;
  });
  return { keys, threshold };
}
