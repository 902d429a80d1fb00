/** Why a backup could not be written, read or restored. */
export type BackupErrorCode =
  /** Not a backup, or not as it was written. */
  | 'BACKUP_INVALID'
  /** It ends before its end. */
  | 'BACKUP_TRUNCATED'
  /** Of a format, or of a schema, that this program does not know. */
  | 'BACKUP_NEWER'
  /** No passphrase or identity given here opens it. */
  | 'BACKUP_LOCKED'
  /** There is something where it should be restored to. */
  | 'NOT_EMPTY'
  /** What it holds does not verify: keys that do not open, files that clients would refuse. */
  | 'BACKUP_UNSOUND';

/** `code` is API, the message is for people and holds no secrets. */
export class BackupError extends Error {
  readonly code: BackupErrorCode;

  constructor(code: BackupErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'BackupError';
    this.code = code;
  }
}
