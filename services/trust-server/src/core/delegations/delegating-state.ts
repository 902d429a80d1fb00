/** A repository as edits of delegations are judged against it, read under its lock. */
import type { Queries } from '@vidimus/database';
import type { DialectName } from '@vidimus/tuf';
import { type Call, TrustError } from '../../service.ts';
import { assertBase } from '../publish/assert-base.ts';
import { type CurrentDocuments, type DocumentReader, readCurrent } from '../publish/current-documents.ts';
import { headsIn, type RoleHeads, readHeads } from '../store/metadata.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import { TAG_ROLE } from '../store/tags.ts';
import { delegationTo, documentOf, parentOf } from './delegation-tree.ts';

export interface DelegatingState {
  readonly row: RepositoryRow;
  /** Of the `tuf` dialect. */
  readonly heads: RoleHeads;
  /** In the `tuf` dialect. */
  readonly current: CurrentDocuments;
  /** In every dialect. */
  readonly documents: ReadonlyMap<DialectName, CurrentDocuments>;
}

/** @throws TrustError VERSION_CONFLICT; CUSTODY_INVALID where Notary clients delegate */
export async function readDelegatingState(
  { reader }: { readonly reader: DocumentReader },
  tx: Queries,
  row: RepositoryRow,
  call: Call,
): Promise<DelegatingState> {
  if (row.settings.origin === 'notary') {
    throw new TrustError(
      'CUSTODY_INVALID',
      `the targets keys of ${row.repository} are its clients': delegate with notary or docker trust signer`,
      { role: TAG_ROLE, custody: 'client' },
    );
  }
  const all = await readHeads(tx, row);
  const heads = headsIn(all, 'tuf');
  assertBase(heads, call.ifMatch);
  const current = await readCurrent(reader, tx, row, heads);
  const documents = new Map<DialectName, CurrentDocuments>([['tuf', current]]);
  if (row.dialects.includes('notary')) {
    documents.set('notary', await readCurrent(reader, tx, row, headsIn(all, 'notary')));
  }
  return { row, heads, current, documents };
}

/** The delegator of a role must be there, with a file that its keys signed. @throws TrustError ROLE_UNKNOWN, WOULD_BREAK */
export function assertDelegator({ documents }: DelegatingState, role: string): void {
  const delegator = parentOf(role);
  for (const [dialect, current] of documents) {
    if (delegator !== TAG_ROLE && delegationTo(current, delegator) === undefined) {
      throw new TrustError('ROLE_UNKNOWN', `there is no role ${delegator} that could delegate to ${role}`, {
        role: delegator,
        dialect,
      });
    }
    if (documentOf(current, delegator) !== undefined) continue;
    throw new TrustError('WOULD_BREAK', `role ${delegator} has no file that its present keys signed`, {
      role: delegator,
      dialect,
      reason: 'ROLE_UNSIGNED',
    });
  }
}
