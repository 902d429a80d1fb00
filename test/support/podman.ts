/** The real podman, with storage of its own that is removed afterwards. Runs as root, as CI does. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Finished, runProgram } from './foreign-program.ts';

export interface Podman {
  /** Global arguments that select this storage; for whoever starts podman itself. */
  readonly storage: readonly string[];
  readonly run: (...args: readonly string[]) => Promise<Finished>;
  readonly close: () => void;
}

export function createPodman(): Podman {
  const directory = mkdtempSync(join(tmpdir(), 'vidimus-podman-'));
  const storage = [
    ...['--root', join(directory, 'root'), '--runroot', join(directory, 'run')],
    ...['--storage-driver', 'vfs', '--tmpdir', join(directory, 'tmp')],
  ];
  return {
    storage,
    run: (...args) => runProgram('podman', [...storage, ...args]),
    close: () => rmSync(directory, { recursive: true, force: true }),
  };
}
