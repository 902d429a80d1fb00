/** The use cases of changes: who waits for what, signatures, approvals, rejection. */
import type { Change } from '../../schemas/index.ts';
import type { TrustService } from '../../service.ts';
import { approveChange } from '../approvals/approve-change.ts';
import type { Published } from '../publish/publication.ts';
import type { MetadataCache } from '../read/metadata-cache.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import { guarded } from '../trust-errors.ts';
import { toChange } from './change-answer.ts';
import { findChange, listAllChanges, listChanges } from './list-changes.ts';
import { type ChangeParts, rejectChange, type SignedChange, signChange } from './sign-change.ts';

export type ChangeService = Pick<
  TrustService,
  'listChanges' | 'listAllChanges' | 'readChange' | 'signChange' | 'approveChange' | 'rejectChange'
>;

export function createChangeService(
  parts: ChangeParts & {
    readonly cache: MetadataCache;
    readonly onPublished: (row: RepositoryRow, published: Published) => void;
  },
): ChangeService {
  const { cache, now, onPublished } = parts;
  const { db } = parts.database;
  const settled = ({ change, managed, published, ended }: SignedChange): Change => {
    if (published !== undefined) onPublished(published.row, published.published);
    if (ended !== undefined) cache.announced({ ...ended, versions: {} });
    return toChange(change, managed, now());
  };

  return {
    listChanges: (repository, filter, page) =>
      guarded(() => listChanges(db, repository, filter, page, now())),
    listAllChanges: (filter, page) => guarded(() => listAllChanges(db, filter, page, now())),
    readChange: (repository, id) => guarded(() => findChange(db, repository, id, now())),
    signChange: (call, repository, id, body) =>
      guarded(async () => settled(await signChange(parts, call, repository, id, body))),
    approveChange: (call, repository, id, body) =>
      guarded(async () => settled(await approveChange(parts, call, repository, id, body))),
    rejectChange: (call, repository, id) =>
      guarded(async () => settled(await rejectChange(parts, call, repository, id))),
  };
}
