/** What keeps a listener from starting: always the operator's to mend, never a reason to serve without TLS. */

export type ListenerErrorCode =
  /** A named file cannot be read. */
  | 'TLS_FILE_UNREADABLE'
  /** Not a certificate, not a private key, or one without the other. */
  | 'TLS_INVALID'
  /** The key is not the certificate's. */
  | 'TLS_MISMATCH'
  /** The certificate is not valid now. */
  | 'TLS_EXPIRED';

export class ListenerError extends Error {
  readonly code: ListenerErrorCode;

  constructor(code: ListenerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ListenerError';
    this.code = code;
  }
}
