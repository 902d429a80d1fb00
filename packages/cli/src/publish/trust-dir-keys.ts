/** Root keys that Docker or notary keep, as keys of the dialect `tuf`: the same key, signing as TUF clients verify. */
import { signerFromPkcs8 } from '@vidimus/crypto';
import type { FileKeyStore } from '@vidimus/key-store';
import { ecdsaKeyObject, keyIdOf, rsaKeyObject } from '@vidimus/notary';
import type { SigningKey } from '@vidimus/trust-client';
import type { Key } from '@vidimus/tuf';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import type { TrustKeyFile } from '../trust-dir/key-file.ts';
import { createKeyRing } from '../trust-dir/open-key.ts';
import { openTrustDirectories } from '../trust-dir/trust-directories.ts';

/** Finds a private key by the id of its bare public key. */
export type HeldFiles = (canonicalId: string) => TrustKeyFile | undefined;

/** @param trustDir of `--trust-dir`; else those of Docker and notary @throws CliError FILE_UNREADABLE */
export function trustKeyFiles(context: Context, trustDir: string | undefined): HeldFiles {
  const directories = openTrustDirectories(context.world.environment, trustDir);
  const files = new Map(directories.flatMap(({ keys }) => keys.map((key) => [key.keyId, key] as const)));
  return (canonicalId) => files.get(canonicalId);
}

/** Whether the private half of a key of the dialect `tuf` is in a trust directory here. */
export function isHeld(files: HeldFiles, { usable }: Key): boolean {
  return usable !== undefined && files(canonicalIdOf(usable)) !== undefined;
}

/**
 * Opens those of the keys that are here. What they sign is written down beside our own keys: a key of Docker's signs
 * one document of a version, too.
 * @throws CliError KEY_INVALID, PASSPHRASE_NEEDED, PASSPHRASE_WRONG
 */
export async function openTrustKeys(
  context: Context,
  store: FileKeyStore,
  files: HeldFiles,
  keys: readonly Key[],
): Promise<readonly SigningKey[]> {
  const open = createKeyRing(context);
  const opened: SigningKey[] = [];
  for (const { keyId, usable } of keys) {
    const file = usable && files(canonicalIdOf(usable));
    if (usable === undefined || file === undefined) continue;
    const { pkcs8 } = await open(file);
    const signer = signerFromPkcs8(pkcs8, usable.scheme);
    if (signer.publicKey.materialId !== usable.materialId) {
      throw new CliError(
        'KEY_INVALID',
        exitCodes.usage,
        `${file.path} holds another key than it is named after`,
      );
    }
    await store.adopt(keyId);
    opened.push({ keyId, signer });
  }
  return opened;
}

function canonicalIdOf({ scheme, spkiDer }: NonNullable<Key['usable']>): string {
  return keyIdOf(scheme.startsWith('rsa') ? rsaKeyObject(spkiDer) : ecdsaKeyObject(spkiDer));
}
