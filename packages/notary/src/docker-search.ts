/**
 * How Docker looks a tag up: `targets/releases`, with what it delegates, before targets. An answer counts only where
 * one of these two lists the tag itself; a role below `releases` that lists it hides what targets says.
 */
import {
  delegationsFor,
  type FoundTarget,
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
interface Reached {
  readonly role: Verified<Targets>;
  readonly chain: readonly Verified<Targets>[];
}

/**
 * The dialect's search: closed where Docker is open, in that a role it cannot verify is not passed over.
 * @throws TufError LIMIT after too many delegations, or as `load`: a role that cannot be verified ends the look-up
 */
export function* dockerSearch({
  start,
  path,
  maxDelegations,
  load,
}: Search): Workflow<FoundTarget | undefined> {
  const top: Reached = { role: start, chain: [start] };
  const waiting = childrenOf(top, path).filter(({ name }) => name === RELEASES_ROLE);
  let visited = 0;
  for (const { parent, name } of waiting) {
    visited += 1;
    if (visited > maxDelegations) {
      throw new TufError('LIMIT', 'too many delegations on the way to a target', { most: maxDelegations });
    }
    const role = yield* loadPublished(load, parent.role, name);
    if (role === undefined) continue;
    const reached = { role, chain: [...parent.chain, role] };
    if (role.document.targets.has(path)) return name === RELEASES_ROLE ? found(reached, path) : undefined;
    waiting.push(...childrenOf(reached, path));
  }
  return found(top, path);
}

function found({ role, chain }: Reached, path: string): FoundTarget | undefined {
  const target = role.document.targets.get(path);
  return target && { target, chain: chain.map(toChainLink) };
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

/** Whom a role sends those on to who ask for the path. */
function childrenOf(
  parent: Reached,
  path: string,
): readonly { readonly parent: Reached; readonly name: string }[] {
  return delegationsFor(parent.role.document, path).map(({ name }) => ({ parent, name }));
}
