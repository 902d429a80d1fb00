/** The trust directories of this machine: the one named, else those of Docker and notary. */
import { statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { CliError } from '../cli-error.ts';
import type { Environment } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { readTrustDirectory, type TrustDirectory } from './trust-directory.ts';

/** @param named of `--trust-dir`; must exist @throws CliError FILE_UNREADABLE */
export function openTrustDirectories(
  environment: Environment,
  named: string | undefined,
): readonly TrustDirectory[] {
  if (named === undefined) return usualDirectories(environment).filter(isDirectory).map(readTrustDirectory);
  if (isDirectory(named)) return [readTrustDirectory(named)];
  throw new CliError(
    'FILE_UNREADABLE',
    exitCodes.usage,
    `${named} is no directory`,
    'Docker keeps its trust directory in ~/.docker/trust, notary in ~/.notary',
  );
}

function usualDirectories(environment: Environment): readonly string[] {
  const home = environment['HOME'] || homedir();
  return [join(environment['DOCKER_CONFIG'] || join(home, '.docker'), 'trust'), join(home, '.notary')];
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
