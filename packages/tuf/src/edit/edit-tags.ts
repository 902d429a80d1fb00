/** One edit of a repository's tags, whatever its layout: only the files that change are made anew. */
import type { Draft } from '../dialect.ts';
import type { Delegation, Key, RoleKeys, Root, Target, Targets } from '../model.ts';
import { allBins, binOf } from './bins.ts';
import { editInvalid } from './edit-error.ts';
import { BINS_ROLE, type Layout, layoutFor, roleOfTag, rolesOfTags } from './layout.ts';
import { nextTargets, type TargetEdits } from './next-targets.ts';
import { assertTagTarget } from './target-rules.ts';
import { type EditTerms, stamp } from './terms.ts';

export interface TagPlan {
  readonly from: Layout;
  readonly to: Layout;
  /** The roles whose current documents `editTags` must be given. */
  readonly load: ReadonlySet<string>;
}

/**
 * What an edit needs: `tagCount` is the number of tags after it, `tags` the names it touches.
 * A move to another layout needs every tag, and leaves the old bins in snapshot, where nothing names them.
 */
export function planTags(current: Layout, tagCount: number, tags: Iterable<string>): TagPlan {
  const to = layoutFor(tagCount, current);
  if (to === current) return { from: current, to, load: rolesOfTags(current, tags) };
  const load = current.kind === 'flat' ? ['targets'] : ['targets', BINS_ROLE, ...allBins(current)];
  return { from: current, to, load: new Set(load) };
}

/**
 * The next documents of all roles that an edit of tags changes, by role.
 * `root` and `documents` are current; `documents` holds those of `plan.load`.
 * @throws TufError EDIT_INVALID
 */
export function editTags(
  plan: TagPlan,
  root: Root,
  documents: ReadonlyMap<string, Targets>,
  edits: TargetEdits,
  terms: EditTerms,
): ReadonlyMap<string, Draft<Targets>> {
  if (plan.to !== plan.from) return moveToBins(plan, root, documents, edits, terms);
  const drafts = new Map<string, Draft<Targets>>();
  for (const [role, own] of byRole(plan.from, edits)) {
    drafts.set(role, nextTargets(role, given(documents, role), own, terms));
  }
  return drafts;
}

interface OwnEdits {
  readonly set: Target[];
  readonly remove: string[];
}

function byRole(layout: Layout, edits: TargetEdits): ReadonlyMap<string, OwnEdits> {
  const roles = new Map<string, OwnEdits>();
  const of = (tag: string): OwnEdits => {
    const role = roleOfTag(layout, tag);
    const known = roles.get(role) ?? { set: [], remove: [] };
    roles.set(role, known);
    return known;
  };
  for (const path of edits.remove ?? []) of(path).remove.push(path);
  for (const target of edits.set ?? []) of(target.path).set.push(target);
  return roles;
}

/** One publish: targets gives up its tags and delegates `bins`, all bins come into being, even empty ones. */
function moveToBins(
  plan: TagPlan,
  root: Root,
  documents: ReadonlyMap<string, Targets>,
  edits: TargetEdits,
  terms: EditTerms,
): ReadonlyMap<string, Draft<Targets>> {
  const { to } = plan;
  if (to.kind !== 'bins') throw editInvalid('ROLE_MISSING', 'there is no way back from bins');
  const bins = new Map(allBins(to).map((name) => [name, new Map<string, Target>()]));
  for (const target of allTags(plan, documents, edits))
    bins.get(binOf(to, target.path))?.set(target.path, target);

  const drafts = new Map<string, Draft<Targets>>();
  for (const [name, targets] of bins) drafts.set(name, { kind: 'targets', ...stamp(terms, name), targets });
  const owner = ownerOfBins(root);
  drafts.set(BINS_ROLE, {
    kind: 'targets',
    ...stamp(terms, BINS_ROLE),
    targets: new Map(),
    delegations: {
      keys: owner.keys,
      roles: [],
      succinct: { ...owner.role, bitLength: to.bitLength, namePrefix: to.namePrefix },
    },
  });
  if (plan.from.kind === 'flat') {
    drafts.set('targets', delegateBins(given(documents, 'targets'), owner, terms));
  }
  return drafts;
}

interface BinsOwner {
  readonly keys: ReadonlyMap<string, Key>;
  readonly role: RoleKeys;
}

/** Bins have the keys and the threshold of targets. */
function ownerOfBins(root: Root): BinsOwner {
  const role = root.roles.targets;
  const keys = new Map<string, Key>();
  for (const keyId of role.keyIds) {
    const key = root.keys.get(keyId);
    if (key !== undefined) keys.set(keyId, key);
  }
  return { keys, role: { keyIds: role.keyIds, threshold: role.threshold } };
}

/** `bins` comes last: whatever is delegated before it goes first. */
function delegateBins(targets: Targets, owner: BinsOwner, terms: EditTerms): Draft<Targets> {
  const before = targets.delegations;
  const bins: Delegation = { ...owner.role, name: BINS_ROLE, terminating: true, paths: ['*'] };
  return {
    kind: 'targets',
    ...stamp(terms, 'targets'),
    targets: new Map(),
    delegations: {
      keys: new Map([...(before?.keys ?? []), ...owner.keys]),
      roles: [...(before?.roles ?? []), bins],
    },
    fields: targets.fields,
  };
}

/** Every tag after the edit. */
function allTags(
  plan: TagPlan,
  documents: ReadonlyMap<string, Targets>,
  edits: TargetEdits,
): Iterable<Target> {
  for (const target of edits.set ?? []) assertTagTarget(target);
  const tags = new Map<string, Target>();
  const listing = plan.from.kind === 'flat' ? ['targets'] : allBins(plan.from);
  for (const role of listing) {
    for (const target of given(documents, role).targets.values()) tags.set(target.path, target);
  }
  for (const path of edits.remove ?? []) tags.delete(path);
  for (const target of edits.set ?? []) tags.set(target.path, target);
  return tags.values();
}

function given(documents: ReadonlyMap<string, Targets>, role: string): Targets {
  const document = documents.get(role);
  if (document === undefined)
    throw editInvalid('ROLE_MISSING', `the document of ${role} is needed`, { role });
  return document;
}
