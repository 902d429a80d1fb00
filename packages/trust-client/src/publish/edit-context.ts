/** What one dialect of a change is recomputed from: the present state, the documents offered, and the keys in them. */
import type { DialectName, Key, RoleKeySet, RoleKeys, Root, Targets } from '@vidimus/tuf';
import { dialectOf } from '../dialects.ts';
import type { PresentState } from '../present-state.ts';
import type { DescribedKey } from './described-edit.ts';
import { assertEd25519, managedKeys, mismatch, type OfferedDocuments } from './offered-document.ts';

export interface EditContext {
  readonly dialect: DialectName;
  readonly present: PresentState;
  /** Of this dialect alone, by role. */
  readonly offered: ReadonlyMap<string, Root | Targets>;
  /** When the change was made, milliseconds. */
  readonly issued: number;
}

/** The documents of one dialect by role. */
export function offeredIn(
  offered: OfferedDocuments,
  dialect: DialectName,
): ReadonlyMap<string, Root | Targets> {
  const own = [...offered.values()].filter((each) => each.dialect === dialect);
  return new Map(own.map(({ role, document }) => [role, document]));
}

/** The root of the change; undefined: it makes none in this dialect. */
export function rootIn({ offered }: EditContext): Root | undefined {
  const root = offered.get('root');
  return root?.kind === 'root' ? root : undefined;
}

/** A document of the change that lists targets. */
export function targetsIn({ offered }: EditContext, role: string): Targets | undefined {
  const document = offered.get(role);
  return document?.kind === 'targets' ? document : undefined;
}

/**
 * The present document of a role; undefined: there is none yet.
 * @throws TrustClientError CHANGE_MISMATCH when there is one, and it could not be verified: what rests on it is not signed
 */
export function presentDocument({ present }: EditContext, role: string): Targets | undefined {
  const why = present.unreadable.get(role);
  if (why !== undefined) throw mismatch(`what ${role} says now could not be verified: ${why}`);
  return present.targets.get(role);
}

/** Which role delegates to another: the one that does so now, else the one above it in its name, else targets. */
export function delegatorOf({ present }: EditContext, role: string): string {
  const now = [...present.targets].find(([, { delegations }]) =>
    delegations?.roles.some(({ name }) => name === role),
  );
  if (now !== undefined) return now[0];
  const above = role.slice(0, Math.max(0, role.lastIndexOf('/')));
  return present.targets.has(above) || present.unreadable.has(above) ? above : 'targets';
}

/** The entries of one dialect as keys, the server's own taken from the document that lists the role. */
export interface KeyChoice {
  readonly role: string;
  readonly entries: readonly DescribedKey[];
  readonly threshold: number;
  /** The role as the change lists it. */
  readonly listed: RoleKeys;
  readonly keys: ReadonlyMap<string, Key>;
  /** Keys of the server that the role may keep; all others must be new here. */
  readonly kept?: readonly string[];
}

/**
 * Keys and threshold of a role: those of the edit, and as many of the server's as the edit leaves to it.
 * @throws TrustClientError CHANGE_MISMATCH; TufError for a key that is none
 */
export function chooseKeys(context: EditContext, choice: KeyChoice): RoleKeySet {
  const { role, entries, threshold, listed, keys, kept = [] } = choice;
  const { dialect } = context;
  const own = entries.flatMap((entry) =>
    entry.custody === 'client' && (entry.dialect ?? 'tuf') === dialect
      ? [dialectOf(dialect).toKey(entry.key)]
      : [],
  );
  const count = entries.filter(({ custody }) => custody === 'managed').length;
  const managed = managedKeys(role, count, listed, keys, own);
  if (dialect === 'tuf' || role !== 'root') assertEd25519(role, managed);
  assertNew(
    context,
    role,
    managed.filter(({ keyId }) => !kept.includes(keyId)),
  );
  return { keys: [...own, ...managed], threshold };
}

/**
 * What the server calls a key of its own must not be one that somebody has already: a role would be handed to the
 * holder of a key that was to go, or of another role.
 */
function assertNew({ present }: EditContext, role: string, managed: readonly Key[]): void {
  const known = new Set([...listedKeys(present)].map(materialOf));
  if (!managed.some((key) => known.has(materialOf(key)))) return;
  throw mismatch(`the new key of the server in ${role} is one that is listed already`);
}

/** Every key that the present documents list. */
export function* listedKeys({ root, targets }: PresentState): Iterable<Key> {
  yield* root.keys.values();
  for (const { delegations } of targets.values()) yield* delegations?.keys.values() ?? [];
}

/** The same for one key however it is spelled. */
export function materialOf(key: Key): string {
  return key.usable?.materialId ?? key.keyId;
}

/** The keys of a role as objects, in the order of their ids. @throws TrustClientError CHANGE_MISMATCH */
export function keysOf(role: string, { keyIds }: RoleKeys, keys: ReadonlyMap<string, Key>): readonly Key[] {
  return keyIds.map((keyId) => {
    const key = keys.get(keyId);
    if (key === undefined) throw mismatch(`${role} lists a key that is not there`);
    return key;
  });
}
