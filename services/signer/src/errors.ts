/** The room's one error class: why the signer refused. */

export type SignerErrorCode =
  /** Not a request of the protocol. */
  | 'BODY_INVALID'
  | 'BODY_TOO_LARGE'
  | 'ROUTE_UNKNOWN'
  /** The signer has no key of this id, or no longer. */
  | 'KEY_UNKNOWN'
  /** The key is registered for another repository, role or dialect. */
  | 'KEY_SCOPE'
  /** Not a document of this role in this dialect, in its canonical form. */
  | 'DOCUMENT_INVALID'
  /** The document says that it is for another repository or role, or does not say it. */
  | 'DOCUMENT_MISBOUND'
  /** This key signed this version, or a higher one, with other bytes. */
  | 'VERSION_USED'
  /** Further above the highest version signed than any restore jumps. */
  | 'VERSION_JUMP'
  /** Expired, or issued in the future. */
  | 'TIME_INVALID'
  /** Expires later than the role may. */
  | 'EXPIRY_TOO_FAR'
  /** An edit that approvers must have signed, and too few did. */
  | 'APPROVAL_NEEDED'
  /** The key that wraps keys of root was not given to this process. */
  | 'KEY_LOCKED'
  /** Too much is asked at once. */
  | 'BUSY'
  /** The record of what was signed cannot be read or written: nothing is signed without it. */
  | 'RECORD_UNUSABLE'
  /** A setting of the signer that is none. */
  | 'CONFIG_INVALID'
  /** The signer itself failed. */
  | 'INTERNAL';

export type SignerErrorDetail = Readonly<Record<string, string | number>>;

/** A refusal; `code` is API, the message is for people. */
export class SignerError extends Error {
  readonly code: SignerErrorCode;
  readonly detail: SignerErrorDetail;

  constructor(
    code: SignerErrorCode,
    message: string,
    detail: SignerErrorDetail = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'SignerError';
    this.code = code;
    this.detail = detail;
  }
}
