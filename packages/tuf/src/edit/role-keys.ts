/** Which keys and thresholds a role may have; the rules a client cannot enforce because it must accept what is signed. */
import type { Key, RoleKeys } from '../model.ts';
import { editInvalid } from './edit-error.ts';

/** Most keys of one role. */
export const MAX_ROLE_KEYS = 64;

/** A role with its keys as objects: what an edit is given. */
export interface RoleKeySet {
  readonly keys: readonly Key[];
  readonly threshold: number;
}

/**
 * Keys and threshold as a document lists them.
 * @throws TufError EDIT_INVALID (KEY, THRESHOLD): NCC 2015 A.2, a threshold above the distinct keys locks everybody out
 */
export function toRoleKeys(role: string, set: RoleKeySet): RoleKeys {
  if (set.keys.length === 0) throw editInvalid('KEY', `role ${role} needs at least one key`, { role });
  if (set.keys.length > MAX_ROLE_KEYS) throw editInvalid('KEY', `role ${role} has too many keys`, { role });
  const material = new Set<string>();
  for (const key of set.keys) {
    if (key.usable === undefined) {
      throw editInvalid('KEY', `key ${key.keyId} of role ${role} is of an unknown kind or weak`, { role });
    }
    // Attack T4: one key under two ids would count twice for clients that compare ids only.
    if (material.has(key.usable.materialId)) {
      throw editInvalid('KEY', `role ${role} lists the same key twice`, { role, keyId: key.keyId });
    }
    material.add(key.usable.materialId);
  }
  if (!Number.isSafeInteger(set.threshold) || set.threshold < 1 || set.threshold > material.size) {
    throw editInvalid('THRESHOLD', `the threshold of role ${role} must be from 1 to ${material.size}`, {
      role,
      keys: material.size,
    });
  }
  return { keyIds: set.keys.map((key) => key.keyId).sort(), threshold: set.threshold };
}

/**
 * Refuses a key that appears in two of the given roles: a thief of one role's key must not get another role.
 * @throws TufError EDIT_INVALID (KEY_SHARED)
 */
export function assertNotShared(roles: ReadonlyMap<string, RoleKeySet>): void {
  const owner = new Map<string, string>();
  for (const [role, set] of roles) {
    for (const key of set.keys) {
      const material = key.usable?.materialId ?? key.keyId;
      const other = owner.get(material);
      if (other !== undefined && other !== role) {
        throw editInvalid('KEY_SHARED', `roles ${other} and ${role} have the same key`, { role, other });
      }
      owner.set(material, role);
    }
  }
}

/** Who holds a key: all managed keys are one custodian, all keys of one signer are one. */
export type CustodianOf = (keyId: string) => string;

/**
 * Refuses a threshold above 1 that one custodian could meet alone: it promises people who are not there.
 * @throws TufError EDIT_INVALID (CUSTODIAN)
 */
export function assertCustodians(role: string, keys: RoleKeys, custodianOf: CustodianOf): void {
  if (keys.threshold === 1) return;
  const held = new Map<string, number>();
  for (const keyId of keys.keyIds) {
    const custodian = custodianOf(keyId);
    const count = (held.get(custodian) ?? 0) + 1;
    held.set(custodian, count);
    if (count >= keys.threshold) {
      throw editInvalid(
        'CUSTODIAN',
        `${custodian} alone could meet the threshold ${keys.threshold} of role ${role}`,
        { role, custodian },
      );
    }
  }
}

/** How many custodians hold the keys of a role. */
export function countCustodians(keys: RoleKeys, custodianOf: CustodianOf): number {
  return new Set(keys.keyIds.map(custodianOf)).size;
}

/** The keys of several roles as one map, by key id. */
export function keyMap(sets: Iterable<RoleKeySet>): ReadonlyMap<string, Key> {
  const keys = new Map<string, Key>();
  for (const set of sets) for (const key of set.keys) keys.set(key.keyId, key);
  return keys;
}
