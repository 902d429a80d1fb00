/** Small files named on the command line. */
import { readFileSync, statSync } from 'node:fs';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';

/** @throws CliError FILE_UNREADABLE */
export function readNamedFile(file: string, maxBytes: number): Buffer {
  try {
    if (statSync(file).size > maxBytes) throw unreadable(`${file} is larger than ${maxBytes} bytes`);
    return readFileSync(file);
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    throw unreadable(`cannot read ${file}`, cause);
  }
}

function unreadable(message: string, cause?: unknown): CliError {
  return new CliError('FILE_UNREADABLE', exitCodes.usage, message, 'check its name and permissions', {
    cause,
  });
}
