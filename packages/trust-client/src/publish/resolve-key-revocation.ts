/** A key taken out of every role that lists it, with another one in its place or without. */
import { canonicalKeyId } from '@vidimus/notary';
import type { DelegationEdits, DialectEdit, Key, RoleKeySet, RoleKeys, TopLevelRole } from '@vidimus/tuf';
import type { DescribedEdit } from './described-edit.ts';
import {
  chooseKeys,
  type EditContext,
  keysOf,
  listedKeys,
  materialOf,
  rootIn,
  targetsIn,
} from './edit-context.ts';
import { mismatch } from './offered-document.ts';
import { asBefore, delegationIn } from './resolve-delegation.ts';

type KeyRevocation = Extract<DescribedEdit, { kind: 'revokeKey' }>;

const topLevel: readonly TopLevelRole[] = ['root', 'targets', 'snapshot', 'timestamp'];

export function resolveKeyRevocation(context: EditContext, edit: KeyRevocation): DialectEdit {
  const revoked = materialsNamed(context, edit.keyId);
  const roles = rolesWithout(context, edit, revoked);
  const delegations = delegationsWithout(context, edit, revoked);
  const changed = new Set([...delegations.values()].flatMap(({ set = [] }) => set.map(({ name }) => name)));
  const lists = (role: string): boolean => isListed(context, role, revoked);
  const resign = [...context.offered.keys()].filter(
    (role) => role !== 'root' && !changed.has(role) && !delegations.has(role) && lists(role),
  );
  return { ...(roles === undefined ? {} : { roles }), delegations, resign: new Set(resign) };
}

/** The key may be named by any of its ids; what counts is what it is. */
function materialsNamed({ present }: EditContext, keyId: string): ReadonlySet<string> {
  const named = [...listedKeys(present)].filter((key) => key.keyId === keyId || canonicalIdOf(key) === keyId);
  return new Set(named.map(materialOf));
}

function canonicalIdOf(key: Key): string | undefined {
  return key.usable === undefined ? undefined : canonicalKeyId(key);
}

function rolesWithout(
  context: EditContext,
  edit: KeyRevocation,
  revoked: ReadonlySet<string>,
): DialectEdit['roles'] {
  const offered = rootIn(context);
  if (offered === undefined) return undefined;
  const { roles, keys } = context.present.root;
  const sets = topLevel.flatMap((role): [TopLevelRole, RoleKeySet][] => {
    const present = keysOf(role, roles[role], keys);
    if (!present.some((key) => revoked.has(materialOf(key)))) return [];
    const listed = { listed: offered.roles[role], keys: offered.keys };
    return [[role, without(context, edit, revoked, { role, present, before: roles[role], ...listed })]];
  });
  return Object.fromEntries(sets);
}

function delegationsWithout(
  context: EditContext,
  edit: KeyRevocation,
  revoked: ReadonlySet<string>,
): ReadonlyMap<string, DelegationEdits> {
  const edits = new Map<string, DelegationEdits>();
  for (const delegator of context.offered.keys()) {
    const document = targetsIn(context, delegator);
    const present = context.present.targets.get(delegator)?.delegations;
    const set = (present?.roles ?? []).flatMap((before) => {
      const { name } = before;
      const keys = keysOf(name, before, present?.keys ?? new Map());
      // Bins follow the keys of targets.
      if (name === 'bins' || !keys.some((key) => revoked.has(materialOf(key)))) return [];
      const listed = delegationIn(document, name);
      if (listed === undefined) throw mismatch(`it takes the delegation ${name} away`);
      const list = { listed, keys: document?.delegations?.keys ?? new Map() };
      return [
        asBefore(before, without(context, edit, revoked, { role: name, present: keys, before, ...list })),
      ];
    });
    if (set.length > 0) edits.set(delegator, { set });
  }
  return edits;
}

interface Listed {
  readonly role: string;
  readonly present: readonly Key[];
  readonly before: RoleKeys;
  readonly listed: RoleKeys;
  readonly keys: ReadonlyMap<string, Key>;
}

/** The role without the key; a threshold that nobody could meet any more is lowered only where that was asked for. */
function without(
  context: EditContext,
  { body }: KeyRevocation,
  revoked: ReadonlySet<string>,
  { role, present, before, listed, keys }: Listed,
): RoleKeySet {
  const left = present.filter((key) => !revoked.has(materialOf(key)));
  const others = new Set(left.map(({ keyId }) => keyId));
  const { replacement, force } = body;
  const added =
    replacement === undefined
      ? []
      : chooseKeys(context, {
          role,
          entries: [replacement],
          threshold: 1,
          listed: { ...listed, keyIds: listed.keyIds.filter((keyId) => !others.has(keyId)) },
          keys,
        }).keys;
  const next = [...left, ...added];
  const threshold = body.threshold ?? before.threshold;
  return { keys: next, threshold: force === true ? Math.min(threshold, next.length) : threshold };
}

/** Whether a role that is signed anew is one that the key could sign. */
function isListed({ present }: EditContext, role: string, revoked: ReadonlySet<string>): boolean {
  const { root, targets } = present;
  const holds = (keyIds: readonly string[], keys: ReadonlyMap<string, Key>): boolean =>
    keyIds.some((keyId) => {
      const key = keys.get(keyId);
      return key !== undefined && revoked.has(materialOf(key));
    });
  if (role === 'targets') return holds(root.roles.targets.keyIds, root.keys);
  return [...targets.values()].some(({ delegations }) => {
    const delegation =
      delegations?.roles.find(({ name }) => name === role) ?? binOf(delegations?.succinct, role);
    return delegation !== undefined && holds(delegation.keyIds, delegations?.keys ?? new Map());
  });
}

function binOf<S extends { readonly namePrefix: string }>(
  succinct: S | undefined,
  role: string,
): S | undefined {
  return succinct !== undefined && role.startsWith(`${succinct.namePrefix}-`) ? succinct : undefined;
}
