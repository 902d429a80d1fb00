/** Targets and delegations. Loops, not schemas: a file may list 100,000 targets. */
import type { JsonObject, JsonValue } from '@vidimus/canonical-json';
import {
  assertCount,
  type Delegation,
  type Delegations,
  MAX_DELEGATIONS,
  malformed,
  readArray,
  readInteger,
  readObject,
  type Target,
  type Targets,
} from '@vidimus/tuf';
import type { Header } from './decode.ts';
import { readKeys, readRoleKeys, readRoleName, readStrings } from './decode-keys.ts';
import { readHashes } from './hashes.ts';
import { isDirectChild, toNotaryRole } from './role-name.ts';

export function decodeTargets(fields: JsonObject, header: Header): Targets {
  const delegations = fields['delegations'] ?? undefined;
  return {
    ...header,
    kind: 'targets',
    targets: readTargets(fields['targets'] ?? undefined),
    ...(delegations === undefined ? {} : { delegations: readDelegations(delegations) }),
  };
}

/**
 * A role delegates to its direct children alone, or its clients refuse the whole document.
 * @throws TufError MALFORMED
 */
export function assertChildren(role: string, document: Targets): void {
  for (const { name } of document.delegations?.roles ?? []) {
    if (!isDirectChild(role, name)) {
      throw malformed('delegations.roles', `delegation role ${toNotaryRole(name)} invalid`);
    }
  }
}

function readTargets(value: JsonValue | undefined): ReadonlyMap<string, Target> {
  // A Map, because `constructor` and `__proto__` are legal tags (attack T36).
  const targets = new Map<string, Target>();
  if (value === undefined) return targets;
  const entries = readObject(value, 'targets');
  for (const path of Object.keys(entries)) targets.set(path, readTarget(path, entries[path]));
  return targets;
}

function readTarget(path: string, value: JsonValue | undefined): Target {
  const at = `targets.${path}`;
  const { length, hashes, custom } = readObject(value, at);
  return {
    path,
    length: readInteger(length ?? 0, `${at}.length`, 0),
    hashes: readHashes(hashes, `${at}.hashes`),
    // Go leaves out a `custom` of nothing, and writes one of null.
    ...(custom === undefined ? {} : { custom }),
  };
}

function readDelegations(value: JsonValue): Delegations {
  const { keys, roles } = readObject(value, 'delegations');
  const entries = readArray(roles ?? [], 'delegations.roles');
  assertCount(entries.length, MAX_DELEGATIONS, 'delegations.roles');
  const delegations = entries.map((entry, index) => readDelegation(entry, `delegations.roles.${index}`));
  const names = new Set(delegations.map(({ name }) => name));
  if (names.size !== delegations.length) throw malformed('delegations.roles', 'the same name twice');
  return { keys: readKeys(keys, 'delegations.keys'), roles: delegations };
}

function readDelegation(value: JsonValue, at: string): Delegation {
  const entry = readObject(value, at);
  const name = readRoleName(entry['name'], `${at}.name`);
  if (name === 'root' || name === 'targets' || name === 'snapshot' || name === 'timestamp') {
    throw malformed(`${at}.name`, 'the name of a top-level role');
  }
  return {
    name,
    ...readRoleKeys(entry, at),
    terminating: false,
    pathPrefixes: readStrings(entry['paths'], `${at}.paths`),
  };
}
