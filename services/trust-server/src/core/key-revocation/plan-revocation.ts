/** From what was foretold to the plan that the engine of edits carries out. */
import type { JsonObject } from '@vidimus/canonical-json';
import type { DelegationEdits, DelegationSpec, DialectEdit, RoleKeySet, TopLevelRole } from '@vidimus/tuf';
import type { DiffEntry, RevokeKey } from '../../schemas/index.ts';
import { TrustError } from '../../service.ts';
import type { EditPart, EditPlan } from '../edits/edit-plan.ts';
import type { ManagedKey, ManagedKeys } from '../keys/managed-keys.ts';
import type { Examined } from './examine.ts';
import { delegationIn, isTopLevel, type RoleAfter } from './foretell.ts';

/** Most tags that an event names. */
const maxTagsTold = 100;

/** @throws TrustError DIALECT_INEXPRESSIBLE; KeyStoreError */
export async function planRevocation(
  keys: ManagedKeys,
  examined: Examined,
  body: RevokeKey,
): Promise<EditPlan> {
  const { row, trees, foretold, impact, material, signer } = examined;
  const sets = new Map<RoleAfter, RoleKeySet>();
  const made: ManagedKey[] = [];
  for (const after of foretold.roles) {
    const own = after.newManaged === 0 ? [] : [await keys.make(row.repository, after.dialect, after.role)];
    made.push(...own);
    sets.set(after, { keys: [...after.keys, ...own.map(({ key }) => key)], threshold: after.threshold });
  }
  const managed = new Set(row.settings.managed);
  const retire = [...examined.keyIds].filter((keyId) => managed.has(keyId));
  const parts = trees.flatMap((tree): readonly EditPart[] => {
    const own = [...sets].filter(([{ dialect }]) => dialect === tree.dialect);
    return own.length === 0 ? [] : [{ dialect: tree.dialect, edit: editOf(examined, new Map(own)) }];
  });
  const replacement = replacementId(sets, examined);
  const roles = [...new Set(foretold.roles.map(({ role }) => role))];
  return {
    kind: 'key',
    summary: `revoke key ${impact.key.slice(0, 12)}${signer === undefined ? '' : ` of ${signer}`}: ${body.reason}`,
    diff: [...sets].map(([after, set]) => toDiff(after, set)),
    request: requestOf(examined, body),
    parts,
    made,
    retire,
    ...(signer === undefined || replacement === undefined ? {} : { signers: { [replacement]: signer } }),
    event: {
      action: 'key.revoke',
      before: { roles: toldRoles(examined, ({ before }) => before) },
      after: {
        roles: toldRoles(examined, (after) => {
          const { keys: listed, threshold } = sets.get(after) ?? { keys: [], threshold: 0 };
          return { keyIds: listed.map(({ keyId }) => keyId).sort(), threshold };
        }),
        keyId: impact.key,
        material,
        ...(signer === undefined ? {} : { signer }),
        reason: body.reason,
        ...(body.compromisedSince === undefined ? {} : { compromisedSince: body.compromisedSince }),
        ...(replacement === undefined ? {} : { replacement }),
        ...(impact.tagsOnlyByThisKey.length === 0
          ? {}
          : { tagsBelowThreshold: impact.tagsOnlyByThisKey.slice(0, maxTagsTold) }),
      },
      tags: impact.tagsOnlyByThisKey.slice(0, maxTagsTold),
      roles,
    },
    urgent: true,
  };
}

/** The holders of roles that lost their threshold sign them anew. */
export function planResign(examined: Examined, body: RevokeKey): EditPlan {
  const { unsigned } = examined.foretold;
  const roles = [...new Set(unsigned.map(({ role }) => role))];
  const dialects = [...new Set(unsigned.map(({ dialect }) => dialect))];
  return {
    kind: 'resign',
    summary: `sign ${roles.join(', ')} anew without key ${examined.impact.key.slice(0, 12)}`,
    diff: roles.map((role) => ({ role, what: 'signed anew, nothing in it changes' })),
    request: requestOf(examined, body),
    parts: dialects.map((dialect) => ({
      dialect,
      edit: {
        resign: new Set(unsigned.flatMap((each) => (each.dialect === dialect ? [each.role] : []))),
      },
    })),
    event: {
      action: 'role.resign',
      after: { roles: Object.fromEntries(roles.map((role) => [role, {}])) },
      roles,
    },
    urgent: true,
  };
}

/** As the form for one repository has it, also where a job asks for it: this is what signers recompute it from. */
export function requestOf({ row, impact }: Examined, body: RevokeKey): EditPlan['request'] {
  const { expect: _, ...asked } = body;
  return { method: 'POST', path: `/v2/${row.repository}/_trust/keys/${impact.key}/revocation`, body: asked };
}

function editOf({ trees, foretold }: Examined, sets: ReadonlyMap<RoleAfter, RoleKeySet>): DialectEdit {
  const roles: Partial<Record<TopLevelRole, RoleKeySet>> = {};
  const delegations = new Map<string, { set: DelegationSpec[]; keep: string[] }>();
  for (const [after, set] of sets) {
    if (isTopLevel(after.role) && after.by === 'root') {
      roles[after.role] = set;
      continue;
    }
    const edits = delegations.get(after.by) ?? { set: [], keep: [] };
    delegations.set(after.by, edits);
    const tree = trees.find(({ dialect }) => dialect === after.dialect);
    edits.set.push(toSpec(tree && delegationIn(tree, after), after, set));
    if (foretold.kept.includes(after)) edits.keep.push(after.role);
  }
  return {
    ...(Object.keys(roles).length === 0 ? {} : { roles }),
    ...(delegations.size === 0 ? {} : { delegations: new Map<string, DelegationEdits>(delegations) }),
  };
}

/** Paths and order stay. */
function toSpec(
  delegation: ReturnType<typeof delegationIn>,
  { role, dialect }: RoleAfter,
  set: RoleKeySet,
): DelegationSpec {
  const { paths, pathPrefixes, terminating } = delegation ?? {};
  if (terminating === undefined || (paths === undefined && pathPrefixes === undefined)) {
    throw new TrustError('DIALECT_INEXPRESSIBLE', `the delegation ${role} goes by hashes of paths`, {
      role,
      dialect,
    });
  }
  return {
    name: role,
    terminating,
    paths: paths ?? [],
    ...(pathPrefixes === undefined ? {} : { pathPrefixes }),
    ...set,
  };
}

function toDiff({ role, before, revoked }: RoleAfter, { keys, threshold }: RoleKeySet): DiffEntry {
  const without = revoked.map((keyId) => keyId.slice(0, 12)).join(', ');
  return {
    role,
    what: `without key ${without}`,
    before: `${before.threshold} of ${before.keyIds.length} keys`,
    after: `${threshold} of ${keys.length} keys`,
  };
}

/** Each role in the dialect whose versions people are told. */
function toldRoles(
  { foretold }: Examined,
  keysOf: (after: RoleAfter) => { readonly keyIds: readonly string[]; readonly threshold: number },
): JsonObject {
  const told: Record<string, JsonObject> = {};
  for (const after of foretold.roles) {
    if (told[after.role] !== undefined) continue;
    const { keyIds, threshold } = keysOf(after);
    told[after.role] = { keyIds: [...keyIds], threshold };
  }
  return told;
}

/** The one new key, where there is one. */
function replacementId(sets: ReadonlyMap<RoleAfter, RoleKeySet>, { keyIds }: Examined): string | undefined {
  for (const [{ before }, { keys }] of sets) {
    const added = keys.find(({ keyId }) => !before.keyIds.includes(keyId) && !keyIds.has(keyId));
    if (added !== undefined) return added.keyId;
  }
  return undefined;
}
