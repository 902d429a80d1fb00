/** Documents that are well signed and yet would leave a repository, or a role of it, that no client can use. */
import type { Delegation, Hashes, Key, RoleKeys, Root, Targets } from '@vidimus/tuf';
import { compilePrefixes } from '../path-prefix.ts';
import { toNotaryRole } from '../role-name.ts';
import { MAX_DELEGATED_ROLES, MAX_DELEGATION_KEYS } from './limits.ts';
import { invalidMetadata, refusal } from './refusal.ts';

/**
 * NCC 2015 A.2: a threshold above the keys there are locks everybody out (attack T25).
 * @throws NotaryError INVALID_UPDATE
 */
export function assertUsableRoot(root: Root): void {
  for (const [name, roleKeys] of Object.entries(root.roles))
    assertReachable('root', name, roleKeys, root.keys);
}

/**
 * Targets that clients can look for, and delegations that somebody can sign.
 * @throws NotaryError INVALID_UPDATE
 */
export function assertUsableTargets(role: string, document: Targets): void {
  for (const { path, hashes } of document.targets.values()) {
    if (!hashes.has('sha256') && !hashes.has('sha512'))
      throw invalidMetadata(role, `target ${path} has no sha256 or sha512`);
  }
  const { roles = [], keys = new Map<string, Key>() } = document.delegations ?? {};
  if (roles.length > MAX_DELEGATED_ROLES) {
    throw invalidMetadata(role, `more than ${MAX_DELEGATED_ROLES} delegations`);
  }
  if (keys.size > MAX_DELEGATION_KEYS) {
    throw invalidMetadata(role, `more than ${MAX_DELEGATION_KEYS} keys of delegations`);
  }
  for (const delegation of roles) {
    // Without keys a role rests: `notary delegation purge` leaves it so, and adding a key wakes it.
    if (delegation.keyIds.length > 0) {
      assertReachable(role, toNotaryRole(delegation.name), delegation, keys);
    }
  }
}

/**
 * A delegated role lists nothing outside the paths of any delegation that leads to it. What its stored file lists
 * and the new one repeats is left alone, since the paths may have been narrowed since; clients do not look there.
 * @param chain the delegations from targets to the role
 * @throws NotaryError INVALID_UPDATE
 */
export function assertInsidePaths(
  role: string,
  document: Targets,
  chain: readonly Delegation[],
  stored: Targets | undefined,
): void {
  const scopes = chain.map(({ pathPrefixes = [] }) => compilePrefixes(pathPrefixes));
  for (const { path, length, hashes } of document.targets.values()) {
    if (scopes.every((isInside) => isInside(path))) continue;
    const before = stored?.targets.get(path);
    if (before !== undefined && before.length === length && sameHashes(before.hashes, hashes)) continue;
    throw refusal(role, `${toNotaryRole(role)} may not list ${path}: outside the paths delegated to it`);
  }
}

function assertReachable(
  role: string,
  name: string,
  { keyIds, threshold }: RoleKeys,
  keys: ReadonlyMap<string, Key>,
): void {
  const material = new Set<string>();
  for (const keyId of keyIds) {
    const key = keys.get(keyId);
    if (key === undefined) {
      throw invalidMetadata(role, `key ID ${keyId} specified in ${name} without corresponding key`);
    }
    if (key.usable !== undefined) material.add(key.usable.materialId);
  }
  if (threshold <= material.size) return;
  throw invalidMetadata(
    role,
    `invalid threshold specified for ${name}: ${threshold} of ${material.size} usable keys`,
  );
}

function sameHashes(one: Hashes, other: Hashes): boolean {
  return one.size === other.size && [...one].every(([algorithm, digest]) => other.get(algorithm) === digest);
}
