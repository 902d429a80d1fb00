/** SoftHSM2 with a token directory of its own, for suites that want keys on a token. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const modules = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib64/pkcs11/libsofthsm2.so',
];

export interface SoftHsm {
  /** The PKCS#11 module. */
  readonly module: string;
  /** Where tokens are; `SOFTHSM2_CONF` must name it in every process that uses them. */
  readonly configFile: string;
  readonly directory: string;
  /** Makes a token and answers its PIN. */
  makeToken(label: string): string;
  /** Runs `softhsm2-util` with this configuration. */
  util(...args: readonly string[]): void;
  remove(): void;
}

/** @throws when SoftHSM2 is not installed: suites that need it never pass without it */
export function createSoftHsm(): SoftHsm {
  const module = modules.find((path) => existsSync(path));
  if (module === undefined) throw new Error('libsofthsm2.so is not installed');
  const directory = mkdtempSync(join(tmpdir(), 'vidimus-hsm-'));
  mkdirSync(join(directory, 'tokens'));
  const configFile = join(directory, 'softhsm2.conf');
  writeFileSync(
    configFile,
    `directories.tokendir = ${directory}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n`,
  );
  const util = (...args: readonly string[]): void => {
    const { status, stderr } = spawnSync('softhsm2-util', args, {
      env: { ...process.env, SOFTHSM2_CONF: configFile },
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`softhsm2-util: ${stderr}`);
  };
  return {
    module,
    configFile,
    directory,
    util,
    makeToken: (label) => {
      util('--init-token', '--free', '--label', label, '--pin', '123456', '--so-pin', '12345678');
      return '123456';
    },
    remove: () => rmSync(directory, { recursive: true }),
  };
}
