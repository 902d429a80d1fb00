/**
 * Why the service did not start, as CONTRACTS C1 counts it: exit 2 where an operator's setting is wrong, else 5.
 * Client commands count otherwise: to them a database is never theirs to mend.
 */
import { DatabaseError, type DatabaseErrorCode, toDatabaseError } from '@vidimus/database';
import { KeyStoreError } from '@vidimus/key-store';
import { ListenerError } from '@vidimus/trust-server';
import { CliError } from '../cli-error.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';

/** What another setting, another directory or another program version mends. */
const settingsAreWrong: ReadonlySet<DatabaseErrorCode> = new Set<DatabaseErrorCode>([
  'URL_INVALID',
  'SERVER_UNSUITABLE',
  'NEWER_SCHEMA',
  'MIGRATION_CHANGED',
  'LOCKED',
  'NEWER_DIRECTORY',
  'DIRECTORY_INVALID',
  'DIRECTORY_UNWRITABLE',
  'PATH_TOO_LONG',
]);

/** The failure with its exit code; what nobody foresaw is returned as it is. */
export function toStartFailure(error: unknown): unknown {
  if (error instanceof ListenerError) return failure(error, exitCodes.usage);
  if (error instanceof KeyStoreError) return failure(error, exitCodes.usage);
  const database = toDatabaseError(error);
  if (database === undefined) return error;
  return failure(database, settingsAreWrong.has(database.code) ? exitCodes.usage : exitCodes.internal);
}

/** Without the cause: it is foreseen, and a stack trace would call it a defect. */
function failure(error: ListenerError | KeyStoreError | DatabaseError, exit: ExitCode): CliError {
  const hint = error instanceof DatabaseError ? error.hint : undefined;
  return new CliError(error.code, exit, error.message, hint);
}
