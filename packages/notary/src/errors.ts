/** The room's one error class: why an upload, or a name in it, is refused. */

export type NotaryErrorCode =
  /** Not a set of files at all: too many, or the same role twice. */
  | 'MALFORMED_UPLOAD'
  /** Not the name of a role. */
  | 'INVALID_ROLE'
  /** A file that is not strict JSON, or whose version or expiry is of another kind. */
  | 'MALFORMED_JSON'
  /** The files are not what may follow the stored ones; `kind` and the message say why. */
  | 'INVALID_UPDATE'
  /** This version, or a later one, is published already: somebody else was first. */
  | 'VERSION';

/** Under which heading the real clients show the message. They know these five and no other. */
export type RefusalKind =
  | 'ErrValidation'
  | 'ErrBadHierarchy'
  | 'ErrBadRoot'
  | 'ErrBadTargets'
  | 'ErrBadSnapshot';

/** The least that is known about a refusal. */
export interface NotaryErrorDetail {
  readonly kind?: RefusalKind;
  /** Wire name of the role; anybody may have written it. */
  readonly role?: string;
}

/** A refused upload; `code` is API, the message is what the clients show their users. */
export class NotaryError extends Error {
  readonly code: NotaryErrorCode;
  readonly kind: RefusalKind;
  readonly detail: NotaryErrorDetail;

  constructor(
    code: NotaryErrorCode,
    message: string,
    detail: NotaryErrorDetail = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'NotaryError';
    this.code = code;
    this.kind = detail.kind ?? 'ErrValidation';
    this.detail = detail;
  }
}
