/** The room's one error class: why bytes are no key, or no encoding. */

export type CryptoErrorCode =
  /** Not a key of the format it claims: bad encoding, trailing bytes, point off the curve, unknown algorithm. */
  | 'KEY_INVALID'
  /** A key nobody should trust: small order or torsion, RSA size or exponent outside the limits. */
  | 'KEY_WEAK'
  /** The key is not of the kind the scheme signs with. */
  | 'SCHEME_MISMATCH'
  /** A certificate that cannot be made as asked: its name, dates, serial or issuer. */
  | 'CERTIFICATE_INVALID'
  /** A passphrase is missing or wrong; or the encrypted key was altered, which looks the same. */
  | 'PASSPHRASE'
  /** Text that is not strict hex or base64. */
  | 'ENCODING_INVALID';

/** A key or an encoding was refused; `code` is API, the message is for people. */
export class CryptoError extends Error {
  readonly code: CryptoErrorCode;

  constructor(code: CryptoErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CryptoError';
    this.code = code;
  }
}
