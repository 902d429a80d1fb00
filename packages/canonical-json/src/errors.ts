/** The room's one error class: what makes bytes, or a value, not JSON of the strict kind. */

export type CanonicalJsonErrorCode =
  /** Not RFC 8259 JSON, or something follows the value. */
  | 'SYNTAX'
  /** One object names a key twice. */
  | 'DUPLICATE_KEY'
  /** Containers nested deeper than allowed. */
  | 'DEPTH'
  /** More bytes than allowed. */
  | 'SIZE'
  /** More values than allowed. */
  | 'COUNT'
  /** A fraction, an exponent, minus zero or an integer beyond 2^53 - 1, where only integers are allowed. */
  | 'NUMBER'
  /** Not UTF-8, a byte order mark, or half of a surrogate pair. */
  | 'ENCODING'
  /** Asked to encode something that is no JSON value. */
  | 'VALUE';

/** Bytes or a value broke a rule; `code` is API, the message is for people. */
export class CanonicalJsonError extends Error {
  readonly code: CanonicalJsonErrorCode;
  /** Where in the decoded text, in UTF-16 units (equal to bytes while the text is ASCII). */
  readonly offset?: number;

  constructor(code: CanonicalJsonErrorCode, message: string, offset?: number) {
    super(offset === undefined ? message : `${message} at offset ${offset}`);
    this.name = 'CanonicalJsonError';
    this.code = code;
    if (offset !== undefined) this.offset = offset;
  }
}
