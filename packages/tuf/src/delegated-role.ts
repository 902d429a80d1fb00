/** A delegated role's file, verified for the delegator through which it was reached (TUF 5.6.7). */
import { loadCached } from './cached-file.ts';
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
  const verify = (bytes: Uint8Array): Verified<Targets> =>
    verifyRole(state, 'targets', role, bytes, { keys, roleKeys });
  if (meta === undefined) {
    yield* assertNeverSeen(state, role, verify);
    // Without asking the server: a role outside snapshot has no protection from rollback.
    throw new TufError('ROLE_UNKNOWN', `role ${role} is not in snapshot`, { role });
  }
  return yield* obtainListed({
    role,
    meta,
    filesBy: state.dialect.filesBy,
    maxBytes: maxBytesOf('targets', state.limits),
    consistentSnapshot: state.root.document.consistentSnapshot,
    now: state.now,
    verify,
  });
}

/**
 * Where an entry may leave snapshot (files by hash: 5.5.5 does not hold), whoever holds its key could hide a role
 * that would have answered first. A role that this client has seen, and that is still delegated to the same keys,
 * does not disappear.
 */
function* assertNeverSeen(
  state: TrustedState,
  role: string,
  verify: (bytes: Uint8Array) => Verified<Targets>,
): Workflow<void> {
  if (state.dialect.filesBy !== 'hash') return;
  const cached = yield* loadCached(role, verify);
  if (cached === undefined) return;
  const { version } = cached.document;
  throw new TufError('ROLLBACK', `role ${role}: no longer in snapshot`, { role, trusted: version });
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
