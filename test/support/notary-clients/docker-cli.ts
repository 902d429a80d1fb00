/** A real Docker command line with content trust on: one object is one person's machine. */
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { PASSPHRASE } from './notary-cli.ts';
import { assertDone, type ClientRun, runClient } from './run-client.ts';

/** Debian's, 20.10: what every suite needs. */
export const DEBIAN_DOCKER = '/usr/bin/docker';

export interface DockerCliOptions {
  /** `https://host:port` of the trust server. */
  readonly server: string;
  /** Certificate authority the server's certificate is from. */
  readonly ca: string;
  /** Unix socket of the engine; without one only what needs no engine works. */
  readonly engineSocket?: string;
  readonly program?: string;
  /** Registry host to `user:password`; Docker shows the trust server what it has for the registry. */
  readonly logins?: Readonly<Record<string, string>>;
}

export interface DockerCli {
  /** `DOCKER_CONFIG`: `trust/private/<key id>.key` and `trust/tuf/<repository>/`. */
  readonly configDirectory: string;
  /** Runs a command; whatever it ends with is an answer. */
  run(...args: readonly string[]): Promise<ClientRun>;
  /** Runs a command that must end with 0, and answers what it printed on stdout. */
  done(...args: readonly string[]): Promise<string>;
  /** Runs a command that must fail, and answers what it said. */
  fails(...args: readonly string[]): Promise<string>;
  /** Writes a file into the home directory, where commands run, and answers its path. */
  file(name: string, content: string): string;
  close(): void;
}

export function createDockerCli(options: DockerCliOptions): DockerCli {
  const home = mkdtempSync(join(tmpdir(), 'vdm-docker-'));
  const configDirectory = join(home, '.docker');
  const authorities = join(configDirectory, 'tls', new URL(options.server).host);
  mkdirSync(authorities, { recursive: true });
  writeFileSync(join(authorities, 'ca.crt'), options.ca);
  const auths = Object.entries(options.logins ?? {}).map(([host, login]) => [
    host,
    { auth: Buffer.from(login).toString('base64') },
  ]);
  writeFileSync(join(configDirectory, 'config.json'), JSON.stringify({ auths: Object.fromEntries(auths) }), {
    mode: 0o600,
  });
  const environment = {
    HOME: home,
    DOCKER_CONFIG: configDirectory,
    DOCKER_HOST: `unix://${options.engineSocket ?? join(home, 'no-engine.sock')}`,
    DOCKER_CONTENT_TRUST: '1',
    DOCKER_CONTENT_TRUST_SERVER: options.server,
    DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: PASSPHRASE,
    DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: PASSPHRASE,
  };
  const program = options.program ?? DEBIAN_DOCKER;
  const run = (...args: readonly string[]) => runClient(program, args, environment, home);
  return {
    configDirectory,
    run,
    done: async (...args) => assertDone(program, args, await run(...args)).stdout,
    fails: async (...args) => {
      const { exit, stdout, stderr } = await run(...args);
      if (exit === 0) throw new Error(`${program} ${args.join(' ')} was to fail: ${stdout}`);
      return `${stdout}${stderr}`;
    },
    file: (name, content) => {
      const path = join(home, name);
      writeFileSync(path, content, { mode: 0o600 });
      return path;
    },
    close: () => rmSync(home, { recursive: true, force: true }),
  };
}

/**
 * Debian's program, then whatever other one comes first on PATH, if it still has `docker trust` (up to 28): the suites
 * need the first only.
 */
export async function dockerPrograms(): Promise<readonly string[]> {
  const others = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((directory) => join(directory, 'docker'))
    .filter((program) => program !== DEBIAN_DOCKER && program !== '/bin/docker' && isExecutable(program));
  const [other] = others;
  if (other === undefined) return [DEBIAN_DOCKER];
  const { exit } = await runClient(other, ['trust', 'inspect', '--help'], { HOME: tmpdir() }, tmpdir());
  return exit === 0 ? [DEBIAN_DOCKER, other] : [DEBIAN_DOCKER];
}

function isExecutable(program: string): boolean {
  try {
    accessSync(program, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
