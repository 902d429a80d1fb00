/** `keys` maps, role names, and who may sign a role, as root and delegations write them. */
import type { JsonValue } from '@vidimus/canonical-json';
import {
  assertCount,
  type Key,
  MAX_KEYS,
  malformed,
  type RoleKeys,
  readArray,
  readInteger,
  readObject,
  readString,
} from '@vidimus/tuf';
import { NotaryError } from './errors.ts';
import { toNotaryKey } from './key-entry.ts';
import { toModelRole } from './role-name.ts';

/** Keys of one role. To admit and ask a key takes up to 5 ms, and a root is asked for the keys that it brings itself. */
const MAX_SIGNERS = 128;

/**
 * Keys by id; `null` is an empty map. An entry whose written id is not the id of its key is left out: it can never
 * count toward a threshold (attack T5).
 * @throws TufError MALFORMED or LIMIT
 */
export function readKeys(value: JsonValue | undefined, at: string): ReadonlyMap<string, Key> {
  const keys = new Map<string, Key>();
  if (value === undefined || value === null) return keys;
  const entries = readObject(value, at);
  const ids = Object.keys(entries);
  assertCount(ids.length, MAX_KEYS, at);
  for (const id of ids) {
    const key = toNotaryKey(readObject(entries[id], `${at}.${id}`), `${at}.${id}`);
    if (key.keyId === id) keys.set(id, key);
  }
  return keys;
}

/** Key ids and threshold of a role. `notary delegation purge` leaves `"keyids":null` behind: a role without keys. */
export function readRoleKeys(value: JsonValue | undefined, at: string): RoleKeys {
  const { keyids, threshold } = readObject(value, at);
  const keyIds = readStrings(keyids, `${at}.keyids`);
  assertCount(keyIds.length, MAX_SIGNERS, `${at}.keyids`);
  if (new Set(keyIds).size !== keyIds.length) throw malformed(`${at}.keyids`, 'the same key id twice');
  return { keyIds, threshold: readInteger(threshold, `${at}.threshold`, 1) };
}

/** The model's name of a role. @throws TufError MALFORMED */
export function readRoleName(value: JsonValue | undefined, at: string): string {
  const name = readString(value, at);
  try {
    return toModelRole(name);
  } catch (error) {
    if (error instanceof NotaryError) throw malformed(at, error.message);
    throw error;
  }
}

/** A list of strings, where `null` and nothing are an empty one. */
export function readStrings(value: JsonValue | undefined, at: string): readonly string[] {
  return readArray(value ?? [], at).map((item, index) => readString(item, `${at}.${index}`));
}
