/** The file around a backup: age (age-encryption.org/v1), to recipients' public keys or under a passphrase. */
import { Decrypter, Encrypter } from 'age-encryption';
import { BackupError } from './backup-error.ts';

/** Who can open a backup. */
export type BackupLock =
  | { readonly passphrase: string }
  /** `age1…`, one or more. */
  | { readonly recipients: readonly string[] };

/** What opens it: the passphrase, or one of `AGE-SECRET-KEY-1…`. */
export type BackupKey = { readonly passphrase: string } | { readonly identities: readonly string[] };

/** @throws BackupError BACKUP_INVALID for a recipient that is none */
export async function sealStream(
  text: ReadableStream<Uint8Array>,
  lock: BackupLock,
): Promise<ReadableStream<Uint8Array>> {
  const encrypter = new Encrypter();
  if ('passphrase' in lock) encrypter.setPassphrase(lock.passphrase);
  else {
    for (const recipient of lock.recipients) {
      try {
        encrypter.addRecipient(recipient);
      } catch (cause) {
        throw new BackupError('BACKUP_INVALID', 'a recipient is not an age public key (age1…)', { cause });
      }
    }
  }
  return await encrypter.encrypt(text);
}

/** Only bytes that are authentic come out. @throws BackupError BACKUP_LOCKED, BACKUP_INVALID, while reading */
export async function* openStream(
  file: ReadableStream<Uint8Array>,
  key: BackupKey,
): AsyncGenerator<Uint8Array> {
  const decrypter = new Decrypter();
  if ('passphrase' in key) decrypter.addPassphrase(key.passphrase);
  else for (const identity of key.identities) addIdentity(decrypter, identity);
  let text: ReadableStream<Uint8Array>;
  try {
    text = await decrypter.decrypt(file);
  } catch (cause) {
    throw new BackupError('BACKUP_LOCKED', 'the backup does not open: another key, or not a backup', {
      cause,
    });
  }
  const reader = text.getReader();
  try {
    for (;;) {
      const { done, value } = await read(reader);
      if (done) return;
      yield value;
    }
  } finally {
    reader.releaseLock();
  }
}

function addIdentity(decrypter: Decrypter, identity: string): void {
  try {
    decrypter.addIdentity(identity);
  } catch {
    // Without the cause: nothing of a secret key may reach a log.
    throw new BackupError('BACKUP_LOCKED', 'an identity is not an age secret key (AGE-SECRET-KEY-1…)');
  }
}

async function read(reader: ReadableStreamDefaultReader<Uint8Array>) {
  try {
    return await reader.read();
  } catch (cause) {
    throw new BackupError('BACKUP_INVALID', 'the backup was altered or cut short', { cause });
  }
}
