/** The room's one error class: why a private key could not be made, opened or used. */

export type KeyStoreErrorCode =
  /** The home that could sign is not there: no root master key in this process, or a signer that is down, slow or odd. */
  | 'SIGNER_UNAVAILABLE'
  /** The signer read what it should sign, and will not; `code` in the detail is its reason. */
  | 'SIGNER_REFUSED'
  /** The master key is not the one that wrapped this key, or that this service was started with before. */
  | 'MASTER_KEY_WRONG'
  /** Not base64 of 32 bytes, or bytes that nobody drew at random. */
  | 'MASTER_KEY_INVALID'
  /** The file that should hold the master key does not exist. */
  | 'MASTER_KEY_MISSING'
  /** No key of this id here. */
  | 'KEY_UNKNOWN'
  /** A file of this name is already there; keys are never overwritten. */
  | 'KEY_EXISTS'
  /** Not 64 lower-case hex characters. */
  | 'KEY_ID_INVALID'
  /** The stored key was altered, moved to another repository, role, dialect or id, or is of an unknown format. */
  | 'KEY_CORRUPT'
  /** A private key to import is none, or one that nobody should trust. */
  | 'KEY_INVALID'
  /** The key is not of the kind that the scheme signs with. */
  | 'SCHEME_MISMATCH'
  /** The certificate to keep beside a key is not one of this key. */
  | 'CERTIFICATE_WRONG'
  /** Wrong passphrase; or the file was altered, which looks the same. */
  | 'PASSPHRASE_WRONG'
  | 'PASSPHRASE_EMPTY'
  /** Others could read or replace the file or its directory: mode, owner, or a symbolic link. */
  | 'FILE_UNSAFE'
  /** This key signed another document of the same version before. */
  | 'ALREADY_SIGNED'
  /** The record of what a key signed is missing or was altered. */
  | 'RECORD_CORRUPT'
  /** Not a `pkcs11:` URI, or one that says what we do not take. */
  | 'URI_INVALID'
  /** No PKCS#11 module was named, or it or `pkcs11js` cannot be loaded. */
  | 'MODULE_UNAVAILABLE'
  /** No token, or more than one, is as the URI says; or it failed. */
  | 'TOKEN_UNAVAILABLE'
  | 'PIN_NEEDED'
  /** The token refused the PIN; every wrong one brings it closer to locking. */
  | 'PIN_WRONG'
  /** Several keys are as the URI says. */
  | 'KEY_AMBIGUOUS'
  /** The token would hand the private key out. */
  | 'KEY_EXTRACTABLE'
  /** The home made a signature that the public key does not verify. */
  | 'SIGNATURE_WRONG'
  /** The source of random bytes gave another number of them than asked for, or a constant. */
  | 'RANDOM_INVALID';

export type KeyStoreErrorDetail = Readonly<Record<string, string | number>>;

/** A key could not be made, opened or used; `code` is API, the message is for people and holds no secrets. */
export class KeyStoreError extends Error {
  readonly code: KeyStoreErrorCode;
  readonly detail: KeyStoreErrorDetail;

  constructor(
    code: KeyStoreErrorCode,
    message: string,
    detail: KeyStoreErrorDetail = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'KeyStoreError';
    this.code = code;
    this.detail = detail;
  }
}
