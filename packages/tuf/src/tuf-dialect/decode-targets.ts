/** Targets and delegations (TUF 4.5, TAP 15). Loops, not schemas: a file may list 100,000 targets. */
import type { JsonObject, JsonValue } from '@vidimus/canonical-json';
import { MAX_DELEGATIONS, MAX_ROLE_NAME } from '../limits.ts';
import type { Delegation, Delegations, SuccinctRoles, Target, Targets } from '../model.ts';
import { readHashes } from './decode-hashes.ts';
import type { Header } from './decode-header.ts';
import { readKeys, readRoleKeys } from './decode-keys.ts';
import { assertCount, malformed, readArray, readInteger, readObject, readString } from './shape.ts';

const topLevel: ReadonlySet<string> = new Set(['root', 'timestamp', 'snapshot', 'targets']);
const MAX_BIT_LENGTH = 32;
/** Longer than a SHA-256 it would never match; upper case would match in no client (tuf-js 5, measured). */
const hashPrefix = /^[0-9a-f]{0,64}$/;

export function decodeTargets(fields: JsonObject, header: Header): Targets {
  const delegations = fields['delegations'];
  return {
    ...header,
    kind: 'targets',
    targets: readTargets(fields['targets']),
    ...(delegations === undefined ? {} : { delegations: readDelegations(delegations) }),
  };
}

function readTargets(value: JsonValue | undefined): ReadonlyMap<string, Target> {
  const entries = readObject(value, 'targets');
  // A Map, because `constructor` and `__proto__` are legal tags (attack T36).
  const targets = new Map<string, Target>();
  for (const path of Object.keys(entries)) targets.set(path, readTarget(path, entries[path]));
  return targets;
}

function readTarget(path: string, value: JsonValue | undefined): Target {
  const at = `targets.${path}`;
  const entry = readObject(value, at);
  const custom = entry['custom'];
  return {
    path,
    length: readInteger(entry['length'], `${at}.length`, 0),
    hashes: readHashes(entry['hashes'], `${at}.hashes`),
    ...(custom === undefined ? {} : { custom: readObject(custom, `${at}.custom`) }),
  };
}

function readDelegations(value: JsonValue): Delegations {
  const entry = readObject(value, 'delegations');
  const { roles, succinct_roles: succinct } = entry;
  // TAP 15: one or the other.
  if ((roles === undefined) === (succinct === undefined)) {
    throw malformed('delegations', 'exactly one of roles and succinct_roles');
  }
  return {
    keys: readKeys(entry['keys'], 'delegations.keys'),
    roles: roles === undefined ? [] : readRoles(roles),
    ...(succinct === undefined ? {} : { succinct: readSuccinct(succinct) }),
  };
}

function readRoles(value: JsonValue): readonly Delegation[] {
  const entries = readArray(value, 'delegations.roles');
  assertCount(entries.length, MAX_DELEGATIONS, 'delegations.roles');
  const roles = entries.map((entry, index) => readDelegation(entry, `delegations.roles.${index}`));
  const names = new Set(roles.map((role) => role.name));
  if (names.size !== roles.length) throw malformed('delegations.roles', 'the same name twice');
  return roles;
}

function readDelegation(value: JsonValue, at: string): Delegation {
  const entry = readObject(value, at);
  const { terminating, paths, path_hash_prefixes: prefixes } = entry;
  if (typeof terminating !== 'boolean') throw malformed(`${at}.terminating`, 'not a boolean');
  if ((paths === undefined) === (prefixes === undefined)) {
    throw malformed(at, 'exactly one of paths and path_hash_prefixes');
  }
  return {
    name: readRoleName(entry['name'], `${at}.name`),
    ...readRoleKeys(entry, at),
    terminating,
    ...(paths === undefined ? {} : { paths: readStrings(paths, `${at}.paths`) }),
    ...(prefixes === undefined
      ? {}
      : { pathHashPrefixes: readPrefixes(prefixes, `${at}.path_hash_prefixes`) }),
  };
}

/** A delegated role that could be taken for a top-level one would replace its file. */
function readRoleName(value: JsonValue | undefined, at: string): string {
  const name = readString(value, at);
  if (name === '' || name.length > MAX_ROLE_NAME || topLevel.has(name)) {
    throw malformed(at, `empty, longer than ${MAX_ROLE_NAME} characters, or the name of a top-level role`);
  }
  return name;
}

function readSuccinct(value: JsonValue): SuccinctRoles {
  const at = 'delegations.succinct_roles';
  const entry = readObject(value, at);
  const bitLength = readInteger(entry['bit_length'], `${at}.bit_length`, 1);
  if (bitLength > MAX_BIT_LENGTH) throw malformed(`${at}.bit_length`, `more than ${MAX_BIT_LENGTH}`);
  return {
    ...readRoleKeys(entry, at),
    bitLength,
    namePrefix: readRoleName(entry['name_prefix'], `${at}.name_prefix`),
  };
}

function readStrings(value: JsonValue, at: string): readonly string[] {
  return readArray(value, at).map((item, index) => readString(item, `${at}.${index}`));
}

function readPrefixes(value: JsonValue, at: string): readonly string[] {
  const prefixes = readStrings(value, at);
  const bad = prefixes.findIndex((prefix) => !hashPrefix.test(prefix));
  if (bad >= 0) throw malformed(`${at}.${bad}`, 'not the beginning of a lower-case hex SHA-256');
  return prefixes;
}
