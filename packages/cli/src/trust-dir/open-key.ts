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

/** @throws CliError KEY_INVALID, PASSPHRASE_NEEDED, PASSPHRASE_WRONG, CANCELLED */
export async function openTrustKey(context: Context, key: TrustKeyFile): Promise<Signer> {
  context.terminal.progress(`opening ${key.role ?? 'private'} key ${key.keyId.slice(0, 12)} ...`);
  if (!key.isEncrypted) return toSigner(key, undefined);
  return await withPassphrase(context, key, (passphrase) => {
    try {
      return toSigner(key, passphrase);
    } catch (error) {
      if (error instanceof CliError && error.code === 'PASSPHRASE_WRONG') return undefined;
      throw error;
    }
  });
}

function toSigner(key: TrustKeyFile, passphrase: string | undefined): Signer {
  try {
    const { pkcs8, kind } = readPrivateKeyFile(key.pem, passphrase);
    return signerFromPkcs8(pkcs8, schemes[kind]);
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause;
    const code = cause.code === 'PASSPHRASE' ? 'PASSPHRASE_WRONG' : 'KEY_INVALID';
    throw new CliError(code, exitCodes.usage, `${key.path}: ${cause.message}`, undefined, { cause });
  }
}
