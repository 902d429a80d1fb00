/** TUF 5.6.7: the pre-order depth-first search for the role that vouches for a path. */
import { delegationsFor } from './delegation.ts';
import { TufError } from './errors.ts';
import type { Targets } from './model.ts';
import { type FoundTarget, toChainLink } from './trusted-state.ts';
import type { Verified } from './verify-document.ts';
import type { Workflow } from './workflow.ts';

/** Gives the file of a role as verified for one delegator. */
export type LoadRole = (delegator: Verified<Targets>, role: string) => Workflow<Verified<Targets>>;

export interface Search {
  /** Top-level targets. */
  readonly start: Verified<Targets>;
  readonly path: string;
  readonly maxDelegations: number;
  readonly load: LoadRole;
}

interface Visit {
  /** From targets to the delegator. */
  readonly chain: readonly Verified<Targets>[];
  readonly delegator: Verified<Targets>;
  readonly name: string;
}

/**
 * The first role that lists the path, every delegation on the way to it covering the path. A role that cannot
 * be verified ends the search: what comes after it has lower priority and must not answer in its place.
 * @throws TufError LIMIT after too many delegations, or as `load`
 */
export function* searchTarget({
  start,
  path,
  maxDelegations,
  load,
}: Search): Workflow<FoundTarget | undefined> {
  // By role and delegator: a cycle ends, and a role reached by two parents is verified for each.
  const visited = new Set<string>();
  let waiting: Visit[] = [];
  let role = start;
  let chain: readonly Verified<Targets>[] = [start];
  for (;;) {
    const target = role.document.targets.get(path);
    if (target !== undefined) return { target, chain: chain.map(toChainLink) };
    const candidates = delegationsFor(role.document, path);
    // Terminating: after this delegation's subtree, nothing (CVE-2025-2886).
    if (candidates.at(-1)?.terminating === true) waiting = [];
    for (const { name } of candidates.toReversed()) waiting.push({ chain, delegator: role, name });
    const visit = nextVisit(waiting, visited);
    if (visit === undefined) return undefined;
    if (visited.size > maxDelegations) {
      throw new TufError('LIMIT', 'too many delegations on the way to a target', { most: maxDelegations });
    }
    role = yield* load(visit.delegator, visit.name);
    chain = [...visit.chain, role];
  }
}

/** A role under a delegator, as a key of sets and maps. */
export function pairKey(delegator: string, role: string): string {
  return JSON.stringify([delegator, role]);
}

function nextVisit(waiting: Visit[], visited: Set<string>): Visit | undefined {
  for (;;) {
    const visit = waiting.pop();
    if (visit === undefined) return undefined;
    const pair = pairKey(visit.delegator.role, visit.name);
    if (visited.has(pair)) continue;
    visited.add(pair);
    return visit;
  }
}
