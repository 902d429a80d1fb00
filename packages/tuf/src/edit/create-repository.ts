/** The first documents of a repository: root, targets with its delegation `revocations`, and that role, empty. */
import type { Draft } from '../dialect.ts';
import type { Root, Targets, TopLevelRole } from '../model.ts';
import { emptyTargets, REVOCATIONS_ROLE } from './next-targets.ts';
import { assertNotShared, keyMap, type RoleKeySet, toRoleKeys } from './role-keys.ts';
import { type EditTerms, stamp } from './terms.ts';

/** Keys and thresholds of the four top-level roles and of `revocations`. */
export type RepositoryKeys = Readonly<Record<TopLevelRole | 'revocations', RoleKeySet>>;

export interface NewRepository extends NewTopLevel {
  readonly revocations: Draft<Targets>;
}

export interface NewTopLevel {
  readonly root: Draft<Root>;
  readonly targets: Draft<Targets>;
}

/** Digests are delegated by this pattern; no tag holds a colon, so no tag is ever looked up there. */
const REVOCATION_PATHS = ['sha256:*'];

/**
 * The unsigned first documents. Snapshot and timestamp follow by `nextSnapshot` and `nextTimestamp`
 * once these are sealed. `terms.highest` holds the versions of earlier incarnations.
 * @throws TufError EDIT_INVALID (KEY, KEY_SHARED, THRESHOLD, TERMS)
 */
export function createRepository(keys: RepositoryKeys, terms: EditTerms): NewRepository {
  assertNotShared(new Map(Object.entries(keys)));
  const revocations = toRoleKeys(REVOCATIONS_ROLE, keys.revocations);
  const { root, targets } = createTopLevel(keys, terms);
  return {
    root,
    targets: {
      ...targets,
      delegations: {
        keys: keyMap([keys.revocations]),
        roles: [{ ...revocations, name: REVOCATIONS_ROLE, terminating: true, paths: REVOCATION_PATHS }],
      },
    },
    revocations: emptyTargets(REVOCATIONS_ROLE, terms),
  };
}

/**
 * The unsigned first root and targets alone, for a dialect whose clients know no `revocations`.
 * @throws TufError EDIT_INVALID (KEY, KEY_SHARED, THRESHOLD, TERMS)
 */
export function createTopLevel(
  keys: Readonly<Record<TopLevelRole, RoleKeySet>>,
  terms: EditTerms,
): NewTopLevel {
  const { root, targets, snapshot, timestamp } = keys;
  assertNotShared(new Map(Object.entries({ root, targets, snapshot, timestamp })));
  return { root: firstRoot(keys, terms), targets: emptyTargets('targets', terms) };
}

function firstRoot(keys: Readonly<Record<TopLevelRole, RoleKeySet>>, terms: EditTerms): Draft<Root> {
  const { root, targets, snapshot, timestamp } = keys;
  return {
    kind: 'root',
    ...stamp(terms, 'root'),
    consistentSnapshot: true,
    keys: keyMap([root, targets, snapshot, timestamp]),
    roles: {
      root: toRoleKeys('root', root),
      targets: toRoleKeys('targets', targets),
      snapshot: toRoleKeys('snapshot', snapshot),
      timestamp: toRoleKeys('timestamp', timestamp),
    },
  };
}
