/** Everything a repository vouches for, as look-ups would answer it: for inspection, audit and self-checks. */
import { loadDelegated } from './delegated-role.ts';
import { TufError } from './errors.ts';
import type { Targets } from './model.ts';
import { isBinOf } from './succinct-roles.ts';
import { pairKey } from './target-search.ts';
import type { FoundTarget, TrustedState } from './trusted-state.ts';
import type { Verified } from './verify-document.ts';
import type { Workflow } from './workflow.ts';

/** A delegated role as verified for one delegator, or why it cannot be. */
export interface VisitedRole {
  readonly role: string;
  readonly delegator: string;
  readonly result: Verified<Targets> | TufError;
}

export interface Listing {
  /** In the order of a walk through the roles, each path once, as `lookUp` answers. */
  readonly targets: readonly FoundTarget[];
  /** Paths that are listed somewhere but whose look-up fails. */
  readonly refused: readonly { readonly path: string; readonly error: TufError }[];
  /**
   * Every delegation, breadth first; a role with two delegators appears twice. Where files go by hash, a role of
   * which nothing was published yet is left out: there that is no fault.
   */
  readonly roles: readonly VisitedRole[];
}

/**
 * Walks all delegations and looks up every path that any role lists. A path outside its role's delegations is
 * in neither list: nobody vouches for it.
 * @throws TufError LIMIT for more delegations than the limits allow
 */
export function* listTargets(state: TrustedState): Workflow<Listing> {
  const roles = yield* visitAll(state);
  const byPair = new Map(roles.map((visited) => [pairKey(visited.delegator, visited.role), visited]));
  const targets: FoundTarget[] = [];
  const refused: { path: string; error: TufError }[] = [];
  for (const path of pathsOf(state, roles)) {
    const load = function* (delegator: Verified<Targets>, role: string): Workflow<Verified<Targets>> {
      const visited = byPair.get(pairKey(delegator.role, role));
      if (visited === undefined) return yield* loadDelegated(state, delegator, role);
      if (visited.result instanceof TufError) throw visited.result;
      return visited.result;
    };
    const found = yield* attempt(
      state.dialect.search({ start: state.targets, path, maxDelegations: state.limits.delegations, load }),
    );
    if (found instanceof TufError) refused.push({ path, error: found });
    else if (found !== undefined) targets.push(found);
  }
  return { targets, refused, roles };
}

function* visitAll(state: TrustedState): Workflow<readonly VisitedRole[]> {
  const visited: VisitedRole[] = [];
  const seen = new Set<string>();
  const delegators: Verified<Targets>[] = [state.targets];
  for (const delegator of delegators) {
    for (const role of delegatedNames(state, delegator.document)) {
      const pair = pairKey(delegator.role, role);
      if (seen.has(pair)) continue;
      seen.add(pair);
      if (seen.size > state.limits.listedDelegations) {
        throw new TufError('LIMIT', 'too many delegations to list', { most: state.limits.listedDelegations });
      }
      const result = yield* attempt(loadDelegated(state, delegator, role));
      if (isUnpublished(state, role, result)) continue;
      visited.push({ role, delegator: delegator.role, result });
      if (!(result instanceof TufError)) delegators.push(result);
    }
  }
  return visited;
}

function isUnpublished(state: TrustedState, role: string, result: VisitedRole['result']): boolean {
  return (
    state.dialect.filesBy === 'hash' &&
    result instanceof TufError &&
    result.code === 'ROLE_UNKNOWN' &&
    !state.snapshot.document.meta.has(role)
  );
}

/** Names of the delegated roles; of up to 2^32 bins those that snapshot lists, no other can be read. */
function delegatedNames(state: TrustedState, document: Targets): readonly string[] {
  const { delegations } = document;
  if (delegations?.succinct === undefined) return delegations?.roles.map((role) => role.name) ?? [];
  const { succinct } = delegations;
  return [...state.snapshot.document.meta.keys()].filter((name) => isBinOf(succinct, name));
}

function pathsOf(state: TrustedState, roles: readonly VisitedRole[]): ReadonlySet<string> {
  const paths = new Set(state.targets.document.targets.keys());
  for (const { result } of roles) {
    if (result instanceof TufError) continue;
    for (const path of result.document.targets.keys()) paths.add(path);
  }
  return paths;
}

/** One role that cannot be verified must not hide the others from whoever looks for what is wrong. */
function* attempt<T>(workflow: Workflow<T>): Workflow<T | TufError> {
  try {
    return yield* workflow;
  } catch (error) {
    if (error instanceof TufError) return error;
    throw error;
  }
}
