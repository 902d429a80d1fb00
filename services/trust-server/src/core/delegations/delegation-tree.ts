/** Who delegates to whom: a role is delegated by the one whose name it begins with (`qa/nightly` by `qa`, `qa` by targets). */
import { BINS_ROLE, type Delegation, REVOCATIONS_ROLE, type Targets } from '@vidimus/tuf';
import { TAG_ROLE } from '../store/tags.ts';

/** The documents that delegate, as one dialect has them. */
export interface Delegating {
  readonly targets: Targets;
  /** Delegated roles whose file their present keys signed, by role. */
  readonly delegated?: ReadonlyMap<string, Targets>;
}

/** The role that delegates to this one. */
export function parentOf(role: string): string {
  const slash = role.lastIndexOf('/');
  return slash < 0 ? TAG_ROLE : role.slice(0, slash);
}

/** Role names from targets down to this one. */
export function lineTo(role: string): readonly string[] {
  const segments = role.split('/');
  return [TAG_ROLE, ...segments.map((_, index) => segments.slice(0, index + 1).join('/'))];
}

/** The document of a role that may delegate. */
export function documentOf({ targets, delegated }: Delegating, role: string): Targets | undefined {
  return role === TAG_ROLE ? targets : delegated?.get(role);
}

/** What the delegator of a role says about it; undefined when it does not delegate to it. */
export function delegationTo(documents: Delegating, role: string): Delegation | undefined {
  const { delegations } = documentOf(documents, parentOf(role)) ?? {};
  return delegations?.roles.find(({ name }) => name === role);
}

/** A delegation with the role that makes it. */
export interface PlacedDelegation {
  readonly delegator: string;
  readonly delegation: Delegation;
}

/** Every delegation in the order in which look-ups meet them; `revocations` first, `bins` last. */
export function allDelegations(documents: Delegating): readonly PlacedDelegation[] {
  const placed: PlacedDelegation[] = [];
  const add = (delegator: string): void => {
    for (const delegation of documentOf(documents, delegator)?.delegations?.roles ?? []) {
      placed.push({ delegator, delegation });
      // Who delegates to a role that is not its child, leads nowhere: names cannot form a circle.
      if (parentOf(delegation.name) === delegator) add(delegation.name);
    }
  };
  add(TAG_ROLE);
  return placed;
}

/** Roles of other people: neither `revocations` nor a matter of layout. */
export function isSignersRole(role: string): boolean {
  return role !== TAG_ROLE && role !== REVOCATIONS_ROLE && role !== BINS_ROLE && !isBinName(role);
}

/** The names that bins have, at any size of a repository. */
export function isBinName(role: string): boolean {
  return /^b[0-9]+-/.test(role);
}
