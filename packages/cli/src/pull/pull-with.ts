/**
 * Foreign programs that pull. They are given the judged digest, never a tag; what they print goes to stderr,
 * and a reference that could be read as an option never reaches them (references are parsed and printed by us).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';

export const pullPrograms = ['docker', 'podman', 'skopeo', 'nerdctl'] as const;
export type PullProgram = (typeof pullPrograms)[number];

export interface ProgramPull {
  /** `<repository>@sha256:...`: what was judged. */
  readonly resolved: string;
  /** `<repository>:<tag>` to call it afterwards; absent when the reference was by digest alone. */
  readonly retag: string | undefined;
  readonly platform: string | undefined;
  readonly plainHttp: boolean;
  /** skopeo: where to, such as `oci:DIR:NAME`. */
  readonly to: string | undefined;
  readonly onOutput: (line: string) => void;
}

/** Runs the program; resolves with what the image was called, if it was. @throws CliError PROGRAM_MISSING or PULL_FAILED */
export async function pullWith(program: PullProgram, pull: ProgramPull): Promise<string | undefined> {
  if (program === 'skopeo') {
    await run('skopeo', skopeoArguments(pull), pull.onOutput);
    return undefined;
  }
  const platform = pull.platform === undefined ? [] : ['--platform', pull.platform];
  const tls = program === 'podman' && pull.plainHttp ? ['--tls-verify=false'] : [];
  await run(program, ['pull', ...platform, ...tls, pull.resolved], pull.onOutput);
  if (pull.retag === undefined) return undefined;
  await run(program, ['tag', pull.resolved, pull.retag], pull.onOutput);
  return pull.retag;
}

function skopeoArguments(pull: ProgramPull): readonly string[] {
  if (pull.to === undefined) {
    throw new CliError(
      'USAGE',
      exitCodes.usage,
      'skopeo needs --to',
      'for example --with skopeo --to oci:DIR',
    );
  }
  const [os, architecture, variant] = pull.platform?.split('/') ?? [];
  const overrides = [
    ...(os === undefined ? [] : ['--override-os', os]),
    ...(architecture === undefined ? [] : ['--override-arch', architecture]),
    ...(variant === undefined ? [] : ['--override-variant', variant]),
  ];
  // Without a platform the whole index is copied, so that what lies there has the judged digest.
  const whole = pull.platform === undefined ? ['--all'] : [];
  const tls = pull.plainHttp ? ['--src-tls-verify=false'] : [];
  return [...overrides, 'copy', ...whole, '--preserve-digests', ...tls, `docker://${pull.resolved}`, pull.to];
}

function run(program: string, words: readonly string[], onOutput: (line: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] });
    const lastLines = collectLines(child, onOutput);
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

function startFailure(program: string, cause: Error): CliError {
  const missing = 'code' in cause && cause.code === 'ENOENT';
  return new CliError(
    'PROGRAM_MISSING',
    exitCodes.usage,
    missing ? `${program} is not installed` : `${program} cannot be started`,
    'pull with no other program: vidimus pull IMAGE --to oci:DIR',
    { cause },
  );
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
