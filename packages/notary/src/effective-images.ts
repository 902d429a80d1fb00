/** Every tag of a repository as Docker would answer for it, from documents in hand. */
import type { Target, Targets } from '@vidimus/tuf';
import { RELEASES_ROLE } from './docker-search.ts';
import { compilePrefixes } from './path-prefix.ts';
import { isDirectChild } from './role-name.ts';

/** A target and the role that answers for it. */
export interface EffectiveImage {
  readonly target: Target;
  /** `releases` or `targets` */
  readonly role: string;
}

/**
 * What is vouched for, by path: the answers of `dockerSearch`, for all paths at once and however many roles there
 * are. Time is that of reading the documents, since their owner chooses how many roles and targets they have. The
 * documents are current and verified; a role that is delegated but not among them counts as not published.
 * @param documents targets and every delegated role, by model name
 */
export function effectiveImages(
  documents: ReadonlyMap<string, Targets>,
): ReadonlyMap<string, EffectiveImage> {
  const images = new Map<string, EffectiveImage>();
  const targets = documents.get('targets');
  if (targets === undefined) return images;
  /** Listed below `releases`, and not by it: nobody answers for these. */
  const hidden = new Set<string>();
  for (const { role, document, covers } of reached(targets, documents)) {
    for (const target of document.targets.values()) {
      if (!covers(target.path)) continue;
      if (role === RELEASES_ROLE) images.set(target.path, { target, role });
      else hidden.add(target.path);
    }
  }
  for (const target of targets.targets.values()) {
    const { path } = target;
    if (!images.has(path) && !hidden.has(path)) images.set(path, { target, role: 'targets' });
  }
  return images;
}

/** A role that Docker asks, and for which paths. */
interface Place {
  readonly role: string;
  readonly document: Targets;
  /** Whether every delegation that leads here covers the path. */
  readonly covers: (path: string) => boolean;
}

/** `releases` and what is below it, delegators first. */
function reached(targets: Targets, documents: ReadonlyMap<string, Targets>): readonly Place[] {
  const top = { role: 'targets', document: targets, covers: () => true };
  const places = childrenOf(top, documents).filter(({ role }) => role === RELEASES_ROLE);
  // Grows while it is read. A role is a direct child of its delegator, so there is no circle.
  for (const place of places) places.push(...childrenOf(place, documents));
  return places;
}

function childrenOf(parent: Place, documents: ReadonlyMap<string, Targets>): Place[] {
  return (parent.document.delegations?.roles ?? []).flatMap(({ name, pathPrefixes = [] }) => {
    const document = isDirectChild(parent.role, name) ? documents.get(name) : undefined;
    if (document === undefined) return [];
    const isInside = compilePrefixes(pathPrefixes);
    return [{ role: name, document, covers: (path: string) => isInside(path) && parent.covers(path) }];
  });
}
