/** A key of one's own in text: its public half for others, its facts as JSON, and files that were not there before. */
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import type { ClientKey } from '@vidimus/key-store';
import type { Key } from '@vidimus/tuf';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import { toListedKey } from './listed-key.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;

/** As others name it with --root-key, --signer and --to. */
export function publicText(key: ClientKey): string {
  if (key.certificate === undefined) return publicTextOf(toListedKey(key).key);
  return key.certificate.endsWith('\n') ? key.certificate : `${key.certificate}\n`;
}

/** The same of a key that is not held in the key directory. */
export function publicTextOf({ declared, usable }: Key): string {
  const { keyval } = declared;
  const text = typeof keyval === 'object' && keyval !== null && 'public' in keyval ? keyval['public'] : '';
  return usable?.scheme === 'ed25519' ? `ed25519:${String(text)}\n` : String(text);
}

/** What `--json` says of a key. */
export function keyJson({ keyId, algorithm, label, createdAt, publicHex, certificate }: ClientKey) {
  return {
    keyId,
    algorithm,
    label,
    createdAt: new Date(createdAt).toISOString(),
    publicKey: publicHex,
    ...(certificate === undefined ? {} : { certificate }),
  };
}

/** A file that was not there, so that nothing is overwritten and no link followed. */
export function writeNew(file: string, text: string, mode: number, mayExist = false): void {
  let opened: number;
  try {
    opened = openSync(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  } catch (cause) {
    const isThere = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST';
    if (isThere && mayExist) return;
    const why = isThere ? `${file} exists` : `cannot write ${file}`;
    throw new CliError('FILE_UNWRITABLE', exitCodes.usage, why, 'name another file', { cause });
  }
  try {
    writeSync(opened, text);
  } finally {
    closeSync(opened);
  }
}
