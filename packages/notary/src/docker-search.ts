/**
 * How Docker looks a tag up: `targets/releases`, with what it delegates, before targets. An answer counts only where
 * one of these two lists the tag itself; a role below `releases` that lists it hides what targets says.
 */
import {
  type FoundTarget,
  matchesDelegation,
  type Search,
  type Targets,
  TufError,
  toChainLink,
  type Verified,
  type Workflow,
} from '@vidimus/tuf';

/** The role that Docker asks first, as the model names it. */
export const RELEASES_ROLE = 'releases';

/** A role that was reached, with those on the way to it, targets first. */
export interface Reached<Role> {
  readonly role: Role;
  readonly chain: readonly Role[];
}

/** A document and the name of its role. */
export interface RoleDocument {
  readonly role: string;
  readonly document: Targets;
}

/** Gives a role as delegated by another; undefined: nothing was published for it yet. */
export type LoadDelegated<Role> = (delegator: Role, name: string) => Workflow<Role | undefined>;

/**
 * The role that answers for a path, in what order the roles are asked, and where that ends. Roles are generic: of
 * files verified on the way, or of documents in hand.
 * @throws TufError LIMIT after too many delegations, or as `load`: a role that cannot be verified ends the look-up
 */
export function* findRole<Role extends RoleDocument>(
  targets: Role,
  path: string,
  load: LoadDelegated<Role>,
  maxDelegations: number,
): Workflow<Reached<Role> | undefined> {
  const start = { role: targets, chain: [targets] };
  const waiting = [{ parent: start, name: RELEASES_ROLE }].filter(({ name }) => covers(targets, name, path));
  let visited = 0;
  for (const { parent, name } of waiting) {
    visited += 1;
    if (visited > maxDelegations) {
      throw new TufError('LIMIT', 'too many delegations on the way to a target', { most: maxDelegations });
    }
    const role = yield* load(parent.role, name);
    if (role === undefined) continue;
    const reached = { role, chain: [...parent.chain, role] };
    if (role.document.targets.has(path)) return name === RELEASES_ROLE ? reached : undefined;
    for (const child of role.document.delegations?.roles ?? []) {
      if (covers(role, child.name, path)) waiting.push({ parent: reached, name: child.name });
    }
  }
  return targets.document.targets.has(path) ? start : undefined;
}

/** The dialect's search: closed where Docker is open, in that a role it cannot verify is not passed over. */
export function* dockerSearch({
  start,
  path,
  maxDelegations,
  load,
}: Search): Workflow<FoundTarget | undefined> {
  const reached = yield* findRole(
    start,
    path,
    (delegator, name) => loadPublished(load, delegator, name),
    maxDelegations,
  );
  const target = reached?.role.document.targets.get(path);
  return reached && target && { target, chain: reached.chain.map(toChainLink) };
}

/** Snapshot says that nothing was published: a new delegation has no file before its first tag. */
function* loadPublished(
  load: Search['load'],
  delegator: Verified<Targets>,
  name: string,
): Workflow<Verified<Targets> | undefined> {
  try {
    return yield* load(delegator, name);
  } catch (error) {
    if (error instanceof TufError && error.code === 'ROLE_UNKNOWN') return undefined;
    throw error;
  }
}

function covers({ document }: RoleDocument, name: string, path: string): boolean {
  const delegation = document.delegations?.roles.find((role) => role.name === name);
  return delegation !== undefined && matchesDelegation(delegation, path);
}
