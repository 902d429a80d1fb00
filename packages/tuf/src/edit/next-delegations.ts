/** The delegations of a targets document after an edit. */
import type { Delegation, Delegations, Key } from '../model.ts';
import { editInvalid } from './edit-error.ts';
import { BINS_ROLE } from './layout.ts';
import { REVOCATIONS_ROLE } from './next-targets.ts';
import { type RoleKeySet, toRoleKeys } from './role-keys.ts';
import { assertPattern, assertRoleName } from './role-name.ts';

/** A delegation as an edit asks for it. */
export interface DelegationSpec extends RoleKeySet {
  readonly name: string;
  /** Globs. */
  readonly paths: readonly string[];
  /** In the dialect `notary`: written instead of `paths`. */
  readonly pathPrefixes?: readonly string[];
  readonly terminating: boolean;
}

/** What changes among the delegations of one document. */
export interface DelegationEdits {
  /** New ones come last, before `bins`; one that is there keeps its place. */
  readonly set?: readonly DelegationSpec[];
  readonly remove?: readonly string[];
  /** Of `set`: roles whose own file stays as it is. */
  readonly keep?: readonly string[];
}

/** Most delegations of one document. */
export const MAX_DELEGATIONS_PER_ROLE = 256;

/** @throws TufError EDIT_INVALID (ROLE_NAME, PATTERN, KEY, THRESHOLD, ROLE_MISSING, SIZE) */
export function nextDelegations(previous: Delegations | undefined, edits: DelegationEdits): Delegations {
  if (previous?.succinct !== undefined) throw editInvalid('ROLE_NAME', 'bins delegate to nobody else');
  const set = toMap(edits.set ?? []);
  const roles = withoutRemoved(previous?.roles ?? [], edits.remove ?? [], set);
  const next = roles.map((role) => toDelegation(set.get(role.name), role));
  const known = new Set(next.map(({ name }) => name));
  const added = [...set.values()].filter(({ name }) => !known.has(name)).map((spec) => toDelegation(spec));
  const place = next.at(-1)?.name === BINS_ROLE ? next.length - 1 : next.length;
  next.splice(place, 0, ...added);
  if (next.length > MAX_DELEGATIONS_PER_ROLE) {
    throw editInvalid('SIZE', 'too many delegations', { most: MAX_DELEGATIONS_PER_ROLE });
  }
  return { keys: keysOf(next, previous, set), roles: next };
}

function toMap(specs: readonly DelegationSpec[]): ReadonlyMap<string, DelegationSpec> {
  const set = new Map(specs.map((spec) => [spec.name, spec]));
  if (set.size === specs.length) return set;
  throw editInvalid('ROLE_NAME', 'one delegation is set twice');
}

function withoutRemoved(
  roles: readonly Delegation[],
  removed: readonly string[],
  set: ReadonlyMap<string, DelegationSpec>,
): readonly Delegation[] {
  const gone = new Set(removed);
  for (const name of gone) {
    // Clients ask it for revoked digests by name: without it, every one of them is unknown.
    if (name === REVOCATIONS_ROLE || name === BINS_ROLE) {
      throw editInvalid('ROLE_NAME', `the delegation ${name} cannot be removed`, { role: name });
    }
    if (set.has(name) || !roles.some((role) => role.name === name)) {
      throw editInvalid('ROLE_MISSING', `there is no delegation ${name} to remove`, { role: name });
    }
  }
  return roles.filter(({ name }) => !gone.has(name));
}

function toDelegation(spec: DelegationSpec, previous?: Delegation): Delegation;
function toDelegation(spec: DelegationSpec | undefined, previous: Delegation): Delegation;
function toDelegation(spec: DelegationSpec | undefined, previous?: Delegation): Delegation {
  if (spec === undefined) {
    if (previous === undefined) throw editInvalid('ROLE_MISSING', 'no delegation');
    return previous;
  }
  const { name, terminating, paths, pathPrefixes } = spec;
  assertSettable(spec, previous);
  const scope = pathPrefixes === undefined ? { paths } : { pathPrefixes };
  return { ...toRoleKeys(name, spec), name, terminating, ...scope };
}

function assertSettable(
  { name, paths, terminating }: DelegationSpec,
  previous: Delegation | undefined,
): void {
  assertRoleName(name);
  for (const pattern of paths) assertPattern(pattern);
  if (name === BINS_ROLE) {
    throw editInvalid('ROLE_NAME', 'bins have the keys of targets: rotate those', { role: name });
  }
  if (name !== REVOCATIONS_ROLE) return;
  const isSame = previous?.terminating === terminating && String(previous.paths) === String(paths);
  if (!isSame) {
    throw editInvalid('ROLE_NAME', `${name} keeps its place and its paths`, { role: name });
  }
}

/** Those that some delegation lists, and no others: a key that nobody names is not handed on. */
function keysOf(
  roles: readonly Delegation[],
  previous: Delegations | undefined,
  set: ReadonlyMap<string, DelegationSpec>,
): ReadonlyMap<string, Key> {
  const keys = new Map<string, Key>();
  for (const { name, keyIds } of roles) {
    const given = new Map((set.get(name)?.keys ?? []).map((key) => [key.keyId, key]));
    for (const keyId of keyIds) {
      const key = given.get(keyId) ?? previous?.keys.get(keyId);
      if (key !== undefined) keys.set(keyId, key);
    }
  }
  return keys;
}
