/**
 * The next documents of one edit in one dialect, unsigned. Whoever proposes an edit and whoever is asked to sign it make
 * them from the same base with this one function, and compare bytes.
 */
import type { Draft } from '../dialect.ts';
import type { Delegations, Key, RoleKeys, Root, Targets, TopLevelRole } from '../model.ts';
import { assertApart } from './apart.ts';
import { allBins } from './bins.ts';
import { editInvalid } from './edit-error.ts';
import { BINS_ROLE } from './layout.ts';
import { type DelegationEdits, nextDelegations } from './next-delegations.ts';
import { nextRoot } from './next-root.ts';
import { nextRevocations, nextTargets, REVOCATIONS_ROLE, type TargetEdits } from './next-targets.ts';
import { keyMap, type RoleKeySet, toRoleKeys } from './role-keys.ts';
import type { EditTerms } from './terms.ts';

/** What one edit changes in one dialect, every key resolved. */
export interface DialectEdit {
  /** The next root lists these keys and thresholds; roles that are not named keep what they have. */
  readonly roles?: Partial<Readonly<Record<TopLevelRole, RoleKeySet>>>;
  /** The next root is made although no key changes. */
  readonly renewRoot?: true;
  /** By delegating role: `targets` or a delegated one. */
  readonly delegations?: ReadonlyMap<string, DelegationEdits>;
  /** Entries to write and to take away, by role. */
  readonly targets?: ReadonlyMap<string, TargetEdits>;
  /** Targets roles signed anew although nothing in them changes. */
  readonly resign?: ReadonlySet<string>;
}

/** The current documents that an edit starts from. */
export interface EditBase {
  readonly root: Root;
  /** By role: those of `rolesOfEdit`, as far as they exist. A delegated role without a document begins empty. */
  readonly targets: ReadonlyMap<string, Targets>;
}

export interface NextDocuments {
  readonly root?: Draft<Root>;
  /** Targets, delegated roles and bins, delegators first. */
  readonly targets: ReadonlyMap<string, Draft<Targets>>;
}

/** The documents that say where bins are. */
export interface BinsView {
  readonly bins?: Targets;
}

/** The targets roles that an edit makes anew, whose current documents `nextDocuments` needs. */
export function rolesOfEdit(edit: DialectEdit, { bins }: BinsView): ReadonlySet<string> {
  const roles = new Set<string>();
  if (edit.roles?.targets !== undefined) {
    roles.add('targets');
    const succinct = bins?.delegations?.succinct;
    if (succinct !== undefined) for (const role of [BINS_ROLE, ...allBins(succinct)]) roles.add(role);
  }
  for (const [delegator, { set = [], keep = [] }] of edit.delegations ?? []) {
    roles.add(delegator);
    for (const { name } of set) if (!keep.includes(name)) roles.add(name);
  }
  for (const role of edit.targets?.keys() ?? []) roles.add(role);
  for (const role of edit.resign ?? []) roles.add(role);
  return new Set([...roles].sort((a, b) => depth(a) - depth(b)));
}

/**
 * The next root, and the next document of every role that the edit names or whose authority it changes.
 * @throws TufError EDIT_INVALID
 */
export function nextDocuments(base: EditBase, edit: DialectEdit, terms: EditTerms): NextDocuments {
  const hasRoot = edit.renewRoot === true || Object.keys(edit.roles ?? {}).length > 0;
  const root = hasRoot ? nextRoot(base.root, edit.roles ?? {}, terms) : undefined;
  const targets = new Map<string, Draft<Targets>>();
  const bins = base.targets.get(BINS_ROLE);
  assertBinsGiven(base, edit);
  for (const role of rolesOfEdit(edit, bins === undefined ? {} : { bins })) {
    targets.set(role, nextOf(role, base, edit, terms));
  }
  assertApart(base, edit, { ...(root === undefined ? {} : { root }), targets });
  return { ...(root === undefined ? {} : { root }), targets };
}

/** Delegators come first: what they say holds for the documents below them. */
function depth(role: string): number {
  return role === 'targets' ? 0 : role === BINS_ROLE ? 1 : 1 + role.split('/').length;
}

/** Bins have the keys of targets: without their documents they would keep the old ones. */
function assertBinsGiven({ targets }: EditBase, { roles }: DialectEdit): void {
  if (roles?.targets === undefined) return;
  const names = targets.get('targets')?.delegations?.roles.map(({ name }) => name) ?? [];
  if (!names.includes(BINS_ROLE)) return;
  const succinct = targets.get(BINS_ROLE)?.delegations?.succinct;
  const missing = succinct === undefined ? BINS_ROLE : allBins(succinct).find((role) => !targets.has(role));
  if (missing !== undefined) throw missingDocument(missing);
}

function nextOf(role: string, base: EditBase, edit: DialectEdit, terms: EditTerms): Draft<Targets> {
  const previous = base.targets.get(role);
  if (previous === undefined && role === 'targets') throw missingDocument(role);
  const entries = edit.targets?.get(role) ?? {};
  const draft =
    role === REVOCATIONS_ROLE
      ? nextRevocations(previous ?? nothing, entries, terms)
      : nextTargets(role, previous ?? nothing, entries, terms);
  const delegations = delegationsOf(role, draft.delegations, edit);
  return delegations === undefined ? draft : { ...draft, delegations };
}

/** What a role was before its first document. */
const nothing: Targets = {
  kind: 'targets',
  version: 0,
  expires: 0,
  binding: {},
  fields: {},
  targets: new Map(),
};

function delegationsOf(
  role: string,
  previous: Delegations | undefined,
  edit: DialectEdit,
): Delegations | undefined {
  const edits = edit.delegations?.get(role);
  const next = edits === undefined ? previous : nextDelegations(previous, edits);
  const owner = edit.roles?.targets;
  return next === undefined || owner === undefined ? next : withBinsOwner(role, next, owner);
}

/** Bins have the keys and the threshold of targets. */
function withBinsOwner(role: string, delegations: Delegations, owner: RoleKeySet): Delegations {
  const { keys, roles, succinct } = delegations;
  const roleKeys = toRoleKeys(BINS_ROLE, owner);
  if (role === BINS_ROLE && succinct !== undefined) {
    return { keys: keyMap([owner]), roles, succinct: { ...succinct, ...roleKeys } };
  }
  if (role !== 'targets' || !roles.some(({ name }) => name === BINS_ROLE)) return delegations;
  const next = roles.map((each) => (each.name === BINS_ROLE ? { ...each, ...roleKeys } : each));
  return { keys: listed(next, new Map([...keys, ...keyMap([owner])])), roles: next };
}

function listed(roles: readonly RoleKeys[], keys: ReadonlyMap<string, Key>): ReadonlyMap<string, Key> {
  const used = new Set(roles.flatMap(({ keyIds }) => keyIds));
  return new Map([...keys].filter(([keyId]) => used.has(keyId)));
}

function missingDocument(role: string): Error {
  return editInvalid('ROLE_MISSING', `the document of ${role} is needed`, { role });
}
