/** Which programs are there to be run. */
import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import type { Environment } from '../context.ts';

/**
 * The first file of that name on PATH that is executable. Empty and relative entries do not count: whoever
 * writes the working directory must not choose what pulls.
 */
export function findProgram(program: string, environment: Environment): string | undefined {
  const directories = (environment['PATH'] ?? '').split(delimiter).filter(isAbsolute);
  return directories.map((directory) => join(directory, program)).find(isExecutable);
}

/** Whether `findProgram` finds it. */
export function isInstalled(program: string, environment: Environment): boolean {
  return findProgram(program, environment) !== undefined;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
