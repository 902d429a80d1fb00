/** Rules of custody that hold for every edit, whoever planned it. */
import { keyKeys, type Queries, trustRevokedKeys, trustRoleKeys } from '@vidimus/database';
import {
  assertCustodians,
  type CustodianOf,
  type DialectName,
  type Key,
  type RoleKeySet,
  toRoleKeys,
} from '@vidimus/tuf';
import { and, eq, inArray, isNotNull, isNull, or } from 'drizzle-orm';
import { TrustError } from '../../service.ts';
import { assertUsableRoot } from '../changes/usable-root.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import type { EditParts, EditPlan } from './edit-plan.ts';
import { authoritiesAfter, type PreparedPart } from './prepare.ts';

/** Keys of one role as an edit lists them. */
interface EditedRole {
  readonly dialect: DialectName;
  readonly role: string;
  readonly set: RoleKeySet;
}

/**
 * @param managed - ids of the service's keys, those among them that were made for the edit
 * @throws TufError EDIT_INVALID (KEY, THRESHOLD, CUSTODIAN); TrustError CUSTODY_INVALID, KEY_INVALID
 */
export async function assertCustody(
  parts: Pick<EditParts, 'keys'>,
  tx: Queries,
  row: RepositoryRow,
  plan: EditPlan,
  prepared: readonly PreparedPart[],
  managed: ReadonlySet<string>,
): Promise<void> {
  const edited = prepared.flatMap(editedRoles);
  const custodianOf = await custodians(tx, row, plan, managed);
  for (const { role, set } of edited) {
    assertCustodians(role, toRoleKeys(role, set), custodianOf);
    if (role === 'snapshot' || role === 'timestamp') assertOnline(role, set, managed);
  }
  for (const { dialect, next, terms } of prepared) {
    if (next.root !== undefined) assertUsableRoot(dialect, next.root, row.repository, terms.nowMs);
  }
  const added = prepared.flatMap((part) => addedKeys(part, edited));
  await assertNotRevoked(tx, row, added);
  await assertNotOurs(parts, tx, row, added, new Set(plan.made?.map(({ key }) => key.keyId)));
}

function editedRoles({ dialect, edit }: PreparedPart): readonly EditedRole[] {
  const top = Object.entries(edit.roles ?? {}).map(([role, set]) => ({ dialect, role, set }));
  const delegated = [...(edit.delegations?.values() ?? [])].flatMap(({ set = [] }) =>
    set.map((spec) => ({ dialect, role: spec.name, set: spec })),
  );
  return [...top, ...delegated];
}

/** Names rest on what was said when a key was listed: a signer with two keys is one custodian. */
async function custodians(
  tx: Queries,
  row: RepositoryRow,
  plan: EditPlan,
  managed: ReadonlySet<string>,
): Promise<CustodianOf> {
  const rows = await tx
    .select({ keyId: trustRoleKeys.keyId, signer: trustRoleKeys.signer })
    .from(trustRoleKeys)
    .where(
      and(
        eq(trustRoleKeys.repository, row.repository),
        eq(trustRoleKeys.incarnation, row.incarnation),
        isNull(trustRoleKeys.until),
        isNotNull(trustRoleKeys.signer),
      ),
    );
  const named = new Map(rows.map(({ keyId, signer }) => [keyId, signer ?? '']));
  for (const [keyId, signer] of Object.entries(plan.signers ?? {})) named.set(keyId, signer);
  return (keyId) => {
    if (managed.has(keyId)) return 'the service';
    const signer = named.get(keyId);
    return signer === undefined ? keyId : `signer ${signer}`;
  };
}

/** They are signed anew every few hours, by nobody but the service. */
function assertOnline(role: string, { keys }: RoleKeySet, managed: ReadonlySet<string>): void {
  if (keys.every(({ keyId }) => managed.has(keyId))) return;
  throw new TrustError('CUSTODY_INVALID', `the keys of role ${role} are managed, never a client’s`, {
    role,
    choices: ['managed'],
  });
}

/** Whether an edit would list, or rests on the signature of, a key that was taken back after it was planned. */
export async function restsOnRevoked(
  tx: Queries,
  row: Pick<RepositoryRow, 'repository'>,
  prepared: readonly PreparedPart[],
  signers: readonly Key[],
): Promise<boolean> {
  const added = prepared.flatMap((part) => addedKeys(part, editedRoles(part)));
  return (await findRevoked(tx, row, [...added, ...signers])) !== undefined;
}

/** Keys that a role did not list before. */
function addedKeys(part: PreparedPart, edited: readonly EditedRole[]): readonly Key[] {
  const before = authoritiesAfter({ base: part.base, next: { targets: new Map() } });
  return edited
    .filter(({ dialect }) => dialect === part.dialect)
    .flatMap(({ role, set }) => {
      const listed = new Set(before(role)?.roleKeys.keyIds);
      return set.keys.filter(({ keyId }) => !listed.has(keyId));
    });
}

const materialOf = (key: Key): string => key.usable?.materialId ?? key.keyId;

/**
 * A key that was revoked here, or everywhere, never comes back: not under another id, nor in another encoding.
 * @throws TrustError KEY_INVALID
 */
export async function assertNotRevoked(
  tx: Queries,
  row: Pick<RepositoryRow, 'repository'>,
  added: readonly Key[],
): Promise<void> {
  const key = await findRevoked(tx, row, added);
  if (key === undefined) return;
  throw new TrustError('KEY_INVALID', `key ${key.keyId} was revoked: it is not listed again`, {
    keyId: key.keyId,
    reason: 'KEY_REVOKED',
  });
}

/** One of these keys that was taken back here, or everywhere. */
export async function findRevoked(
  tx: Queries,
  { repository }: Pick<RepositoryRow, 'repository'>,
  keys: readonly Key[],
): Promise<Key | undefined> {
  if (keys.length === 0) return undefined;
  const [revoked] = await tx
    .select({ material: trustRevokedKeys.material })
    .from(trustRevokedKeys)
    .where(
      and(
        inArray(trustRevokedKeys.material, keys.map(materialOf)),
        or(eq(trustRevokedKeys.repository, repository), isNull(trustRevokedKeys.repository)),
      ),
    )
    .limit(1);
  return keys.find((each) => materialOf(each) === revoked?.material);
}

/** The service's own keys are each for one role of one dialect: nobody else may bring one, whatever its encoding. */
async function assertNotOurs(
  { keys }: Pick<EditParts, 'keys'>,
  tx: Queries,
  row: RepositoryRow,
  added: readonly Key[],
  made: ReadonlySet<string>,
): Promise<void> {
  const brought = added.filter(({ keyId }) => !made.has(keyId));
  if (brought.length === 0) return;
  const ours = new Set<string>();
  for (const dialect of row.dialects) {
    for (const own of (await keys.publicKeys(tx, row, dialect)).values()) {
      for (const key of own) ours.add(materialOf(key));
    }
  }
  const past = await tx
    .select({ keyId: keyKeys.keyId })
    .from(keyKeys)
    .where(
      inArray(
        keyKeys.keyId,
        brought.map(({ keyId }) => keyId),
      ),
    );
  for (const { keyId } of past) ours.add(keyId);
  const key = brought.find((each) => ours.has(materialOf(each)) || ours.has(each.keyId));
  if (key === undefined) return;
  throw new TrustError('KEY_INVALID', `key ${key.keyId} is the service’s own, made for another role`, {
    keyId: key.keyId,
  });
}
