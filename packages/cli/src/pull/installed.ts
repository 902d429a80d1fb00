/** Which programs are there to be run. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Environment } from '../context.ts';

/** Whether a program is on PATH and executable; an empty entry of PATH (the working directory) does not count. */
export function isInstalled(program: string, environment: Environment): boolean {
  return (environment['PATH'] ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return directory !== '';
    } catch {
      return false;
    }
  });
}
