/**
 * From any room's error to an exit code, once. Errors are told apart by class name and code, so that
 * saying why a command failed does not load rooms the command never used.
 */
import { CliError } from './cli-error.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';

const { usage, denied, unavailable, unreachable } = exitCodes;

/** Class name -> code -> exit; `*` is every other code of the class. */
const exits: Readonly<Record<string, Readonly<Record<string, ExitCode>>>> = {
  ReferenceFormatError: { '*': usage },
  PolicyError: { '*': usage },
  TufError: {
    MALFORMED: unavailable,
    LIMIT: unavailable,
    LENGTH_MISMATCH: unavailable,
    MISSING: unavailable,
    '*': denied,
  },
  TrustClientError: {
    UNREACHABLE: unreachable,
    UNUSABLE: unavailable,
    UNAUTHORIZED: unavailable,
    NO_TRUST_DATA: denied,
    REFUSED: denied,
    ANCHOR_MISSING: unavailable,
    ANCHOR_INVALID: usage,
    CACHE_UNSAFE: usage,
    CACHE_FAILED: usage,
    OPTIONS_INVALID: usage,
    CACHE_BUSY: unavailable,
    AUDIT_INVALID: usage,
    '*': denied,
  },
  OciError: {
    UNREACHABLE: unreachable,
    CREDENTIALS_INVALID: usage,
    CONFIGURATION_INVALID: usage,
    LAYOUT_INVALID: usage,
    LAYOUT_UNWRITABLE: usage,
    PLATFORM_UNKNOWN: usage,
    DOCUMENT_REFUSED: denied,
    DIGEST_MISMATCH: denied,
    '*': unavailable,
  },
  KeyStoreError: { '*': usage },
  CryptoError: { '*': usage },
  NotaryError: { '*': denied },
  BackupError: { BACKUP_UNSOUND: denied, '*': usage },
  DatabaseError: { UNAVAILABLE: unreachable, '*': usage },
};

/** What to do where the room that failed does not know of the command line. */
const hints: Readonly<Record<string, string>> = {
  UNREACHABLE: 'check the address, VIDIMUS_SERVER and the network: vidimus doctor server',
  UNUSABLE: 'something else than the server answered, or it is in trouble: vidimus doctor server',
  NAME_INVALID: 'a reference is registry.example.com/team/app:TAG or @sha256:DIGEST',
  TAG_INVALID: 'a reference is registry.example.com/team/app:TAG or @sha256:DIGEST',
  DIGEST_INVALID: 'a digest is sha256: and 64 lower-case hex digits',
  PLATFORM_UNKNOWN: 'leave out --platform to judge everything the index lists',
  ANCHOR_INVALID: 'where it is pinned: vidimus anchor export REPO > FILE',
  TAG_UNKNOWN: 'vidimus inspect REPO shows the tags there are',
  PLATFORM_INVALID: 'for example --platform linux/amd64',
  MASTER_KEY_INVALID:
    'VIDIMUS_MASTER_KEY is 32 bytes in base64, or VIDIMUS_MASTER_KEY_FILE names a file of them',
  ANCHOR_MISMATCH: 'compare the anchor with its owner before anything else: vidimus anchor list',
  BINDING: 'the server shows the trust data of another repository: do not go on, and tell its administrator',
  ROLLBACK: 'tell the administrator: the server was restored from an old copy, or is not the one it was',
  EXPIRED: 'whoever holds the expired key signs it again, or the service does: vidimus doctor',
};

/** The usual way out of a failure that names none. */
export function usualHint(code: string): string | undefined {
  return Object.hasOwn(hints, code) ? hints[code] : undefined;
}

/** The failure as the command line reports it; what nobody foresaw is INTERNAL with the cause attached. */
export function toCliError(error: unknown): CliError {
  if (error instanceof CliError) return error;
  if (!(error instanceof Error)) return internal(new Error(String(error)));
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const table = Object.hasOwn(exits, error.name) ? exits[error.name] : undefined;
  if (table === undefined || code === undefined) return internal(error);
  const exit = (Object.hasOwn(table, code) ? table[code] : undefined) ?? table['*'] ?? exitCodes.internal;
  const hint = 'hint' in error && typeof error.hint === 'string' ? error.hint : undefined;
  return new CliError(serverCode(error) ?? code, exit, error.message, hint, { cause: error });
}

/** A refusal by the service carries the service's own code, which is the more telling one. */
function serverCode(error: Error): string | undefined {
  if (!('detail' in error) || typeof error.detail !== 'object' || error.detail === null) return undefined;
  const { detail } = error;
  return 'serverCode' in detail && typeof detail.serverCode === 'string' ? detail.serverCode : undefined;
}

function internal(cause: Error): CliError {
  return new CliError(
    'INTERNAL',
    exitCodes.internal,
    cause.message,
    'this is a defect: please report it with the lines below',
    { cause },
  );
}
