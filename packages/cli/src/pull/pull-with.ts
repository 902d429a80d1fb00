/**
 * Foreign programs that pull. They are given the judged digest, never a tag; what they print goes to stderr,
 * and a reference that could be read as an option never reaches them (references are parsed and printed by us).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { CliError } from '../cli-error.ts';
import { foreignEnvironment } from '../client/foreign-environment.ts';
import type { Environment } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { findProgram } from './installed.ts';

export const pullPrograms = ['docker', 'podman', 'skopeo', 'nerdctl'] as const;
export type PullProgram = (typeof pullPrograms)[number];

export interface ProgramPull {
  /** `<repository>@sha256:...`: what was judged. */
  readonly resolved: string;
  /** `<repository>:<tag>` to call it afterwards; absent when the reference was by digest alone. */
  readonly retag: string | undefined;
  readonly platform: string | undefined;
  readonly plainHttp: boolean;
  /** skopeo, which needs it, and nobody else: where to, such as `oci:DIR:NAME`. */
  readonly to: string | undefined;
  /** Where the program is found, and what it sees; our own secrets are taken out. */
  readonly environment: Environment;
  readonly onOutput: (line: string) => void;
}

/**
 * To be asked before anything is judged: whether the program is there and what was asked for makes sense.
 * @throws CliError PROGRAM_MISSING or USAGE
 */
export function assertCanPull(program: PullProgram, to: string | undefined, environment: Environment): void {
  if (program === 'skopeo' && to === undefined) {
    throw new CliError(
      'USAGE',
      exitCodes.usage,
      'skopeo needs --to',
      'for example --with skopeo --to oci:DIR',
    );
  }
  if (program !== 'skopeo' && to !== undefined) {
    throw new CliError(
      'USAGE',
      exitCodes.usage,
      `${program} pulls into its own store: it takes no --to`,
      'leave out --to, or leave out --with',
    );
  }
  if (findProgram(program, environment) === undefined) throw missing(program);
}

/** Runs the program; resolves with what the image was called, if it was. @throws CliError PROGRAM_MISSING or PULL_FAILED */
export async function pullWith(program: PullProgram, pull: ProgramPull): Promise<string | undefined> {
  if (program === 'skopeo') {
    await run('skopeo', skopeoArguments(pull), pull);
    return undefined;
  }
  const platform = pull.platform === undefined ? [] : ['--platform', pull.platform];
  const tls = program === 'podman' && pull.plainHttp ? ['--tls-verify=false'] : [];
  await run(program, ['pull', ...platform, ...tls, pull.resolved], pull);
  if (pull.retag === undefined) return undefined;
  await run(program, ['tag', pull.resolved, pull.retag], pull);
  return pull.retag;
}

function skopeoArguments(pull: ProgramPull): readonly string[] {
  const [os, architecture, variant] = pull.platform?.split('/') ?? [];
  const overrides = [
    ...(os === undefined ? [] : ['--override-os', os]),
    ...(architecture === undefined ? [] : ['--override-arch', architecture]),
    ...(variant === undefined ? [] : ['--override-variant', variant]),
  ];
  // Without a platform the whole index is copied, so that what lies there has the judged digest.
  const whole = pull.platform === undefined ? ['--all'] : [];
  const tls = pull.plainHttp ? ['--src-tls-verify=false'] : [];
  return [
    ...overrides,
    'copy',
    ...whole,
    '--preserve-digests',
    ...tls,
    `docker://${pull.resolved}`,
    pull.to ?? '',
  ];
}

function run(program: PullProgram, words: readonly string[], pull: ProgramPull): Promise<void> {
  const file = findProgram(program, pull.environment);
  if (file === undefined) throw missing(program);
  return new Promise((resolve, reject) => {
    const child = spawn(file, words, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: foreignEnvironment(pull.environment),
    });
    const lastLines = collectLines(child, pull.onOutput);
    child.once('error', (cause) => reject(startFailure(program, cause)));
    child.once('close', (code) => {
      if (code === 0) resolve();
      else
        reject(
          new CliError('PULL_FAILED', exitCodes.unavailable, `${program} failed: ${lastLines().join(' ')}`),
        );
    });
  });
}

const useNone = 'pull with no other program: vidimus pull IMAGE --to oci:DIR';

function missing(program: PullProgram): CliError {
  return new CliError('PROGRAM_MISSING', exitCodes.usage, `${program} is not installed`, useNone);
}

function startFailure(program: PullProgram, cause: Error): CliError {
  return new CliError('PROGRAM_MISSING', exitCodes.usage, `${program} cannot be started`, useNone, { cause });
}

const keptLines = 3;

function collectLines(child: ChildProcess, onOutput: (line: string) => void): () => readonly string[] {
  let last: readonly string[] = [];
  const take = (chunk: Buffer): void => {
    const lines = chunk
      .toString('utf8')
      .split(/[\r\n]+/)
      .filter((line) => line.trim() !== '');
    last = [...last, ...lines].slice(-keptLines);
    for (const line of lines) onOutput(line);
  };
  child.stdout?.on('data', take);
  child.stderr?.on('data', take);
  return () => last;
}
