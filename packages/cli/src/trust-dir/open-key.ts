/** From a key file to a signer, once its passphrase is known. */
import {
  CryptoError,
  readPrivateKeyFile,
  type SignatureScheme,
  type Signer,
  signerFromPkcs8,
} from '@vidimus/crypto';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import type { TrustKeyFile } from './key-file.ts';
import { withPassphrase } from './passphrases.ts';

/** How the Notary clients sign with a key of each kind. */
const schemes: Readonly<Record<ReturnType<typeof readPrivateKeyFile>['kind'], SignatureScheme>> = {
  ed25519: 'ed25519',
  p256: 'ecdsa-sha256-p1363',
  p384: 'ecdsa-sha256-p1363',
  p521: 'ecdsa-sha256-p1363',
  rsa: 'rsa-sha256',
};

/** A key that was opened. It stays in memory until the command ends. */
export interface OpenedKey {
  readonly signer: Signer;
  /** Unencrypted DER. */
  readonly pkcs8: Uint8Array;
}

/** Opens each file once, however many repositories its key is for. */
export function createKeyRing(context: Context): (key: TrustKeyFile) => Promise<OpenedKey> {
  const opened = new Map<string, Promise<OpenedKey>>();
  return (key) => {
    const known = opened.get(key.path) ?? openTrustKey(context, key);
    opened.set(key.path, known);
    return known;
  };
}

/** @throws CliError KEY_INVALID, PASSPHRASE_NEEDED, PASSPHRASE_WRONG, CANCELLED */
export async function openTrustKey(context: Context, key: TrustKeyFile): Promise<OpenedKey> {
  context.terminal.progress(`opening ${key.role ?? 'private'} key ${key.keyId.slice(0, 12)} ...`);
  if (!key.isEncrypted) return open(key, undefined);
  return await withPassphrase(context, key, (passphrase) => {
    try {
      return open(key, passphrase);
    } catch (error) {
      if (error instanceof CliError && error.code === 'PASSPHRASE_WRONG') return undefined;
      throw error;
    }
  });
}

function open(key: TrustKeyFile, passphrase: string | undefined): OpenedKey {
  try {
    const { pkcs8, kind } = readPrivateKeyFile(key.pem, passphrase);
    return { signer: signerFromPkcs8(pkcs8, schemes[kind]), pkcs8 };
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause;
    const code = cause.code === 'PASSPHRASE' ? 'PASSPHRASE_WRONG' : 'KEY_INVALID';
    throw new CliError(code, exitCodes.usage, `${key.path}: ${cause.message}`, undefined, { cause });
  }
}
