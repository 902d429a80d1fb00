/** What is particular about a repository whose root a Notary client holds. */
import { NotaryError } from '@vidimus/notary';
import { type Call, TrustError } from '../../service.ts';
import { EMPTY_LOG } from '../audit/event-chain.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import type { RepositorySettings } from '../store/repository-settings.ts';

const day = 86_400_000;

/**
 * Of timestamp and snapshot where the service signs them; of the others as the clients choose them themselves. The
 * timestamp bounds how old trust data may be; a snapshot with less than half a year makes clients warn at every pull.
 */
const lifetimesMs = { root: 3_650 * day, targets: 1_095 * day, snapshot: 1_095 * day, timestamp: day };
const digestRetentionMs = 90 * day;

const settings: RepositorySettings = {
  // No request to create it over REST is the same as this.
  request: '',
  digestRetentionMs,
  lifetimesMs,
  revocationsThreshold: 1,
  managed: [],
  origin: 'notary',
};

/** The row of a repository that its first upload creates. */
export function newNotaryRow(repository: string, incarnation: number, createdAtMs: number): RepositoryRow {
  return {
    repository,
    incarnation,
    dialects: ['notary'],
    settings,
    createdAtMs,
    tagCount: 0,
    log: EMPTY_LOG,
  };
}

/**
 * The repositories that this wire may change: their own clients hold root and targets.
 * @throws NotaryError INVALID_UPDATE
 */
export function assertClientHeld(row: RepositoryRow): void {
  const { repository } = row;
  if (row.activatedAtMs === undefined) {
    throw new NotaryError('INVALID_UPDATE', `${repository} waits for the signatures that create it`);
  }
  // The other server still signs: two that number one timestamp would send clients back and forth.
  if (row.settings.migration?.final === false) {
    throw new NotaryError(
      'INVALID_UPDATE',
      `${repository} is being migrated from another server and is read-only here until that is final`,
    );
  }
  if (row.settings.origin === 'notary') return;
  throw new NotaryError(
    'INVALID_UPDATE',
    `the service signs the tags of ${repository}: change them with vidimus sign and vidimus revoke`,
  );
}

/** @throws TrustError UNAUTHORIZED */
export function assertMayCreate({ mayCreate }: { readonly mayCreate: boolean }, repository: string): void {
  if (mayCreate) return;
  throw new TrustError(
    'UNAUTHORIZED',
    `there is no repository ${repository}: creating one needs a credential`,
  );
}

/** Who did it, for an event. */
export function by({ actor, requestId }: Call): {
  readonly actor: string;
  readonly requestId: string;
  readonly result: 'done';
} {
  return { actor, requestId, result: 'done' };
}
