/** Plans that roles are signed anew by those who hold them: nothing in them changes but the time. */
import type { Queries } from '@vidimus/database';
import { allBins, BINS_ROLE, type DialectEdit } from '@vidimus/tuf';
import { readBase } from '../edits/edit-base.ts';
import type { EditPart, EditParts, EditPlan } from '../edits/edit-plan.ts';
import { headsIn, readHeads } from '../store/metadata.ts';
import type { RepositoryRow } from '../store/repositories.ts';

/** Undefined where no dialect has such a role that is not the business of Notary clients. */
export async function planResign(
  parts: Pick<EditParts, 'reader' | 'states'>,
  tx: Queries,
  row: RepositoryRow,
  role: string,
): Promise<EditPlan | undefined> {
  const heads = await readHeads(tx, row);
  const edited: EditPart[] = [];
  for (const dialect of row.dialects) {
    const isTheirs = dialect === 'notary' && row.settings.origin === 'notary';
    if (isTheirs || !headsIn(heads, dialect).has(role)) continue;
    edited.push({ dialect, edit: await toEdit(parts, tx, row, dialect, role) });
  }
  if (edited.length === 0) return undefined;
  const path = `/v2/${row.repository}/_trust/roles/${encodeURIComponent(role)}`;
  return {
    kind: 'resign',
    summary: `sign ${role} anew before it expires: ${row.repository}`,
    diff: [{ role, what: `${role} lives longer, and says the same` }],
    request: { method: 'PATCH', path, body: {} },
    parts: edited,
    event: { action: 'role.resign', after: { role }, roles: [role] },
  };
}

/** Bins have the keys of targets, and are signed with it. */
async function toEdit(
  parts: Pick<EditParts, 'reader' | 'states'>,
  tx: Queries,
  row: RepositoryRow,
  dialect: EditPart['dialect'],
  role: string,
): Promise<DialectEdit> {
  if (role === 'root') return { renewRoot: true };
  if (role !== 'targets') return { resign: new Set([role]) };
  const { documents } = await readBase(parts, tx, row, dialect, {});
  const succinct = documents.bins?.delegations?.succinct;
  return {
    resign: new Set(['targets', ...(succinct === undefined ? [] : [BINS_ROLE, ...allBins(succinct)])]),
  };
}
