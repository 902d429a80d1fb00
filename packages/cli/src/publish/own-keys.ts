/** Root keys on this machine: found again by their label, made where there are none. */
import { join } from 'node:path';
import { sha256Hex } from '@vidimus/crypto';
import { type ClientKey, createFileKeyStore, type FileKeyStore } from '@vidimus/key-store';
import { type Key, tufDialect } from '@vidimus/tuf';
import { keysDirectory } from '../client/client-paths.ts';
import type { Context } from '../context.ts';
import { createPassphrases } from './person.ts';
import { ed25519KeyObject } from './public-key-file.ts';

/** What a root key made here is for. The spare has the same power and is kept offline. */
export type RootKeyUse = 'root' | 'spare';

export interface OwnKey {
  readonly use: RootKeyUse;
  readonly held: ClientKey;
  readonly key: Key;
  /** Where its file is. */
  readonly file: string;
}

/** Labels longer than this are refused by the key store. */
const maxLabelCharacters = 128;

/** The keys of `$VIDIMUS_KEYS`. */
export function openKeys(context: Context): FileKeyStore {
  const { environment, random, now } = context.world;
  const passphrase = createPassphrases(context);
  return createFileKeyStore({ directory: keysDirectory(environment), passphrase, random, now });
}

/**
 * The root keys made here for a repository, one for each use. One that is there already is used again: a
 * command that was interrupted must not leave keys behind that nobody knows.
 */
export async function ownRootKeys(
  context: Context,
  store: FileKeyStore,
  repository: string,
  uses: readonly RootKeyUse[],
): Promise<readonly OwnKey[]> {
  const present = await store.list();
  const keys: OwnKey[] = [];
  for (const use of uses) {
    const label = labelOf(use, repository);
    context.terminal.progress(`making the ${use} key of ${repository} ...`);
    const held =
      present.find((key) => key.label === label) ??
      (await store.generate({ label }, ({ publicHex }) => toTufKey(publicHex).keyId));
    keys.push(toOwnKey(context, use, held));
  }
  return keys;
}

/** A key of the store as a root key. */
export function toOwnKey(context: Context, use: RootKeyUse, held: ClientKey): OwnKey {
  const file = join(keysDirectory(context.world.environment), `${held.keyId}.key`);
  return { use, held, key: toTufKey(held.publicHex), file };
}

function toTufKey(publicHex: string): Key {
  return tufDialect.toKey(ed25519KeyObject(publicHex));
}

function labelOf(use: RootKeyUse, repository: string): string {
  const prefix = use === 'root' ? 'root of ' : 'spare root of ';
  const label = `${prefix}${repository}`;
  if (label.length <= maxLabelCharacters) return label;
  return `${prefix}sha256:${sha256Hex(new TextEncoder().encode(repository))}`;
}
