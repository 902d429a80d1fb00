/** The first root and targets of one dialect, and the keys they name. */
import {
  createRepository,
  createTopLevel,
  type DialectName,
  type Draft,
  type EditTerms,
  type RepositoryKeys,
  type Root,
  type Targets,
} from '@vidimus/tuf';
import { assertUsableRoot } from './usable-root.ts';

/** Keys of a new repository in one dialect; `revocations` counts in `tuf` alone. */
export interface DialectKeys {
  readonly dialect: DialectName;
  readonly keys: RepositoryKeys;
}

export interface FirstDocuments {
  readonly root: Draft<Root>;
  /** Targets and what it delegates to, by role. */
  readonly targets: ReadonlyMap<string, Draft<Targets>>;
}

/**
 * The unsigned first documents.
 * @throws TufError EDIT_INVALID; TrustError KEY_INVALID for root keys that this dialect's clients would refuse
 */
export function firstDocuments({ dialect, keys }: DialectKeys, terms: EditTerms): FirstDocuments {
  if (dialect === 'tuf') {
    const { root, targets, revocations } = createRepository(keys, terms);
    return {
      root,
      targets: new Map([
        ['targets', targets],
        ['revocations', revocations],
      ]),
    };
  }
  const { root, targets } = createTopLevel(keys, terms);
  assertUsableRoot(dialect, root, terms.repository, terms.nowMs);
  return { root, targets: new Map([['targets', targets]]) };
}
