/** The room's one error class: what rule a document, a repository or an edit broke. */

export type TufErrorCode =
  /** Not JSON of the strict kind, or not the shape the role must have. */
  | 'MALFORMED'
  /** Over a limit of size, depth, count or rotations. */
  | 'LIMIT'
  /** Signed for another role type than the one asked for. */
  | 'WRONG_TYPE'
  /** Fewer valid signatures by distinct key material than the threshold asks for. */
  | 'THRESHOLD'
  /** Version differs from the one that must be here (root N+1, or what the parent lists). */
  | 'VERSION'
  /** A version or an entry went backwards. */
  | 'ROLLBACK'
  | 'EXPIRED'
  /** Issued more than the allowed skew in the future, or living longer than the anchor allows. */
  | 'LIFETIME'
  | 'HASH_MISMATCH'
  | 'LENGTH_MISMATCH'
  /** The document says, or fails to say, that it belongs to this repository and role. */
  | 'BINDING'
  /** A role that no delegation on this path names, or that snapshot does not list. */
  | 'ROLE_UNKNOWN'
  /** A needed file is not on the repository. */
  | 'MISSING'
  /** The server's chain does not go on from the trusted root. */
  | 'ROOT_CHAIN'
  /** The first root is not signed as the anchor says. */
  | 'ANCHOR'
  /** An edit that would leave the repository unusable or inexpressible; the detail says why. */
  | 'EDIT_INVALID';

export type TufErrorDetail = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** A broken rule of The Update Framework; `code` is API, the message is for people. */
export class TufError extends Error {
  readonly code: TufErrorCode;
  readonly detail: TufErrorDetail;

  constructor(code: TufErrorCode, message: string, detail: TufErrorDetail = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TufError';
    this.code = code;
    this.detail = detail;
  }
}
