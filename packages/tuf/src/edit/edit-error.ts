/** Why an edit is refused. The room's code is EDIT_INVALID; `detail.reason` is from this closed list. */
import { TufError, type TufErrorDetail } from '../errors.ts';

export type EditReason =
  /** The threshold is not an integer from 1 to the number of distinct keys (attack T25: nobody could sign). */
  | 'THRESHOLD'
  /** A threshold above 1 that one custodian could meet alone. */
  | 'CUSTODIAN'
  /** A role without keys, a key listed twice, or one that is not usable. */
  | 'KEY'
  /** The same public key in two roles. */
  | 'KEY_SHARED'
  /** A role name that some client would misread. */
  | 'ROLE_NAME'
  /** A pattern outside the alphabet on which all clients agree. */
  | 'PATTERN'
  /** A target with a bad path, length, hash or custom part. */
  | 'TARGET'
  /** A lifetime, time or version outside its range. */
  | 'TERMS'
  /** A version that would be reused or go backwards. */
  | 'VERSION'
  /** More entries or bytes than clients accept. */
  | 'SIZE'
  /** A role whose document the edit needs was not given. */
  | 'ROLE_MISSING';

/** The error of a refused edit: TufError with code EDIT_INVALID and its reason. */
export function editInvalid(reason: EditReason, message: string, detail: TufErrorDetail = {}): TufError {
  return new TufError('EDIT_INVALID', message, { reason, ...detail });
}

/** The reason of a refused edit, or undefined when `error` is something else. */
export function editReason(error: unknown): string | undefined {
  if (!(error instanceof TufError) || error.code !== 'EDIT_INVALID') return undefined;
  const reason = error.detail['reason'];
  return typeof reason === 'string' ? reason : undefined;
}
