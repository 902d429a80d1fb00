/** The room's one error class: settings that cannot be worked with. Whether a caller may is a value, never an error. */

export type AccessErrorCode =
  /** The certificates of a token server cannot be read, or none of their keys may be used. */
  | 'BUNDLE_INVALID'
  /** A secret of another length than 32 bytes. */
  | 'SECRET_INVALID';

export class AccessError extends Error {
  readonly code: AccessErrorCode;

  constructor(code: AccessErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'AccessError';
    this.code = code;
  }
}
