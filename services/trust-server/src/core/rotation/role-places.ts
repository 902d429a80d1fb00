/** Where a role is listed, and in which dialects the service may give it other keys. */
import type { Queries } from '@vidimus/database';
import {
  BINS_ROLE,
  type Delegation,
  type DialectName,
  isBinOf,
  type Key,
  type RoleKeys,
  type TopLevelRole,
} from '@vidimus/tuf';
import { TrustError } from '../../service.ts';
import { type DialectBase, readBase } from '../edits/edit-base.ts';
import type { EditParts } from '../edits/edit-plan.ts';
import type { RepositoryRow } from '../store/repositories.ts';

/** A role as one dialect lists it now. */
export interface RolePlace {
  readonly dialect: DialectName;
  readonly base: DialectBase;
  readonly roleKeys: RoleKeys;
  readonly keys: readonly Key[];
  /** Of a delegated role. */
  readonly delegated?: { readonly by: string; readonly delegation: Delegation };
}

/** @throws TrustError ROLE_UNKNOWN, CUSTODY_INVALID */
export async function findPlaces(
  parts: Pick<EditParts, 'reader' | 'states'>,
  tx: Queries,
  row: RepositoryRow,
  role: string,
): Promise<readonly RolePlace[]> {
  const found: RolePlace[] = [];
  for (const dialect of row.dialects) {
    const resign = new Set(isTopLevel(role) ? [] : [role]);
    const base = await readBase(parts, tx, row, dialect, { resign });
    assertNoBin(base, role);
    const place = placeIn(dialect, base, role);
    if (place !== undefined) found.push(place);
  }
  if (found.length === 0) throw new TrustError('ROLE_UNKNOWN', `there is no role ${role}`, { role });
  return ofService(row, role, found);
}

export function isTopLevel(role: string): role is TopLevelRole {
  return role === 'root' || role === 'targets' || role === 'snapshot' || role === 'timestamp';
}

function assertNoBin({ targets, dialect }: DialectBase, role: string): void {
  const succinct = targets.get(BINS_ROLE)?.delegations?.succinct;
  if (dialect !== 'tuf' || succinct === undefined) return;
  if (role !== BINS_ROLE && !isBinOf(succinct, role)) return;
  throw new TrustError('ROLE_UNKNOWN', 'bins have the keys of targets: rotate targets', { role: 'targets' });
}

function placeIn(dialect: DialectName, base: DialectBase, role: string): RolePlace | undefined {
  const { root } = base.documents;
  if (isTopLevel(role)) return { dialect, base, ...listed(root.roles[role], root.keys) };
  const parent = role.slice(0, Math.max(0, role.lastIndexOf('/')));
  for (const by of ['targets', parent]) {
    const { delegations } = base.targets.get(by) ?? {};
    const delegation = delegations?.roles.find(({ name }) => name === role);
    if (delegations === undefined || delegation === undefined) continue;
    return { dialect, base, ...listed(delegation, delegations.keys), delegated: { by, delegation } };
  }
  return undefined;
}

function listed(
  { keyIds, threshold }: RoleKeys,
  keys: ReadonlyMap<string, Key>,
): Pick<RolePlace, 'roleKeys' | 'keys'> {
  return { roleKeys: { keyIds, threshold }, keys: keyIds.flatMap((keyId) => keys.get(keyId) ?? []) };
}

/** What Notary clients hold they rotate themselves, and a mirrored root follows theirs. */
function ofService(
  { settings }: RepositoryRow,
  role: string,
  places: readonly RolePlace[],
): readonly RolePlace[] {
  if (settings.origin !== 'notary') return places;
  const managed = new Set(settings.managed);
  const own = places.filter(({ roleKeys }) => roleKeys.keyIds.every((keyId) => managed.has(keyId)));
  if (own.length > 0) return own;
  throw new TrustError(
    'CUSTODY_INVALID',
    role === 'root' && settings.mirrored === true
      ? 'its Notary clients hold root: rotate it with notary, then follow with vidimus init --dialect tuf,notary'
      : `its Notary clients hold ${role}: rotate it with notary or docker trust`,
    { role, custody: 'client' },
  );
}
