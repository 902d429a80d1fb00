/** Edits of a repository that Notary clients alone publish: its targets keys are theirs. */
import { TrustError } from '../../service.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import type { Intent } from './intents.ts';

/** Why nothing of it can be done here, and what can. */
export function refusedWithoutTuf({ repository }: RepositoryRow, { kind }: Intent): TrustError {
  if (kind === 'tags') {
    return new TrustError(
      'CUSTODY_INVALID',
      `the targets keys of ${repository} are its clients': sign and revoke with notary or docker trust`,
      { repository, role: 'targets', custody: 'client' },
    );
  }
  return new TrustError(
    'DIALECT_INEXPRESSIBLE',
    'the dialect notary cannot say that a digest is revoked: take its tags away with notary remove or docker trust revoke',
    { repository, dialect: 'notary' },
  );
}
