/** What a backup is locked with and opened by: age keys from the command line or a file, else a passphrase. */
import { readFile } from 'node:fs/promises';
import type { BackupKey, BackupLock } from '@vidimus/trust-server';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { passphraseOf } from '../publish/person.ts';

const maxIdentityBytes = 65_536;
/** A passphrase alone keeps the keys of every repository: a short one would be found. */
const minPassphraseCharacters = 12;

/** @throws CliError PASSPHRASE_NEEDED, USAGE */
export async function backupLock(
  context: Context,
  recipients: readonly string[] | undefined,
): Promise<BackupLock> {
  if (recipients !== undefined && recipients.length > 0) return { recipients };
  const passphrase = await passphraseOf(context, 'the backup', 'make');
  if (passphrase.length >= minPassphraseCharacters) return { passphrase };
  throw new CliError(
    'USAGE',
    exitCodes.usage,
    `a backup holds every key: its passphrase has at least ${minPassphraseCharacters} characters`,
    'or lock it to a public key: --recipient age1… (age-keygen makes one)',
  );
}

/** @throws CliError USAGE, PASSPHRASE_NEEDED */
export async function backupKey(context: Context, identityFile: string | undefined): Promise<BackupKey> {
  if (identityFile === undefined) {
    return { passphrase: await passphraseOf(context, 'the backup', 'open') };
  }
  const identities = await readIdentities(identityFile);
  if (identities.length > 0) return { identities };
  throw new CliError(
    'USAGE',
    exitCodes.usage,
    `${identityFile} holds no age secret key`,
    'age-keygen -o FILE makes one; its lines begin with AGE-SECRET-KEY-1',
  );
}

async function readIdentities(file: string): Promise<readonly string[]> {
  let text: string;
  try {
    text = await readFile(file, { encoding: 'utf8' });
  } catch (cause) {
    throw new CliError('USAGE', exitCodes.usage, `${file} cannot be read`, undefined, { cause });
  }
  if (text.length > maxIdentityBytes) return [];
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('AGE-SECRET-KEY-'));
}
