/** The use cases behind the Notary wire, over the same core as all others. */
import type { Database } from '@vidimus/database';
import { NotaryError } from '@vidimus/notary';
import type { NotaryService } from '../../notary-service.ts';
import { type Call, TrustError } from '../../service.ts';
import { type EndParts, endRepository } from '../changes/end-repository.ts';
import type { MetadataCache } from '../read/metadata-cache.ts';
import { readChanges } from '../store/changefeed.ts';
import { readLive } from '../store/repositories.ts';
import { guarded, toTrustError } from '../trust-errors.ts';
import { assertClientHeld } from './notary-repository.ts';
import { servedKey } from './served-keys.ts';
import { type UpdateParts, updateNotary } from './update.ts';

export interface NotaryServiceParts extends UpdateParts, Pick<EndParts, 'approvals'> {
  readonly database: Database;
  readonly cache: MetadataCache;
}

export function createNotaryService(parts: NotaryServiceParts): NotaryService {
  const { db } = parts.database;
  return {
    readNotary: (repository, question) => parts.cache.readNotary(repository, question),
    updateNotary: (call, repository, uploaded) => updateNotary(parts, call, repository, uploaded),
    notaryKey: (call, repository, role, mode) =>
      refusing(() => servedKey(parts, call, repository, role, mode)),
    endNotary: (call, repository) => refusing(() => endNotary(parts, call, repository)),
    readChangefeed: (scope, page) => guarded(() => readChanges(db, scope, page)),
    hasRepository: async (repository) => await parts.cache.has(repository),
  };
}

/** `DELETE` of a repository that is not there, or has nothing to show on this wire, is no error. */
async function endNotary(
  parts: EndParts & Pick<NotaryServiceParts, 'cache'>,
  call: Call,
  repository: string,
): Promise<void> {
  const row = await readLive(parts.database.db, repository);
  if (row?.dialects.includes('notary') !== true) return;
  assertClientHeld(row);
  if (parts.approvals.needed(repository, ['delete']) > 0) {
    throw new TrustError(
      'DENIED',
      'another person must agree to the end of this repository: DELETE …/_trust',
    );
  }
  try {
    const ended = await endRepository(parts, call, repository);
    if (ended.outcome === 'ended') parts.cache.announced({ ...ended.row, versions: {} });
  } catch (error) {
    // Somebody else ended it meanwhile.
    if (!(error instanceof TrustError) || error.code !== 'REPOSITORY_UNKNOWN') throw error;
  }
}

/** As `guarded`, but a refusal stays one: the wire prints its reason. */
async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof NotaryError ? error : toTrustError(error);
  }
}
