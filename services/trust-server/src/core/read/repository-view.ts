/** A repository as it is now, for questions: row, heads and the documents that delegate. */
import type { Queries } from '@vidimus/database';
import { BINS_ROLE, REVOCATIONS_ROLE, type Targets } from '@vidimus/tuf';
import type { RoleState } from '../../schemas.ts';
import { TrustError } from '../../service.ts';
import {
  authorityOf,
  type CurrentDocuments,
  type DocumentReader,
  headOf,
  readCurrent,
} from '../publish/current-documents.ts';
import { assertActive } from '../publish/publisher.ts';
import { readOpenChanges } from '../store/changes.ts';
import { headsIn, type RoleHeads, readHeads } from '../store/metadata.ts';
import { type RepositoryRow, readLive } from '../store/repositories.ts';

export interface RepositoryView extends CurrentDocuments {
  readonly row: RepositoryRow;
  readonly heads: RoleHeads;
  readonly revocations: Targets;
}

/** The roles that people ask about; bins are a matter of layout. */
export const shownRoles = ['root', 'targets', REVOCATIONS_ROLE, 'snapshot', 'timestamp'] as const;

/** @throws TrustError REPOSITORY_UNKNOWN, with the open change where a creation waits */
export async function readActive(queries: Queries, repository: string): Promise<RepositoryRow> {
  const row = await readLive(queries, repository);
  if (row !== undefined && row.activatedAtMs === undefined) {
    const [open] = await readOpenChanges(queries, row);
    throw new TrustError('REPOSITORY_UNKNOWN', `${repository} waits for the signatures that create it`, {
      repository,
      ...(open === undefined ? {} : { change: open.id }),
    });
  }
  return assertActive(repository, row);
}

/** @throws TrustError REPOSITORY_UNKNOWN */
export async function readView(
  reader: DocumentReader,
  queries: Queries,
  repository: string,
): Promise<RepositoryView> {
  const row = await readActive(queries, repository);
  const heads = headsIn(await readHeads(queries, row), 'tuf');
  const current = await readCurrent(reader, queries, row, heads);
  const revocations = await reader.read(queries, row, 'targets', headOf(heads, REVOCATIONS_ROLE), current);
  return { ...current, row, heads, revocations };
}

/** Who holds a role; undefined for a role that nobody delegates. */
export function roleState(view: RepositoryView, role: string): RoleState | undefined {
  const roleKeys = authorityOf(role, view)?.roleKeys;
  if (roleKeys === undefined) return undefined;
  const managed = new Set(view.row.settings.managed);
  const own = roleKeys.keyIds.filter((keyId) => managed.has(keyId)).length;
  const others = roleKeys.keyIds.length - own;
  return {
    custody: others === 0 ? 'managed' : own === 0 ? 'client' : 'mixed',
    threshold: roleKeys.threshold,
    keyIds: [...roleKeys.keyIds],
    independentCustodians: others + (own > 0 ? 1 : 0),
  };
}

/** Role names from targets down to this one. */
export function pathTo(view: RepositoryView, role: string): readonly string[] {
  if (role === 'targets') return ['targets'];
  const isDelegatedByTargets = view.targets.delegations?.roles.some(({ name }) => name === role) ?? false;
  return isDelegatedByTargets ? ['targets', role] : ['targets', BINS_ROLE, role];
}
