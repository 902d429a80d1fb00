/** What holds of the roles that list tags, for one repository as it is now: which exist, who signs them, whom clients ask. */
import { matchesDelegation, REVOCATIONS_ROLE } from '@vidimus/tuf';
import { TrustError } from '../../service.ts';
import { type Delegating, delegationTo, isSignersRole, lineTo } from '../delegations/delegation-tree.ts';
import { type LookUpOrder, lookUpOrder } from '../delegations/look-up-order.ts';
import { TAG_ROLE } from '../store/tags.ts';
import type { Board, BoardRoles } from './board.ts';
import { authorityOf, type CurrentDocuments } from './current-documents.ts';
import { isSignable } from './publication.ts';

export interface RuledRepository {
  /** In `tuf`. */
  readonly current: CurrentDocuments;
  /** In `notary`, where the service publishes that, too. */
  readonly beside?: CurrentDocuments;
  /** Key ids that the service can use. */
  readonly managed: ReadonlySet<string>;
}

const topLevelFirst: LookUpOrder = { roles: [TAG_ROLE] };

export function roleRules({ current, beside, managed }: RuledRepository): BoardRoles {
  const orders = new Map<string, LookUpOrder>();
  const orderOf = (tag: string): LookUpOrder => {
    if (current.delegated === undefined) return topLevelFirst;
    const order = orders.get(tag) ?? lookUpOrder(current, tag);
    orders.set(tag, order);
    return order;
  };
  return {
    assertRole: (role) => assertRole(current, role),
    orderOf: (tag) => orderOf(tag).roles,
    isOwn: (role) => {
      const listing = role === REVOCATIONS_ROLE || beside === undefined ? [current] : [current, beside];
      return listing.every((documents) => {
        const roleKeys = authorityOf(role, documents)?.roleKeys;
        return roleKeys !== undefined && isSignable(roleKeys, managed);
      });
    },
    assertSignable: (board, role, edit) => {
      if (current.delegated === undefined && role === TAG_ROLE) return;
      assertAsked(current, orderOf(edit.tag), role, edit.tag);
      assertHeard(board, orderOf(edit.tag), role, edit);
    },
  };
}

function assertRole({ targets, delegated }: CurrentDocuments, role: string): void {
  if (role === TAG_ROLE) return;
  const documents: Delegating = { targets, ...(delegated === undefined ? {} : { delegated }) };
  if (!isSignersRole(role) || delegationTo(documents, role) === undefined) {
    throw new TrustError('ROLE_UNKNOWN', `no role ${role} lists tags here`, { role });
  }
  if (delegated?.has(role)) return;
  throw new TrustError(
    'WOULD_BREAK',
    `role ${role} has no file that its present keys signed: sign that first`,
    {
      role,
      reason: 'ROLE_UNSIGNED',
    },
  );
}

/** Whether clients come to the role when they look for the tag. */
function assertAsked(
  current: CurrentDocuments,
  { roles, endsAt }: LookUpOrder,
  role: string,
  tag: string,
): void {
  if (roles.includes(role)) return;
  for (const each of lineTo(role).slice(1)) {
    const delegation = delegationTo(current, each);
    if (delegation === undefined || matchesDelegation(delegation, tag)) continue;
    const paths = (delegation.paths ?? []).join(', ');
    throw new TrustError('BODY_INVALID', `tag ${tag} is outside the paths of role ${each}: ${paths}`, {
      tag,
      role: each,
      paths: [...(delegation.paths ?? [])],
      reason: 'PATH_NOT_DELEGATED',
    });
  }
  const why =
    endsAt === undefined
      ? 'a terminating role before it covers the tag'
      : `clients go no further than role ${endsAt}, whose keys must sign it first`;
  throw new TrustError('WOULD_BREAK', `nobody would find tag ${tag} in role ${role}: ${why}`, {
    tag,
    role,
    ...(endsAt === undefined ? {} : { endsAt }),
    reason: 'ROLE_NOT_REACHED',
  });
}

/** Whether no role that is asked before says something else. */
function assertHeard(
  board: Board,
  { roles }: LookUpOrder,
  role: string,
  { tag, digest }: { readonly tag: string; readonly digest: string },
): void {
  for (const before of roles.slice(0, roles.indexOf(role))) {
    const row = board.tag(before, tag);
    if (row === undefined || row.digest === digest) continue;
    throw new TrustError(
      'WOULD_BREAK',
      `nobody would see tag ${tag} of role ${role}: role ${before} is asked first and says ${row.digest}`,
      { tag, role, shadowedBy: before, digest: row.digest, reason: 'SHADOWED' },
    );
  }
}
