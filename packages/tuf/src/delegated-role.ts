/** A delegated role's file, verified for the delegator through which it was reached (TUF 5.6.7). */
import { delegationOf } from './delegation.ts';
import { TufError } from './errors.ts';
import { obtainListed } from './listed-file.ts';
import type { Targets } from './model.ts';
import type { TrustedState } from './trusted-state.ts';
import { maxBytesOf, type Verified, verifyRole } from './verify-document.ts';
import type { Workflow } from './workflow.ts';

/**
 * The file of a role that `delegator` delegates to. A verdict reached under another delegator is worth nothing
 * here: its keys and threshold may differ (attack T17), so nothing but bytes is ever remembered.
 * @throws TufError ROLE_UNKNOWN when the delegator does not name the role, or snapshot does not list it;
 *   else as `obtainListed`
 */
export function* loadDelegated(
  state: TrustedState,
  delegator: Verified<Targets>,
  role: string,
): Workflow<Verified<Targets>> {
  const roleKeys = delegationOf(delegator.document, role);
  const keys = delegator.document.delegations?.keys;
  if (roleKeys === undefined || keys === undefined) {
    throw new TufError('ROLE_UNKNOWN', `role ${delegator.role} does not delegate to ${role}`, {
      role,
      delegator: delegator.role,
    });
  }
  const meta = state.snapshot.document.meta.get(role);
  // Without asking the server: a role outside snapshot has no protection from rollback.
  if (meta === undefined) throw new TufError('ROLE_UNKNOWN', `role ${role} is not in snapshot`, { role });
  return yield* obtainListed({
    role,
    meta,
    maxBytes: maxBytesOf('targets', state.limits),
    consistentSnapshot: state.root.document.consistentSnapshot,
    now: state.now,
    verify: (bytes) => verifyRole(state, 'targets', role, bytes, { keys, roleKeys }),
  });
}

/**
 * A role by name, if top-level targets delegates to it: for `revocations`, which is never found by target search.
 * Three answers: the verified role; undefined, targets names no such role; an error, nobody can say.
 * @throws TufError ROLE_UNKNOWN (not in snapshot), or as `obtainListed`
 */
export function* lookUpRole(state: TrustedState, role: string): Workflow<Verified<Targets> | undefined> {
  if (delegationOf(state.targets.document, role) === undefined) return undefined;
  return yield* loadDelegated(state, state.targets, role);
}
