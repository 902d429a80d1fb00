/** The real `notary` 0.7.0 (Debian's) with a trust directory of its own: one object is one person's machine. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assertDone, type ClientRun, runClient } from './run-client.ts';

const program = '/usr/bin/notary';

/** Opens every private key a client of the tests makes. */
export const PASSPHRASE = 'correct horse battery';

export interface NotaryCliOptions {
  /** `https://host:port` of the trust server. */
  readonly server: string;
  /** Certificate authority the server's certificate is from. */
  readonly ca: string;
  /** `user:password` for the server. */
  readonly login?: string;
  /** Somebody else's, such as Docker's `~/.docker/trust`; else one of its own. */
  readonly trustDirectory?: string;
}

export interface NotaryCli {
  /** `-d`: `private/<key id>.key` and `tuf/<repository>/`. */
  readonly trustDirectory: string;
  /** Runs a command; whatever it ends with is an answer. */
  run(...args: readonly string[]): Promise<ClientRun>;
  /** Runs a command that must end with 0, and answers what it printed. */
  done(...args: readonly string[]): Promise<string>;
  /** Runs a command that must fail, and answers what it said. */
  fails(...args: readonly string[]): Promise<string>;
  /** Writes a file beside the trust directory and answers its path. */
  file(name: string, content: string | Uint8Array): string;
  /** The rows of `notary list`: target, SHA-256, role. */
  list(repository: string): Promise<readonly ListedTarget[]>;
  /** Takes over every private key of another's machine. */
  adoptKeys(other: NotaryCli): void;
  close(): void;
}

export interface ListedTarget {
  readonly target: string;
  readonly sha256: string;
  readonly role: string;
}

export function createNotaryCli({ server, ca, login, ...options }: NotaryCliOptions): NotaryCli {
  const home = mkdtempSync(join(tmpdir(), 'vdm-notary-'));
  const trustDirectory = options.trustDirectory ?? join(home, 'trust');
  const file = (name: string, content: string | Uint8Array): string => {
    const path = join(home, name);
    writeFileSync(path, content);
    return path;
  };
  const global = ['-s', server, '--tlscacert', file('ca.crt', ca), '-d', trustDirectory];
  const environment = {
    HOME: home,
    NOTARY_ROOT_PASSPHRASE: PASSPHRASE,
    NOTARY_TARGETS_PASSPHRASE: PASSPHRASE,
    NOTARY_SNAPSHOT_PASSPHRASE: PASSPHRASE,
    NOTARY_DELEGATION_PASSPHRASE: PASSPHRASE,
    ...(login === undefined ? {} : { NOTARY_AUTH: Buffer.from(login).toString('base64') }),
  };
  const run = (...args: readonly string[]) => runClient(program, [...global, ...args], environment, home);
  const done = async (...args: readonly string[]) => assertDone('notary', args, await run(...args)).stdout;
  return {
    trustDirectory,
    run,
    done,
    fails: async (...args) => {
      const { exit, stdout, stderr } = await run(...args);
      if (exit === 0) throw new Error(`notary ${args.join(' ')} was to fail: ${stdout}`);
      return `${stdout}${stderr}`;
    },
    file,
    list: async (repository) => parseList(await done('list', repository)),
    adoptKeys: (other) =>
      cpSync(join(other.trustDirectory, 'private'), join(trustDirectory, 'private'), { recursive: true }),
    close: () => rmSync(home, { recursive: true, force: true }),
  };
}

/** Columns are separated by blanks; the first two lines are their heading. */
function parseList(output: string): readonly ListedTarget[] {
  return output
    .split('\n')
    .map((line) => /^(\S.*?)\s{2,}([0-9a-f]{64})\s+\d+\s+(\S+)\s*$/.exec(line))
    .flatMap((row) =>
      row === null ? [] : [{ target: row[1] ?? '', sha256: row[2] ?? '', role: row[3] ?? '' }],
    );
}
