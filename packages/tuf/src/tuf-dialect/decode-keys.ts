/** `keys` maps, and who may sign a role, as root and delegations write them. */
import type { JsonValue } from '@vidimus/canonical-json';
import { z } from 'zod';
import { MAX_KEYS, MAX_ROLE_KEY_IDS } from '../limits.ts';
import type { Key, RoleKeys } from '../model.ts';
import { toTufKey } from './key-entry.ts';
import { assertCount, malformed, positive, read, readObject } from './shape.ts';

const roleKeys = z.object({ keyids: z.array(z.string()).max(MAX_ROLE_KEY_IDS), threshold: positive });

/**
 * Keys by id. An entry whose written id is not the id of its key is left out, not the whole file refused: one
 * root in Sigstore's history has such an entry. It can never count toward a threshold (attack T5).
 * @throws TufError MALFORMED or LIMIT
 */
export function readKeys(value: JsonValue | undefined, at: string): ReadonlyMap<string, Key> {
  const entries = readObject(value, at);
  const ids = Object.keys(entries);
  assertCount(ids.length, MAX_KEYS, at);
  const keys = new Map<string, Key>();
  for (const id of ids) {
    const key = toTufKey(readObject(entries[id], `${at}.${id}`), `${at}.${id}`);
    if (key.keyId === id) keys.set(id, key);
  }
  return keys;
}

/**
 * Key ids and threshold of a role. More threshold than keys is not refused: nobody can then sign the role, which
 * is where it shows, and a root with that flaw in another role must still be able to be replaced.
 */
export function readRoleKeys(value: JsonValue | undefined, at: string): RoleKeys {
  const { keyids, threshold } = read(roleKeys, value, at);
  if (new Set(keyids).size !== keyids.length) throw malformed(`${at}.keyids`, 'the same key id twice');
  return { keyIds: keyids, threshold };
}
