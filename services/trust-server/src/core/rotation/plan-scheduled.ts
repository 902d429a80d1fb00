/** Plans new managed keys for a role on schedule; the keys that others hold stay. */
import type { Queries } from '@vidimus/database';
import type { KeyEntry } from '../../schemas/index.ts';
import type { EditParts, EditPlan } from '../edits/edit-plan.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import { planRotation } from './plan-rotation.ts';
import { findPlaces, type RolePlace } from './role-places.ts';

const reason = 'scheduled';

export async function planScheduled(
  parts: EditParts,
  tx: Queries,
  row: RepositoryRow,
  role: string,
): Promise<EditPlan | undefined> {
  const managed = new Set(row.settings.managed);
  const places = await findPlaces(parts, tx, row, role);
  const to = [...ownEntries(places, managed), ...othersEntries(places, managed)];
  const path = `/v2/${row.repository}/_trust/roles/${encodeURIComponent(role)}/rotations`;
  const request = { method: 'POST', path, body: { to, reason } };
  return await planRotation(parts, tx, row, { role, to, reason, request });
}

/** As many as there are in the dialect that has most: each dialect has keys of its own. */
function ownEntries(places: readonly RolePlace[], managed: ReadonlySet<string>): readonly KeyEntry[] {
  const counts = places.map(({ keys }) => keys.filter(({ keyId }) => managed.has(keyId)).length);
  return Array.from({ length: Math.max(...counts) }, () => ({ custody: 'managed' as const }));
}

function othersEntries(places: readonly RolePlace[], managed: ReadonlySet<string>): readonly KeyEntry[] {
  return places.flatMap(({ dialect, keys }) =>
    keys
      .filter(({ keyId }) => !managed.has(keyId))
      .map(({ declared }) => ({ custody: 'client' as const, dialect, key: declared })),
  );
}
