/**
 * What becomes of a repository when a key is taken out of it: from its documents alone, without clock, database or
 * signer. What people are shown beforehand and what the revocation does come from this one function.
 */
import {
  assertCustodians,
  BINS_ROLE,
  type CustodianOf,
  type Delegation,
  type DialectName,
  type Envelope,
  type Key,
  type RoleKeys,
  type TopLevelRole,
  TufError,
  verifyThreshold,
} from '@vidimus/tuf';
import { materialOf } from '../keys-index/key-ids.ts';
import type { SignedTree } from '../keys-index/signed-tree.ts';

/** What takes the key's place. */
export type Replacement =
  | { readonly custody: 'managed' }
  | { readonly custody: 'client'; readonly dialect: DialectName; readonly key: Key };

export interface RevocationQuestion {
  /** Of the key that goes. */
  readonly material: string;
  /** Ids of the service's keys. */
  readonly managed: ReadonlySet<string>;
  readonly custodianOf: CustodianOf;
  readonly replacement?: Replacement;
  /** Of every role that lists the key; absent: as it is. */
  readonly threshold?: number;
  /** Thresholds that nobody could meet any more are lowered to what is left. */
  readonly force: boolean;
}

/** A role of one dialect after the revocation. */
export interface RoleAfter {
  readonly dialect: DialectName;
  readonly role: string;
  /** The document that says who signs it. */
  readonly by: string;
  /** Those that stay, and a client's replacement. */
  readonly keys: readonly Key[];
  /** Keys that the service has to make for it. */
  readonly newManaged: 0 | 1;
  readonly threshold: number;
  readonly before: RoleKeys;
  /** Ids of the revoked key in it. */
  readonly revoked: readonly string[];
  /** Why nobody could sign it; absent: somebody can. */
  readonly breaks?: Break;
}

/**
 * - `keys` none is left
 * - `threshold` fewer are left than have to sign
 * - `custodian` those that are left are one custodian's
 * - `chain` the next root needs the signature of the revoked key
 * - `unvouched` the service would vouch for what the revoked key alone has signed
 */
export type Break = 'keys' | 'threshold' | 'custodian' | 'chain' | 'unvouched';

/** Delegated roles whose files nobody but their holders can sign anew. */
export interface UnsignedRole {
  readonly by: string;
  /** What clients refuse until then. */
  readonly tags: readonly string[];
}

/** A document that somebody besides the service must sign. */
export interface AwaitedDocument {
  readonly dialect: DialectName;
  readonly role: string;
  /** Signatures that the service cannot give. */
  readonly missing: number;
  /** Keys of others that count for it. */
  readonly keyIds: readonly string[];
}

export interface Foretold {
  readonly roles: readonly RoleAfter[];
  /** Without these nothing of it is published; empty: it is published at once. */
  readonly awaited: readonly AwaitedDocument[];
  /** Delegated roles whose file stays as it is, whether or not it still verifies: the service does not sign it. */
  readonly kept: readonly RoleAfter[];
  /** Those among them that their holders must sign anew, after the rest is published. */
  readonly unsigned: readonly (AwaitedDocument & UnsignedRole)[];
}

/** @param trees - each dialect of one repository */
export function foretell(trees: readonly SignedTree[], question: RevocationQuestion): Foretold {
  const roles = trees.flatMap((tree) => rolesAfter(tree, question));
  const each = <T>(from: (tree: SignedTree, own: readonly RoleAfter[]) => readonly T[]): readonly T[] =>
    trees.flatMap((tree) => from(tree, of(roles, tree)));
  const delegators = each((tree, own) => delegatorsAwaited(tree, own, question));
  if (delegators.length > 0) {
    const below = each((tree, own) => unsignedIn(tree, keptIn(tree, own, question), question));
    const named = new Set(delegators.map(({ dialect, role }) => `${dialect} ${role}`));
    const others = below.filter(({ dialect, role }) => !named.has(`${dialect} ${role}`));
    return { roles, awaited: [...delegators, ...others], kept: [], unsigned: [] };
  }
  const kept = each((tree, own) => keptIn(tree, own, question));
  const unsigned = trees.flatMap((tree) => unsignedIn(tree, of(kept, tree), question));
  return { roles, awaited: [], kept, unsigned };
}

const of = (roles: readonly RoleAfter[], { dialect }: SignedTree): readonly RoleAfter[] =>
  roles.filter((role) => role.dialect === dialect);

function rolesAfter(tree: SignedTree, question: RevocationQuestion): readonly RoleAfter[] {
  const root = tree.root.document;
  const top = Object.entries(root.roles).flatMap(([role, roleKeys]) =>
    roleAfter(tree, question, { role, by: 'root', roleKeys, keys: root.keys }),
  );
  const delegated = [...tree.targets].flatMap(([by, { document }]) =>
    (document.delegations?.roles ?? []).flatMap((roleKeys) => {
      // Bins follow the keys of targets.
      if (roleKeys.name === BINS_ROLE) return [];
      const keys = document.delegations?.keys ?? new Map<string, Key>();
      return roleAfter(tree, question, { role: roleKeys.name, by, roleKeys, keys });
    }),
  );
  return [...top, ...delegated];
}

interface RoleBefore {
  readonly role: string;
  readonly by: string;
  readonly roleKeys: RoleKeys;
  readonly keys: ReadonlyMap<string, Key>;
}

function roleAfter(
  tree: SignedTree,
  question: RevocationQuestion,
  { role, by, roleKeys, keys }: RoleBefore,
): readonly RoleAfter[] {
  const { material, replacement, force } = question;
  const listed = roleKeys.keyIds.flatMap((keyId) => keys.get(keyId) ?? []);
  const revoked = listed.filter((key) => materialOf(key) === material);
  if (revoked.length === 0) return [];
  const stay = listed.filter((key) => materialOf(key) !== material);
  const added =
    replacement?.custody === 'client' && replacement.dialect === tree.dialect ? [replacement.key] : [];
  const newManaged = replacement?.custody === 'managed' ? 1 : 0;
  const count = stay.length + added.length + newManaged;
  const wanted = question.threshold ?? roleKeys.threshold;
  const after: RoleAfter = {
    dialect: tree.dialect,
    role,
    by,
    keys: [...stay, ...added],
    newManaged,
    threshold: force && count > 0 ? Math.min(wanted, count) : wanted,
    before: { keyIds: roleKeys.keyIds, threshold: roleKeys.threshold },
    revoked: revoked.map(({ keyId }) => keyId),
  };
  const breaks = breakOf(tree, after, question);
  return [breaks === undefined ? after : { ...after, breaks }];
}

function breakOf(tree: SignedTree, after: RoleAfter, question: RevocationQuestion): Break | undefined {
  const { role, keys, newManaged, threshold, before, revoked } = after;
  const { managed, force } = question;
  const count = keys.length + newManaged;
  if (count === 0) return 'keys';
  if (threshold > count) return 'threshold';
  if (!hasCustodians(after, question)) return 'custodian';
  const others = before.keyIds.filter((keyId) => !revoked.includes(keyId));
  const isOurs = revoked.some((keyId) => managed.has(keyId));
  // TUF 5.3.4: the next root is signed as the one before it asks. A stolen key may still sign its own end.
  if (role === 'root' && !isOurs && !force && others.length < before.threshold) return 'chain';
  const isSignedAnew = newManaged > 0 || (isSignable(after, managed) && restsOnRevoked(tree, after));
  if (isSignedAnew && !isOurs && !hasSigned(tree, role, managed)) return 'unvouched';
  return undefined;
}

/** Whether the current file reaches the threshold that it was signed for only with the revoked key. */
function restsOnRevoked({ targets }: SignedTree, after: RoleAfter): boolean {
  const signed = targets.get(after.role);
  return signed !== undefined && !verifies(signed.envelope, { ...after, threshold: after.before.threshold });
}

function hasCustodians(
  { role, keys, newManaged, threshold }: RoleAfter,
  question: RevocationQuestion,
): boolean {
  const { custodianOf, managed } = question;
  const ours = newManaged === 0 ? [] : [newKey];
  try {
    assertCustodians(role, { keyIds: [...keys.map(({ keyId }) => keyId), ...ours], threshold }, (keyId) =>
      keyId === newKey || managed.has(keyId) ? newKey : custodianOf(keyId),
    );
    return true;
  } catch (error) {
    if (error instanceof TufError) return false;
    throw error;
  }
}

/** Stands for a key of the service that is not made yet. */
const newKey = 'the service';

/** Whether a key of the service is among those that signed a role's current file. Root vouches for no content. */
function hasSigned(tree: SignedTree, role: string, managed: ReadonlySet<string>): boolean {
  if (role === 'root' || role === 'snapshot' || role === 'timestamp') return true;
  const envelope = tree.targets.get(role)?.envelope ?? tree.unsigned.get(role);
  return envelope === undefined || envelope.signatures.some(({ keyId }) => managed.has(keyId));
}

/** Ids and threshold of a role afterwards, as far as the service can sign it. */
function isSignable(
  { keys, newManaged, threshold }: Pick<RoleAfter, 'keys' | 'newManaged' | 'threshold'>,
  managed: ReadonlySet<string>,
): boolean {
  return keys.filter(({ keyId }) => managed.has(keyId)).length + newManaged >= threshold;
}

/** Every document that says who signs is signed first: root for the top-level roles, delegators for the others. */
function delegatorsAwaited(
  tree: SignedTree,
  roles: readonly RoleAfter[],
  { managed }: RevocationQuestion,
): readonly AwaitedDocument[] {
  const { dialect } = tree;
  const found = new Map<string, AwaitedDocument>();
  const ask = (role: string, sides: readonly Side[]): void => {
    const missing = Math.max(0, ...sides.map(({ threshold, ours }) => threshold - ours));
    if (missing === 0) return;
    const keyIds = sides.flatMap(({ others }) => others);
    found.set(role, { dialect, role, missing, keyIds: [...new Set(keyIds)].sort() });
  };
  const after = (role: string): RoleAfter | undefined => roles.find((each) => each.role === role);
  const sideOf = (role: string, before: RoleKeys): Side => {
    const changed = after(role);
    return changed === undefined ? sideBefore(before, managed) : sideAfter(changed, managed);
  };
  for (const { role, by } of roles) {
    if (by === 'root') {
      const { root, targets } = tree.root.document.roles;
      ask('root', [sideBefore(root, managed, after('root')), sideOf('root', root)]);
      if (role === 'targets') ask('targets', [sideOf('targets', targets)]);
    } else {
      const before = authorityOf(tree, by);
      if (before !== undefined) ask(by, [sideOf(by, before)]);
    }
  }
  return [...found.values()];
}

/** What one set of keys can give: the service by itself, and those who may help. */
interface Side {
  readonly threshold: number;
  readonly ours: number;
  readonly others: readonly string[];
}

/** The revoked key is not asked, unless there is no other way. */
function sideBefore({ keyIds, threshold }: RoleKeys, managed: ReadonlySet<string>, after?: RoleAfter): Side {
  const revoked = after?.revoked ?? [];
  const others = keyIds.filter((keyId) => !managed.has(keyId));
  const without = others.filter((keyId) => !revoked.includes(keyId));
  const ours = keyIds.length - others.length;
  return { threshold, ours, others: without.length + ours < threshold ? others : without };
}

function sideAfter({ keys, newManaged, threshold }: RoleAfter, managed: ReadonlySet<string>): Side {
  const others = keys.map(({ keyId }) => keyId).filter((keyId) => !managed.has(keyId));
  return { threshold, ours: keys.length - others.length + newManaged, others };
}

function authorityOf({ root, targets }: SignedTree, role: string): RoleKeys | undefined {
  if (role === 'targets') return root.document.roles.targets;
  for (const { document } of targets.values()) {
    const found = document.delegations?.roles.find(({ name }) => name === role);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What the service did not sign before it does not sign now: the revoked key may have been alone with it. */
function keptIn(
  tree: SignedTree,
  roles: readonly RoleAfter[],
  { managed }: RevocationQuestion,
): readonly RoleAfter[] {
  return roles.filter(
    (after) => after.by !== 'root' && (!isSignable(after, managed) || !tree.targets.has(after.role)),
  );
}

function unsignedIn(
  tree: SignedTree,
  kept: readonly RoleAfter[],
  { managed }: RevocationQuestion,
): Foretold['unsigned'] {
  return kept.flatMap((after) => {
    const { dialect, role, by } = after;
    const { threshold, ours, others } = sideAfter(after, managed);
    if (ours >= threshold) return [];
    const place = { dialect, role, by, missing: threshold - ours, keyIds: others };
    const signed = tree.targets.get(role);
    // It was below its threshold before: nobody takes its tags now.
    if (signed === undefined) return tree.unsigned.has(role) ? [{ ...place, tags: [] }] : [];
    if (verifies(signed.envelope, after)) return [];
    return [{ ...place, tags: [...signed.document.targets.keys()] }];
  });
}

function verifies(envelope: Envelope, { role, keys, threshold }: RoleAfter): boolean {
  const byId = new Map(keys.map((key) => [key.keyId, key]));
  try {
    verifyThreshold(envelope, byId, { keyIds: [...byId.keys()], threshold }, role);
    return true;
  } catch (error) {
    if (error instanceof TufError) return false;
    throw error;
  }
}

/** The delegation of a role as its delegator has it now. */
export function delegationIn({ targets }: SignedTree, { by, role }: RoleAfter): Delegation | undefined {
  return targets.get(by)?.document.delegations?.roles.find(({ name }) => name === role);
}

export function isTopLevel(role: string): role is TopLevelRole {
  return role === 'root' || role === 'targets' || role === 'snapshot' || role === 'timestamp';
}
