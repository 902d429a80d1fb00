/** How a command fails: a stable code, what failed, what to do next, and the exit code that goes with it. */
import type { ExitCode } from './exit-codes.ts';

/** Codes the command line itself raises; other rooms' codes pass through unchanged. */
export type CliErrorCode =
  | 'USAGE'
  | 'CONFIG_INVALID'
  | 'POLICY_INVALID'
  | 'PROGRAM_MISSING'
  | 'PULL_FAILED'
  | 'CHANGE_UNSUPPORTED'
  | 'CONFIRMATION_NEEDED'
  | 'CANCELLED'
  | 'PASSPHRASE_NEEDED'
  | 'PASSPHRASE_DIFFERS'
  | 'PASSPHRASE_WRONG'
  | 'FILE_UNREADABLE'
  | 'FILE_UNWRITABLE'
  | 'KEY_UNKNOWN'
  | 'REPOSITORIES_INVALID'
  | 'NOTARY_AUTH_INVALID'
  | 'NO_TRUST_DATA'
  | 'SAVE_FAILED'
  | 'AUDIT_UNSIGNED'
  | 'SAVE_DAMAGED'
  | 'NOT_TRUSTWORTHY'
  | 'KEY_MISSING'
  | 'ROOT_KEY_MISSING'
  | 'TARGETS_MISSING'
  | 'TARGETS_EXPIRED'
  | 'CERTIFICATE_EXPIRED'
  | 'KEY_INVALID'
  | 'THRESHOLD_INVALID'
  | 'DIGEST_FILE_INVALID'
  | 'METADATA_FILE_INVALID';

/** A failure that a person can act on; everything else is exit 5. */
export class CliError extends Error {
  readonly code: string;
  readonly exit: ExitCode;
  readonly hint: string | undefined;

  constructor(
    code: CliErrorCode | (string & {}),
    exit: ExitCode,
    message: string,
    hint?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'CliError';
    this.code = code;
    this.exit = exit;
    this.hint = hint;
  }
}
