/** Asks a `docker-credential-<name>` program: no shell, a checked name, bounded in time and output. */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { CanonicalJsonError, parseJson } from '@vidimus/canonical-json';
import { z } from 'zod';
import type { Credential } from './credential.ts';
import { OciError } from './errors.ts';
import { MAX_CREDENTIALS_BYTES } from './limits.ts';

export interface HelperQuestion {
  /** The last part of the program's name, from a configuration file. */
  readonly helper: string;
  /** What to ask for: a registry host, or Docker Hub's URL. */
  readonly server: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs: number;
}

const helperAnswer = z.looseObject({ Username: z.string(), Secret: z.string() });
/** How docker-credential-helpers say that they have nothing for this server. */
const NOT_FOUND = /credentials not found/i;
/** The user name under which a helper hands out an identity token. */
const TOKEN_USER = '<token>';

/**
 * The credential the helper has for this server, or undefined when it has none.
 * @throws OciError CREDENTIALS_INVALID (name, missing program, time-out, failure, answer)
 * @see docker/docker-credential-helpers, credentials.go
 */
export async function askHelper(question: HelperQuestion): Promise<Credential | undefined> {
  const { code, stdout } = await run(findProgram(question), question);
  if (code !== 0) {
    if (NOT_FOUND.test(stdout.toString('utf8'))) return undefined;
    throw failed(question, `failed with exit code ${code}`);
  }
  const { Username: username, Secret: secret } = parseAnswer(question, stdout);
  if (secret === '') return undefined;
  if (username === TOKEN_USER) return { kind: 'identityToken', token: secret };
  return { kind: 'password', username, password: secret };
}

/** Only absolute directories of PATH count: a program planted in the working directory is never run. */
function findProgram(question: HelperQuestion): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(question.helper)) {
    throw new OciError('CREDENTIALS_INVALID', 'a credential helper has a name that is not allowed');
  }
  const directories = (question.environment['PATH'] ?? '').split(delimiter).filter(isAbsolute);
  const candidates = directories.map((directory) => join(directory, `docker-credential-${question.helper}`));
  const found = candidates.find(isExecutable);
  if (found === undefined) throw failed(question, 'is not installed');
  return found;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function run(program: string, question: HelperQuestion): Promise<{ code: number; stdout: Buffer }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, ['get'], {
      env: { ...question.environment },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    const stop = (problem: string): void => {
      child.kill('SIGKILL');
      // A grandchild may still hold the pipe.
      child.stdout.destroy();
      reject(failed(question, problem));
    };
    const timer = setTimeout(() => stop('took too long'), question.timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_CREDENTIALS_BYTES) stop('printed too much');
      else chunks.push(chunk);
    });
    // It may exit without reading: that is its answer, not a broken pipe of ours.
    child.stdin.on('error', () => child.stdin.destroy());
    child.on('error', () => stop('could not be started'));
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? -1, stdout: Buffer.concat(chunks) });
    });
    child.stdin.end(question.server);
  });
}

function parseAnswer(question: HelperQuestion, stdout: Uint8Array): z.infer<typeof helperAnswer> {
  try {
    const json = parseJson(stdout, { maxBytes: MAX_CREDENTIALS_BYTES, maxDepth: 8, numbers: 'any' });
    return helperAnswer.parse(json);
  } catch (cause) {
    // The cause may quote the secret: it is dropped.
    if (cause instanceof CanonicalJsonError || cause instanceof z.ZodError) {
      throw failed(question, 'printed something that is no credential');
    }
    throw cause;
  }
}

function failed({ helper }: HelperQuestion, problem: string): OciError {
  return new OciError('CREDENTIALS_INVALID', `docker-credential-${helper} ${problem}`, { helper });
}
