/** `DELETE …/delegations/<name>`: with its tags, and with everything below it. */
import type { Queries } from '@vidimus/database';
import { nextDelegations } from '@vidimus/tuf';
import { type Call, TrustError } from '../../service.ts';
import { carryOut } from '../edits/carry-out.ts';
import type { Carried, EditParts, EditPlan } from '../edits/edit-plan.ts';
import { type ListedTag, placeOf } from '../publish/board.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import { assertDelegator, readDelegatingState } from './delegating-state.ts';
import { keysOf, managedKeysOf } from './delegation-keys.ts';
import { allDelegations, delegationTo, documentOf, isSignersRole, parentOf } from './delegation-tree.ts';
import { movedTags } from './moved-tags.ts';
import { goneOf, toRows } from './put-delegation.ts';

export interface DelegationGone {
  readonly carried: Carried;
  readonly keysRemoved: readonly string[];
  readonly tagsGone: readonly string[];
  /** Roles that answer from now on. */
  readonly stillServed: readonly ListedTag[];
}

/** The caller holds the lock of `row`. @throws TrustError ROLE_UNKNOWN, BODY_INVALID; TufError EDIT_INVALID */
export async function removeDelegation(
  parts: EditParts,
  tx: Queries,
  row: RepositoryRow,
  call: Call,
  { name, request }: { readonly name: string; readonly request: EditPlan['request'] },
): Promise<DelegationGone> {
  const state = await readDelegatingState(parts, tx, row, call);
  const { current, documents } = state;
  if (!isSignersRole(name)) {
    throw new TrustError('BODY_INVALID', `role ${name} cannot be removed`, { role: name });
  }
  if (delegationTo(current, name) === undefined) {
    throw new TrustError('ROLE_UNKNOWN', `there is no delegation ${name}`, { role: name });
  }
  assertDelegator(state, name);
  const delegator = parentOf(name);
  const subtree = allDelegations(current)
    .map(({ delegation }) => delegation.name)
    .filter((role) => role === name || role.startsWith(`${name}/`));
  const delegations = nextDelegations(documentOf(current, delegator)?.delegations, { remove: [name] });
  const moved = await movedTags(parts, tx, state, { delegator, delegations });
  const keysRemoved = [...documents.values()].flatMap((each) =>
    subtree.flatMap((role) => keysOf(each, role).map(({ keyId }) => keyId)),
  );
  const retire = [...documents.values()].flatMap((each) =>
    subtree.flatMap((role) => managedKeysOf(row, role, each).map(({ keyId }) => keyId)),
  );
  const tagsGone = goneOf(moved);
  const told = { role: name, keysRemoved: [...new Set(keysRemoved)].sort() };
  const carried = await carryOut(parts, tx, row, call, {
    kind: 'delegation',
    summary: `remove the delegation ${name}`,
    diff: [
      {
        role: delegator,
        what: `remove the delegation ${name}${tagsGone.length === 0 ? '' : `: ${tagsGone.length} tags go with it`}`,
      },
    ],
    request,
    parts: [...documents.keys()].map((dialect) => ({
      dialect,
      edit: { delegations: new Map([[delegator, { remove: [name] }]]) },
    })),
    retire: [...new Set(retire)],
    event: {
      action: 'delegation.remove',
      before: told,
      tags: moved.map(({ tag }) => tag),
      roles: subtree,
    },
    tags: toRows(moved),
  });
  return {
    carried,
    keysRemoved: told.keysRemoved,
    tagsGone,
    stillServed: moved.flatMap(({ after }) => (after === undefined ? [] : [placeOf(after)])),
  };
}
