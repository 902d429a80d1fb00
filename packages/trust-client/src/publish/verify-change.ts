/**
 * Before a client signs the documents of a change to a repository that is there, it makes them itself: from the present
 * state that it verified with its own anchor and from the edit that the change describes. What differs in one byte, in
 * any dialect, is not signed.
 */
import {
  allBins,
  BINS_ROLE,
  type Dialect,
  type DialectName,
  type Draft,
  type Key,
  nextDocuments,
  type Root,
  type Targets,
  TufError,
} from '@vidimus/tuf';
import { dialectOf } from '../dialects.ts';
import type { PresentState } from '../present-state.ts';
import type { Change } from './answers.ts';
import { type Difference, differenceOf, keysNamed } from './change-difference.ts';
import { termsFor } from './change-terms.ts';
import { describedDifference, describedKeys, keptDifference } from './described-authority.ts';
import { type DescribedEdit, describedEdit } from './described-edit.ts';
import { type EditContext, listedKeys, materialOf, offeredIn } from './edit-context.ts';
import {
  compareAll,
  documentName,
  issuedAt,
  mismatch,
  openOffered,
  type VerifiedDocument,
} from './offered-document.ts';
import { resolveEdit } from './resolve-edit.ts';

export interface ChangeCheck {
  readonly repository: string;
  readonly change: Change;
  /** The state of each dialect that the change has documents of, verified by this client. */
  readonly present: readonly PresentState[];
  /** The call that this client made, where the change is the answer to one. */
  readonly request?: { readonly method: string; readonly path: string; readonly body?: unknown };
  /** Milliseconds. */
  readonly now: number;
}

export interface VerifiedChange {
  readonly documents: readonly VerifiedDocument[];
  /** What would be otherwise than it is, in every dialect. */
  readonly difference: readonly Difference[];
  /** Keys of the present and the next documents, by id. */
  readonly keys: ReadonlyMap<string, Key>;
}

/** Dialects that a change has documents of: whoever checks it needs their present state. */
export function dialectsOf({ documents }: Change): readonly DialectName[] {
  const named = new Set(documents.map(({ dialect }) => dialect));
  return (['tuf', 'notary'] as const).filter((dialect) => named.has(dialect));
}

/**
 * The documents of any change but a creation or a new dialect, which start from nothing.
 * @throws TrustClientError CHANGE_MISMATCH naming the first thing that is not as described; CHANGE_STALE
 */
export function verifyChange(check: ChangeCheck): VerifiedChange {
  const { change, repository, present, now } = check;
  if (change.repository !== repository) throw mismatch('it belongs to another repository');
  const edit = describedEdit(change);
  assertAsked(check);
  const issued = issuedAt(change, now);
  const offered = openOffered(
    change,
    present.map(({ dialect }) => dialect),
  );
  if (offered.size === 0) throw mismatch('it holds no documents');
  const contexts = present.map((state): EditContext => {
    const { dialect } = state;
    return { dialect, present: state, offered: offeredIn(offered, dialect), issued };
  });
  assertWhole(contexts, edit);
  assertNewKeysApart(contexts);
  const expected = contexts.flatMap((context) => [...recompute(context, change, edit)]);
  const documents = compareAll(change, offered, new Map(expected));
  return {
    documents: documents.map((document) => ({ ...document, keyIds: mayCount(contexts, edit, document) })),
    difference: contexts.flatMap((context) => [
      ...describedDifference(context, edit),
      ...keptDifference(context, edit),
      ...[...context.offered].flatMap(([role, document]) => differenceOf(context.present, role, document)),
    ]),
    keys: new Map(
      contexts.flatMap((each) => [
        ...describedKeys(edit, each.dialect),
        ...keysNamed(each.present, each.offered.values()),
      ]),
    ),
  };
}

/**
 * A top-level role whose holders are named in two dialects changes in both, or its old keys would live on in the one that
 * was left out. A delegated role may: its file in the other dialect may still be good.
 */
function assertWhole(contexts: readonly EditContext[], edit: DescribedEdit): void {
  if (edit.kind !== 'rotation' || !['root', 'targets', 'snapshot', 'timestamp'].includes(edit.role)) return;
  const offered = new Set(contexts.filter((each) => each.offered.size > 0).map(({ dialect }) => dialect));
  for (const dialect of ['tuf', 'notary'] as const) {
    if (offered.has(dialect) || describedKeys(edit, dialect).size === 0) continue;
    throw mismatch(`it leaves out the dialect ${dialect}`);
  }
}

/** A server that was asked for one edit must not describe another. */
function assertAsked({ change, request }: ChangeCheck): void {
  if (request === undefined) return;
  const { edit } = change;
  const isSame =
    edit.method === request.method &&
    edit.path === request.path &&
    sameJson(edit.body ?? {}, request.body ?? {});
  if (!isSame) throw mismatch('it describes another edit than was asked for');
}

/** @throws TrustClientError CHANGE_MISMATCH */
function recompute(
  context: EditContext,
  change: Change,
  edit: DescribedEdit,
): ReadonlyMap<string, Uint8Array> {
  if (context.offered.size === 0) return new Map();
  const dialect = dialectOf(context.dialect);
  try {
    const terms = termsFor(context, change, edit);
    const base = { root: context.present.root, targets: withBins(context) };
    const next = nextDocuments(base, resolveEdit(context, edit), terms);
    if (next.root !== undefined) assertRoot(dialect, change.repository, context);
    const drafts: [string, Draft<Root> | Draft<Targets>][] = [...next.targets];
    if (next.root !== undefined) drafts.unshift(['root', next.root]);
    return new Map(
      drafts.map(([role, draft]) => [documentName(context.dialect, role), dialect.encode(draft)]),
    );
  } catch (cause) {
    if (!(cause instanceof TufError)) throw cause;
    throw mismatch(`no document can be made of it: ${cause.message}`, cause);
  }
}

/** Further rules of the dialect for a root: in `notary` its certificates are of this repository, and valid. */
function assertRoot(dialect: Dialect, repository: string, { offered, issued }: EditContext): void {
  const root = offered.get('root');
  if (root?.kind !== 'root') return;
  dialect.assertRoot?.(root, repository);
  dialect.assertRootNow?.(root, issued);
}

/**
 * Bins that the change leaves to the service are made anew with targets' keys, too, and compared with nothing: where
 * they were not read, an empty one stands for them.
 */
function withBins({ present: { targets } }: EditContext): ReadonlyMap<string, Targets> {
  const succinct = targets.get(BINS_ROLE)?.delegations?.succinct;
  if (succinct === undefined) return targets;
  const stand = {
    kind: 'targets',
    version: 0,
    expires: 0,
    binding: {},
    fields: {},
    targets: new Map(),
  } as const;
  return new Map([...allBins(succinct).map((bin): [string, Targets] => [bin, stand]), ...targets]);
}

/** A key that the change brings in is of one dialect: a thief of it must not get the other. */
function assertNewKeysApart(contexts: readonly EditContext[]): void {
  for (const one of contexts) {
    const added = newMaterials(one);
    for (const other of contexts) {
      if (other === one) continue;
      const listed = new Set([...listedKeys(other.present)].map(materialOf));
      const isShared = [...added].some((each) => listed.has(each) || newMaterials(other).has(each));
      if (isShared) throw mismatch('it gives one key to two dialects');
    }
  }
}

function newMaterials({ present, offered }: EditContext): ReadonlySet<string> {
  const known = new Set([...listedKeys(present)].map(materialOf));
  const named = [...offered.values()].flatMap((document) => [
    ...(document.kind === 'root'
      ? document.keys
      : (document.delegations?.keys ?? new Map<string, Key>())
    ).values(),
  ]);
  return new Set(named.map(materialOf).filter((material) => !known.has(material)));
}

/** Keys that the documents themselves list for a role; what the server says of thresholds cannot add to them. */
function mayCount(
  contexts: readonly EditContext[],
  edit: DescribedEdit,
  { dialect, role, keyIds }: VerifiedDocument,
): readonly string[] {
  const context = contexts.find((each) => each.dialect === dialect);
  if (context === undefined) return [];
  const { present, offered } = context;
  const next = offered.get('root');
  const roots = [present.root, ...(next?.kind === 'root' ? [next] : [])];
  const above = [...present.targets, ...offered].flatMap(([, document]) =>
    document.kind === 'targets' ? delegatedKeyIds(document, role) : [],
  );
  const listed = new Set(
    role === 'root' || role === 'targets' ? roots.flatMap(({ roles }) => roles[role].keyIds) : above,
  );
  for (const keyId of describedKeys(edit, dialect, role).keys()) listed.add(keyId);
  return keyIds.filter((keyId) => listed.has(keyId));
}

function delegatedKeyIds({ delegations }: Targets, role: string): readonly string[] {
  const { roles = [], succinct } = delegations ?? {};
  const isBin = succinct !== undefined && role.startsWith(`${succinct.namePrefix}-`);
  return [
    ...roles.filter(({ name }) => name === role).flatMap(({ keyIds }) => keyIds),
    ...(isBin ? succinct.keyIds : []),
  ];
}

/** The same values, whatever the order of members; an absent member is none. */
function sameJson(one: unknown, other: unknown): boolean {
  return JSON.stringify(ordered(one)) === JSON.stringify(ordered(other));
}

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => [name, ordered(member)]);
}
