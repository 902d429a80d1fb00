/**
 * Which policies match a repository, without asking each: policies hang in a tree at the literal beginning
 * of their patterns, and only those on the name's own path are asked.
 */
import { compileGlob, type Matcher, splitGlob } from '@vidimus/reference';

interface Branch<Item> {
  readonly children: Map<string, Branch<Item>>;
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
  const root: Branch<Item> = { children: new Map(), entries: [] };
  for (const [item, patterns] of items) {
    for (const pattern of patterns)
      branchFor(root, pattern).entries.push({ matches: compileGlob(pattern), item });
  }
  return { find: (repository) => find(root, repository) };
}

function branchFor<Item>(root: Branch<Item>, pattern: string): Branch<Item> {
  let branch = root;
  for (const component of splitGlob(pattern)) {
    if (component.includes('*')) break;
    const known = branch.children.get(component);
    const next = known ?? { children: new Map(), entries: [] };
    if (known === undefined) branch.children.set(component, next);
    branch = next;
  }
  return branch;
}

function find<Item>(root: Branch<Item>, repository: string): ReadonlySet<Item> {
  const found = new Set<Item>();
  let branch: Branch<Item> | undefined = root;
  const components = repository.split('/');
  for (let depth = 0; branch !== undefined; depth += 1) {
    for (const { matches, item } of branch.entries) if (matches(repository)) found.add(item);
    const component: string | undefined = components[depth];
    branch = component === undefined ? undefined : branch.children.get(component);
  }
  return found;
}
