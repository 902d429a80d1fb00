/** Errors of the operating system about the data directory. */
import { isDiskFull } from '../driver-error.ts';
import { DatabaseError } from '../errors.ts';

/** What a failed file operation under the data directory means. */
export function toDirectoryError(error: unknown, path: string): DatabaseError {
  if (error instanceof DatabaseError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  if (isDiskFull(error)) {
    return new DatabaseError(
      'DISK_FULL',
      { message: `no room to write ${path}: ${reason}`, hint: 'make room on the disk, then start again' },
      { cause: error },
    );
  }
  return new DatabaseError(
    'DIRECTORY_UNWRITABLE',
    {
      message: `cannot use ${path}: ${reason}`,
      hint: 'the data directory must belong to the user that runs the service, on a disk that is mounted for writing',
    },
    { cause: error },
  );
}
