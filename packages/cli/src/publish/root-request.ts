/** Who holds root in a request: keys of this machine and of others, in every dialect that is asked for. */
import type { FileKeyStore } from '@vidimus/key-store';
import type { KeyEntry } from '@vidimus/trust-client';
import type { DialectName, Key } from '@vidimus/tuf';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { type OwnKey, ownRootKeys, toOwnKey } from './own-keys.ts';
import type { RootKey } from './public-key-file.ts';

export interface RootWish {
  readonly repository: string;
  /** Public keys of others; none of a dialect: root is made here alone, with a spare. */
  readonly otherKeys: readonly RootKey[];
  /** Undefined: one. */
  readonly threshold: number | undefined;
}

/**
 * Of the keys named, those whose private half is here; else a key made here, with a spare where it is alone. Whoever
 * names a key on a token has one.
 */
export async function chooseOwnKeys(
  context: Context,
  store: FileKeyStore,
  { repository, otherKeys, threshold }: RootWish,
  dialect: DialectName,
): Promise<readonly OwnKey[]> {
  const others = keysOf(otherKeys, dialect);
  // Before a key is made, and again when it is known which are named twice.
  assertReachable(threshold, others.length === 0 ? 2 : others.length + 1, dialect);
  if (others.length === 0) return await ownRootKeys(context, store, repository, dialect, ['root', 'spare']);
  const held = await Promise.all(others.map(({ keyId }) => store.find(keyId)));
  const own = held.filter((key) => key !== undefined).map((key) => toOwnKey(context, 'root', key));
  const isOnToken = otherKeys.some((each) => each.dialect === dialect && each.uri !== undefined);
  return own.length > 0 || isOnToken ? own : await ownRootKeys(context, store, repository, dialect, ['root']);
}

/** The same keys give the same entries on every machine, whatever order they were named in. */
export function toKeyEntries(
  { otherKeys, threshold }: RootWish,
  own: readonly OwnKey[],
  dialect: DialectName,
): readonly KeyEntry[] {
  const mine = own.filter((each) => each.dialect === dialect).map(({ key }) => key);
  const keys = new Map([...keysOf(otherKeys, dialect), ...mine].map((key) => [key.keyId, key]));
  assertReachable(threshold, keys.size, dialect);
  return [...keys.values()]
    .sort((a, b) => (a.keyId < b.keyId ? -1 : 1))
    .map(({ declared }) => ({
      custody: 'client' as const,
      ...(dialect === 'tuf' ? {} : { dialect }),
      key: declared,
    }));
}

/** As many of the own keys of each dialect as the threshold needs, the spare last. */
export function signingKeys(own: readonly OwnKey[], threshold: number): readonly OwnKey[] {
  const dialects = new Set(own.map(({ dialect }) => dialect));
  return [...dialects].flatMap((dialect) => own.filter((key) => key.dialect === dialect).slice(0, threshold));
}

function keysOf(keys: readonly RootKey[], dialect: DialectName): readonly Key[] {
  return keys.filter((each) => each.dialect === dialect).map(({ key }) => key);
}

function assertReachable(threshold: number | undefined, keys: number, dialect: DialectName): void {
  if (threshold === undefined || threshold <= keys) return;
  const where = dialect === 'tuf' ? '' : ` of the dialect ${dialect}`;
  throw new CliError(
    'THRESHOLD_INVALID',
    exitCodes.usage,
    `a threshold of ${threshold} cannot be met by ${keys} root keys${where}`,
    dialect === 'tuf'
      ? 'name more keys with --root-key FILE'
      : 'name the certificates of the others with --root-key FILE',
  );
}
