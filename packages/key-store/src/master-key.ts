/** The keys that wrap all others: one that serving needs, and a separate one for managed roots. */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { CryptoError, fromBase64, sha256Hex, toBase64 } from '@vidimus/crypto';
import { KeyStoreError } from './errors.ts';
import { draw, type Random } from './key-store.ts';
import { createPrivateFile, readPrivateFile } from './private-file.ts';

const MASTER_KEY_BYTES = 32;
const MAX_FILE_BYTES = 1024;
const FINGERPRINT_LABEL = 'vidimus master key fingerprint v1\n';

/** A master key; printing it shows its fingerprint alone. */
export interface MasterKey {
  /** First 16 hex characters of a labelled SHA-256: tells two keys apart, helps nobody to find one. */
  readonly fingerprint: string;
  readonly key: KeyObject;
}

/**
 * A master key from base64 of 32 bytes, as an environment variable carries it; space around it is ignored.
 * @throws KeyStoreError MASTER_KEY_INVALID
 */
export function parseMasterKey(text: string): MasterKey {
  const bytes = decode(text.trim());
  try {
    if (bytes.length !== MASTER_KEY_BYTES) {
      throw new KeyStoreError('MASTER_KEY_INVALID', `a master key has 32 bytes, not ${bytes.length}`);
    }
    // Placeholders from examples: all zeros, all "A".
    if (bytes.every((byte) => byte === bytes[0])) {
      throw new KeyStoreError('MASTER_KEY_INVALID', 'the master key is one byte over and over, not random');
    }
    const fingerprint = sha256Hex(Buffer.concat([Buffer.from(FINGERPRINT_LABEL), bytes])).slice(0, 16);
    return { fingerprint, key: createSecretKey(bytes) };
  } finally {
    bytes.fill(0);
  }
}

/**
 * The master key in a file of mode 0600 that holds its base64. A symbolic link is followed, as mounted secrets
 * are; what it leads to is checked.
 * @throws KeyStoreError MASTER_KEY_MISSING, MASTER_KEY_INVALID or FILE_UNSAFE
 */
export async function readMasterKeyFile(path: string): Promise<MasterKey> {
  const bytes = await readPrivateFile(path, MAX_FILE_BYTES, 'follow');
  if (bytes === undefined) throw new KeyStoreError('MASTER_KEY_MISSING', `${path} does not exist`, { path });
  return parseMasterKey(Buffer.from(bytes).toString('utf8'));
}

/**
 * Makes a master key and writes it into a new file of mode 0600.
 * @throws KeyStoreError KEY_EXISTS: a master key is never overwritten
 */
export async function createMasterKeyFile(path: string, random: Random): Promise<MasterKey> {
  const text = toBase64(draw(random, MASTER_KEY_BYTES));
  await createPrivateFile(path, Buffer.from(`${text}\n`), random);
  return parseMasterKey(text);
}

/**
 * Refuses a master key other than the one whose fingerprint was stored before.
 * @throws KeyStoreError MASTER_KEY_WRONG
 */
export function assertMasterKey(master: MasterKey, fingerprint: string): void {
  if (master.fingerprint === fingerprint) return;
  throw new KeyStoreError(
    'MASTER_KEY_WRONG',
    `the master key has fingerprint ${master.fingerprint}, the stored keys need ${fingerprint}`,
    { given: master.fingerprint, needed: fingerprint },
  );
}

function decode(text: string): Uint8Array {
  try {
    return fromBase64(text);
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause;
    // Without the cause: nothing of the key may reach a log.
    throw new KeyStoreError('MASTER_KEY_INVALID', 'the master key is not base64');
  }
}
