/** Where broken promises of the rooms below become the codes of CONTRACTS C3: one table for the whole core. */
import { type DatabaseError, type DatabaseErrorCode, toDatabaseError } from '@vidimus/database';
import { KeyStoreError } from '@vidimus/key-store';
import { type EditReason, editReason, TufError } from '@vidimus/tuf';
import { TrustError, type TrustErrorCode } from '../service.ts';

const codeOfReason: ReadonlyMap<string, TrustErrorCode> = new Map<EditReason, TrustErrorCode>([
  ['THRESHOLD', 'THRESHOLD_INVALID'],
  ['CUSTODIAN', 'CUSTODY_INVALID'],
  ['KEY', 'KEY_INVALID'],
  ['KEY_SHARED', 'KEY_INVALID'],
  ['ROLE_NAME', 'BODY_INVALID'],
  ['PATTERN', 'BODY_INVALID'],
  ['TARGET', 'BODY_INVALID'],
  ['TERMS', 'BODY_INVALID'],
  ['SIZE', 'BODY_INVALID'],
]);

const codeOfDatabase: ReadonlyMap<string, TrustErrorCode> = new Map<DatabaseErrorCode, TrustErrorCode>([
  ['UNAVAILABLE', 'DATABASE_UNAVAILABLE'],
  ['CLOSED', 'DATABASE_UNAVAILABLE'],
  ['READ_ONLY', 'DATABASE_UNAVAILABLE'],
  ['DISK_FULL', 'DATABASE_UNAVAILABLE'],
  ['TIMEOUT', 'BUSY'],
  ['SERIALIZATION', 'BUSY'],
]);

/** The error as a caller of the service gets it; the original is its cause. */
export function toTrustError(error: unknown): TrustError {
  if (error instanceof TrustError) return error;
  if (error instanceof TufError) return fromTuf(error);
  // A key that cannot be opened, whatever the reason: nothing is signed until an operator looked at it.
  if (error instanceof KeyStoreError) {
    if (error.code === 'SIGNER_REFUSED') {
      const { code = '' } = error.detail;
      return new TrustError('SIGNER_UNAVAILABLE', error.message, { signer: code }, { cause: error });
    }
    return new TrustError('SIGNER_UNAVAILABLE', 'a managed key cannot sign now', {}, { cause: error });
  }
  const ofDatabase = toDatabaseError(error);
  if (ofDatabase !== undefined) return fromDatabase(ofDatabase);
  return new TrustError('INTERNAL', 'the service failed', {}, { cause: error });
}

/** Runs what touches the database, and throws TrustErrors only. */
export async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toTrustError(error);
  }
}

function fromTuf(error: TufError): TrustError {
  const code = codeOfReason.get(editReason(error) ?? '');
  // Anything else is about bytes of our own: a fault here, not of the request.
  if (code === undefined)
    return new TrustError('INTERNAL', 'the edit could not be made', {}, { cause: error });
  return new TrustError(code, error.message, error.detail, { cause: error });
}

function fromDatabase(error: DatabaseError): TrustError {
  const code = codeOfDatabase.get(error.code) ?? 'INTERNAL';
  const message =
    code === 'DATABASE_UNAVAILABLE'
      ? 'the database is not available; repeat the edit when it is back, nothing happens twice'
      : code === 'BUSY'
        ? 'the repository is busy; try again'
        : 'the service failed';
  return new TrustError(code, message, {}, { cause: error });
}
