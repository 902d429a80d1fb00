/** A repository as it is now, for questions: row, heads and the documents that delegate. */
import type { Queries } from '@vidimus/database';
import { BINS_ROLE, type DialectName, REVOCATIONS_ROLE, type Root, type Targets } from '@vidimus/tuf';
import type { RoleState } from '../../schemas/index.ts';
import { TrustError } from '../../service.ts';
import {
  allDelegations,
  type Delegating,
  isBinName,
  isSignersRole,
  lineTo,
} from '../delegations/delegation-tree.ts';
import { mainDialect } from '../dialects.ts';
import type { StateReader } from '../notary/stored-state.ts';
import { readTree } from '../notary/tree.ts';
import { authorityOf, type DocumentReader, headOf, readCurrent } from '../publish/current-documents.ts';
import { assertActive } from '../publish/publisher.ts';
import { readOpenChanges } from '../store/changes.ts';
import { headsIn, type RoleHeads, readHeads } from '../store/metadata.ts';
import { type RepositoryRow, readLive } from '../store/repositories.ts';
import { TAG_ROLE } from '../store/tags.ts';

/** A repository in the dialect whose versions people are told. */
export interface RepositoryView {
  readonly row: RepositoryRow;
  readonly dialect: DialectName;
  readonly heads: RoleHeads;
  /** Current files of its other dialect, where it has one. */
  readonly beside: RoleHeads;
  readonly root: Root;
  /** Absent where what is stored is not signed as root says now. */
  readonly targets?: Targets;
  readonly bins?: Targets;
  /** Delegated roles whose file their present keys signed, by role; where a client holds targets, that one, too. */
  readonly delegated?: ReadonlyMap<string, Targets>;
  /** In the `tuf` dialect. */
  readonly revocations?: Targets;
  /** Of its other dialect, where the service publishes both and targets delegates to signers. */
  readonly otherDocuments?: Delegating;
}

/** Where documents come from. */
export interface Readers {
  readonly reader: DocumentReader;
  readonly states: StateReader;
}

/** Roles of every dialect. */
export const topLevelRoles = ['root', 'targets', 'snapshot', 'timestamp'] as const;

/** The roles that people ask about, in any dialect; bins are a matter of layout. */
export const shownRoles = ['root', 'targets', REVOCATIONS_ROLE, 'snapshot', 'timestamp'] as const;

/** The roles that every repository of a dialect has. */
export function rolesOf(dialect: DialectName): readonly string[] {
  return dialect === 'tuf' ? shownRoles : topLevelRoles;
}

/** Roles that targets delegates to other people, also those that have signed nothing yet. */
export function delegationsOf({ dialect, targets, delegated }: RepositoryView): readonly string[] {
  if (targets === undefined) return [];
  const all = allDelegations({ targets, ...(delegated === undefined ? {} : { delegated }) });
  const names = all.map(({ delegation }) => delegation.name);
  // There, a client may give a role any name.
  return dialect === 'notary' ? [...new Set(names)].sort() : names.filter(isSignersRole);
}

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
  readers: Readers,
  queries: Queries,
  repository: string,
): Promise<RepositoryView> {
  const row = await readActive(queries, repository);
  const dialect = mainDialect(row.dialects);
  const all = await readHeads(queries, row);
  const heads = headsIn(all, dialect);
  const beside = headsIn(all, dialect === 'tuf' ? 'notary' : 'tuf');
  if (dialect === 'notary') {
    const { root, files } = await readers.states.read(queries, row, heads);
    const delegated = readTree(repository, root, files);
    const targets = delegated.get('targets');
    return { row, dialect, heads, beside, root, delegated, ...(targets && { targets }) };
  }
  const { reader } = readers;
  const current = await readCurrent(reader, queries, row, heads);
  const revocations = await reader.read(queries, row, 'targets', headOf(heads, REVOCATIONS_ROLE), current);
  const isBoth = current.delegated !== undefined && row.settings.origin !== 'notary' && beside.size > 0;
  const otherDocuments = isBoth ? await readCurrent(reader, queries, row, beside) : undefined;
  return { ...current, row, dialect, heads, beside, revocations, ...(otherDocuments && { otherDocuments }) };
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
export function pathTo({ dialect, bins }: RepositoryView, role: string): readonly string[] {
  if (role === TAG_ROLE) return [TAG_ROLE];
  const isBin = dialect === 'tuf' && bins !== undefined && isBinName(role);
  return isBin ? [TAG_ROLE, BINS_ROLE, role] : lineTo(role);
}
