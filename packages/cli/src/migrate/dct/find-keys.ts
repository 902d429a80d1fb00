/** Private keys of a role among those of the trust directories, opened and proven to be the keys they are named after. */
import { canonicalKeyId } from '@vidimus/notary';
import type { Key, RoleKeys } from '@vidimus/tuf';
import { CliError } from '../../cli-error.ts';
import { exitCodes } from '../../exit-codes.ts';
import type { TrustKeyFile } from '../../trust-dir/key-file.ts';
import type { OpenedKey } from '../../trust-dir/open-key.ts';
import type { HeldKeys } from './describe-repository.ts';

/** A key that can sign for a role. */
export interface SigningRoleKey extends OpenedKey {
  /** As the role lists it. */
  readonly keyId: string;
  readonly key: Key;
}

export interface KeyFinder {
  readonly held: HeldKeys;
  readonly open: (file: TrustKeyFile) => Promise<OpenedKey>;
}

/** Whether the keys here reach the threshold, as far as their names say; opens nothing. */
export function canSign({ held }: KeyFinder, roleKeys: RoleKeys, keys: ReadonlyMap<string, Key>): boolean {
  return filesOf(held, roleKeys, keys).length >= roleKeys.threshold;
}

/** As many keys as the threshold asks for. @throws CliError KEY_MISSING, and what opening them throws */
export async function openRoleKeys(
  { held, open }: KeyFinder,
  role: string,
  roleKeys: RoleKeys,
  keys: ReadonlyMap<string, Key>,
): Promise<readonly SigningRoleKey[]> {
  const files = filesOf(held, roleKeys, keys).slice(0, roleKeys.threshold);
  if (files.length < roleKeys.threshold) {
    throw new CliError(
      'KEY_MISSING',
      exitCodes.denied,
      `${files.length} of the ${roleKeys.threshold} ${role} keys that are needed are in a trust directory here`,
      'copy the private keys of their keepers into one directory: --trust-dir DIR',
    );
  }
  const opened: SigningRoleKey[] = [];
  for (const { file, keyId, key } of files) {
    const found = await open(file);
    if (found.signer.publicKey.materialId !== key.usable?.materialId) {
      throw new CliError(
        'KEY_INVALID',
        exitCodes.usage,
        `${file.path} holds another key than it is named after`,
      );
    }
    opened.push({ ...found, keyId, key });
  }
  return opened;
}

function filesOf(held: HeldKeys, { keyIds }: RoleKeys, keys: ReadonlyMap<string, Key>) {
  return keyIds.flatMap((keyId) => {
    const key = keys.get(keyId);
    const canonicalId = key?.usable === undefined ? undefined : canonicalKeyId(key);
    const file = canonicalId === undefined ? undefined : held(canonicalId);
    return key === undefined || file === undefined ? [] : [{ file, keyId, key }];
  });
}
