/** The files of `<data>/tls`: private where they hold keys, written whole, refused when somebody damaged them. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises';
import type { CertifiedKey } from '@vidimus/crypto';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';

const maxFileBytes = 65_536;

/** @throws CliError TLS_INVALID where there is something else */
export async function directoryExists(path: string): Promise<boolean> {
  const stats = await lstat(path).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw damaged(path, `${path} cannot be read`, error);
  });
  if (stats?.isDirectory() === false) throw damaged(path, `${path} is no directory`);
  return stats !== undefined;
}

/**
 * A certificate and its key, from two files or one.
 * @throws CliError TLS_INVALID when one is missing, is none, or belongs to another
 */
export async function readPair(directory: string, certFile: string, keyFile: string): Promise<CertifiedKey> {
  const keyPem = await read(directory, keyFile, 'private');
  const certPem = certFile === keyFile ? keyPem : await read(directory, certFile, 'public');
  const certificate = parsed(directory, certFile, () => new X509Certificate(certPem));
  const key = parsed(directory, keyFile, () => createPrivateKey(keyPem));
  if (!certificate.checkPrivateKey(key)) {
    throw damaged(directory, `the key in ${keyFile} is not that of the certificate in ${certFile}`);
  }
  return { certPem, keyPem };
}

/** @throws the system's error when the file is there already */
export async function writeNew(file: string, content: string, mode: number): Promise<void> {
  const handle = await open(file, 'wx', mode);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Replaces a private file: a crash leaves the old one or the new one. */
export async function writeWhole(file: string, content: string, unique: string): Promise<void> {
  const unfinished = `${file}.${unique}`;
  try {
    await writeNew(unfinished, content, 0o600);
    await rename(unfinished, file);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

/** Whether a rename found something where it was to go. */
export function isTaken(error: unknown): boolean {
  return hasCode(error, 'ENOTEMPTY') || hasCode(error, 'EEXIST');
}

async function read(directory: string, file: string, kind: 'private' | 'public'): Promise<string> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, 'r');
    const { mode, size } = await handle.stat();
    // T28: keys were found world-readable in every audit of such tools.
    if (kind === 'private' && (mode & 0o077) !== 0) throw damaged(directory, `others may read ${file}`);
    if (size > maxFileBytes) throw damaged(directory, `${file} is longer than a certificate and its key`);
    return await handle.readFile('utf8');
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw damaged(directory, `${file} cannot be read`, error);
  } finally {
    await handle?.close();
  }
}

function parsed<Value>(directory: string, file: string, parse: () => Value): Value {
  try {
    return parse();
  } catch (cause) {
    throw damaged(directory, `${file} does not hold what --tls-dev wrote there`, cause);
  }
}

function damaged(directory: string, what: string, cause?: unknown): CliError {
  return new CliError(
    'TLS_INVALID',
    exitCodes.usage,
    what,
    `restore ${directory} from a backup, or remove it: a new authority is made, which every client must be told to trust`,
    { cause },
  );
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
