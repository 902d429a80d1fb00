/** Recovery keys: kept offline, they do nothing but hand a repository over to a new root when the old one is lost. */
import type { JsonObject, JsonValue } from '@vidimus/canonical-json';
import { editInvalid } from '../edit/edit-error.ts';
import { MAX_ROLE_KEYS, toRoleKeys } from '../edit/role-keys.ts';
import { TufError } from '../errors.ts';
import type { Key, Root } from '../model.ts';
import { fromEntries } from '../tuf-dialect/json-members.ts';
import { toTufKey } from '../tuf-dialect/key-entry.ts';
import { assertCount, malformed, readInteger, readObject } from '../tuf-dialect/shape.ts';

/** The signed member of a root that names them. */
export const RECOVERY_FIELD = 'x-vidimus-recovery';

export interface RecoveryKeys {
  /** By key id, as the `tuf` dialect writes keys, whatever the repository's dialect. */
  readonly keys: ReadonlyMap<string, Key>;
  readonly threshold: number;
}

/**
 * Reads `{"keys":{<key id>: <key object>},"threshold":n}`. Strict: a key that could never sign is an error here, for
 * it would be noticed on the day when it is needed.
 * @throws TufError MALFORMED or LIMIT
 */
export function readRecoveryKeys(value: JsonValue | undefined, at = RECOVERY_FIELD): RecoveryKeys {
  const object = readObject(value, at);
  const unknown = Object.keys(object).find((name) => name !== 'keys' && name !== 'threshold');
  if (unknown !== undefined) throw malformed(`${at}.${unknown}`, 'unknown member');
  const entries = readObject(object['keys'], `${at}.keys`);
  assertCount(Object.keys(entries).length, MAX_ROLE_KEYS, `${at}.keys`);
  const keys = new Map<string, Key>();
  for (const [keyId, declared] of Object.entries(entries)) {
    const place = `${at}.keys.${keyId}`;
    const key = toTufKey(readObject(declared, place), place);
    if (key.keyId !== keyId) throw malformed(place, 'not the id of this key');
    keys.set(keyId, key);
  }
  const threshold = readInteger(object['threshold'], `${at}.threshold`, 1);
  try {
    toRoleKeys('recovery', { keys: [...keys.values()], threshold });
  } catch (error) {
    if (!(error instanceof TufError)) throw error;
    throw malformed(at, error.message);
  }
  return { keys, threshold };
}

/** As `readRecoveryKeys` reads it. */
export function writeRecoveryKeys({ keys, threshold }: RecoveryKeys): JsonObject {
  return { keys: fromEntries(keys, ({ declared }) => declared), threshold };
}

/** The recovery keys that a root names; undefined: none. @throws TufError MALFORMED or LIMIT */
export function recoveryKeysOf({ fields }: Pick<Root, 'fields'>): RecoveryKeys | undefined {
  const value = fields[RECOVERY_FIELD];
  return value === undefined ? undefined : readRecoveryKeys(value);
}

/**
 * What two places agree on: keys that both name, and the higher threshold. A set that one of them got only lately
 * (by somebody who may write there) thereby gives nothing, and one that was taken back is gone.
 */
export function agreedRecoveryKeys(
  a: RecoveryKeys | undefined,
  b: RecoveryKeys | undefined,
): RecoveryKeys | undefined {
  if (a === undefined || b === undefined) return undefined;
  const keys = new Map([...a.keys].filter(([keyId]) => b.keys.has(keyId)));
  const threshold = Math.max(a.threshold, b.threshold);
  return threshold > keys.size ? undefined : { keys, threshold };
}

/** @throws TufError EDIT_INVALID (KEY_SHARED) when a recovery key also signs a role of the root */
export function assertRecoveryApart(recovery: RecoveryKeys, root: Pick<Root, 'keys'>): void {
  const used = new Set([...root.keys.values()].map((key) => key.usable?.materialId ?? key.keyId));
  for (const key of recovery.keys.values()) {
    if (!used.has(key.usable?.materialId ?? key.keyId)) continue;
    throw editInvalid('KEY_SHARED', 'a recovery key is none of the keys of the roles', { keyId: key.keyId });
  }
}
