/** Roles whose keys must be apart: a thief of one role's key must not get another role. */
import type { Draft } from '../dialect.ts';
import type { Key, Root, Targets } from '../model.ts';
import { editInvalid } from './edit-error.ts';
import { BINS_ROLE } from './layout.ts';
import type { DialectEdit, EditBase, NextDocuments } from './next-documents.ts';
import { REVOCATIONS_ROLE } from './next-targets.ts';

/** These share keys with no other role; two ordinary delegations may list the same person's key. */
const alone: ReadonlySet<string> = new Set(['root', 'targets', 'snapshot', 'timestamp', REVOCATIONS_ROLE]);

/**
 * Refuses public key material that an edit would put into two roles that must be apart. What was so before the edit,
 * and is not touched by it, is not its fault.
 * @throws TufError EDIT_INVALID (KEY_SHARED)
 */
export function assertApart(base: EditBase, edit: DialectEdit, next: NextDocuments): void {
  const changed = changedRoles(edit);
  const owners = new Map<string, string[]>();
  for (const [role, materials] of materialsByRole(base, next)) {
    for (const material of materials) {
      const others = owners.get(material) ?? [];
      owners.set(material, [...others, role]);
      for (const other of others) {
        if (other === role || !(changed.has(role) || changed.has(other))) continue;
        if (!alone.has(role) && !alone.has(other)) continue;
        throw editInvalid('KEY_SHARED', `roles ${other} and ${role} have the same key`, { role, other });
      }
    }
  }
}

function changedRoles({ roles, delegations }: DialectEdit): ReadonlySet<string> {
  const changed = new Set(Object.keys(roles ?? {}));
  for (const { set = [] } of delegations?.values() ?? []) for (const { name } of set) changed.add(name);
  return changed;
}

/** Bins are left out: they have the keys of targets. */
function* materialsByRole(
  base: EditBase,
  next: NextDocuments,
): Iterable<readonly [role: string, materials: readonly string[]]> {
  const root: Root | Draft<Root> = next.root ?? base.root;
  for (const [role, { keyIds }] of Object.entries(root.roles)) yield [role, materialsOf(root.keys, keyIds)];
  const documents = new Map<string, Targets | Draft<Targets>>([...base.targets, ...next.targets]);
  for (const { delegations } of documents.values()) {
    for (const { name, keyIds } of delegations?.roles ?? []) {
      if (name !== BINS_ROLE && delegations !== undefined)
        yield [name, materialsOf(delegations.keys, keyIds)];
    }
  }
}

function materialsOf(keys: ReadonlyMap<string, Key>, keyIds: readonly string[]): readonly string[] {
  return keyIds.map((keyId) => keys.get(keyId)?.usable?.materialId ?? keyId);
}
