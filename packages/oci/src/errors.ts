/** The room's one error class: why a registry, a document, a layout or the credentials could not be used. */

export type OciErrorCode =
  /** No answer: DNS, connect, TLS or time-out. `detail.reason` tells which. */
  | 'UNREACHABLE'
  /** An answer that is no registry's: HTML, an unexpected status, a forbidden redirect, a content coding. */
  | 'UNUSABLE'
  /** The registry says that the repository, tag, manifest or blob does not exist. */
  | 'NOT_FOUND'
  /** The registry or its token service refused the credentials, or wants some and there are none. */
  | 'DENIED'
  /** More bytes than the limit for this kind of answer. */
  | 'TOO_LARGE'
  /** Fewer or more bytes than the descriptor or the answer itself announced. */
  | 'LENGTH_MISMATCH'
  /** The bytes do not have the digest they were asked for by, or that the registry claims. */
  | 'DIGEST_MISMATCH'
  /** A manifest or index that two readers could understand differently, or of a kind we do not read. */
  | 'DOCUMENT_REFUSED'
  /** The index lists no image for the wanted platform. */
  | 'PLATFORM_UNKNOWN'
  /** A credentials file or a credential helper is broken. */
  | 'CREDENTIALS_INVALID'
  /** The configuration asks for something impossible: a CA that is no certificate, for instance. */
  | 'CONFIGURATION_INVALID'
  /** The directory is not an OCI image layout, or one that contradicts itself. */
  | 'LAYOUT_INVALID'
  /** The layout could not be written: full, read-only, or changed under us. */
  | 'LAYOUT_UNWRITABLE';

export type OciErrorDetail = Readonly<Record<string, string | number | boolean>>;

/** A broken promise of a registry or a layout; `code` is API, the message is for people and holds no secret. */
export class OciError extends Error {
  readonly code: OciErrorCode;
  readonly detail: OciErrorDetail;

  constructor(code: OciErrorCode, message: string, detail: OciErrorDetail = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = 'OciError';
    this.code = code;
    this.detail = detail;
  }
}
