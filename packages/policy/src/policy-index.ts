/**
 * Which policies match a repository, without asking each: policies hang in a tree of their patterns'
 * components down to the first `**`, and only those on the name's own ways are asked.
 */
import { compileGlob, type Matcher, splitGlob } from '@vidimus/reference';

interface Branch<Item> {
  readonly literals: Map<string, Branch<Item>>;
  readonly globs: Map<string, { readonly matches: Matcher; readonly branch: Branch<Item> }>;
  readonly entries: { readonly matches: Matcher; readonly item: Item }[];
}

export interface PolicyIndex<Item> {
  /** Items with a pattern that matches, each once. */
  find(repository: string): ReadonlySet<Item>;
}

/**
 * Builds the index.
 *
 * @throws ReferenceFormatError GLOB_INVALID
 */
export function buildIndex<Item>(
  items: readonly (readonly [item: Item, patterns: readonly string[]])[],
): PolicyIndex<Item> {
  const root = newBranch<Item>();
  for (const [item, patterns] of items) {
    for (const pattern of patterns)
      branchFor(root, pattern).entries.push({ matches: compileGlob(pattern), item });
  }
  return {
    find: (repository) => {
      const found = new Set<Item>();
      collect(root, repository, repository.split('/'), 0, found);
      return found;
    },
  };
}

function newBranch<Item>(): Branch<Item> {
  return { literals: new Map(), globs: new Map(), entries: [] };
}

function branchFor<Item>(root: Branch<Item>, pattern: string): Branch<Item> {
  let branch = root;
  for (const component of splitGlob(pattern)) {
    if (component === '**') break;
    branch = component.includes('*') ? globBranch(branch, component) : literalBranch(branch, component);
  }
  return branch;
}

function literalBranch<Item>(branch: Branch<Item>, component: string): Branch<Item> {
  const next = branch.literals.get(component) ?? newBranch<Item>();
  branch.literals.set(component, next);
  return next;
}

function globBranch<Item>(branch: Branch<Item>, component: string): Branch<Item> {
  const known = branch.globs.get(component);
  const next = known ?? { matches: compileGlob(component), branch: newBranch<Item>() };
  branch.globs.set(component, next);
  return next.branch;
}

// A tree: every branch is visited at most once, however the name is made.
function collect<Item>(
  branch: Branch<Item>,
  repository: string,
  components: readonly string[],
  depth: number,
  found: Set<Item>,
): void {
  for (const { matches, item } of branch.entries) if (matches(repository)) found.add(item);
  const component = components[depth];
  if (component === undefined) return;
  const literal = branch.literals.get(component);
  if (literal !== undefined) collect(literal, repository, components, depth + 1, found);
  for (const glob of branch.globs.values()) {
    if (glob.matches(component)) collect(glob.branch, repository, components, depth + 1, found);
  }
}
