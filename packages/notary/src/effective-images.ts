/** Every tag of a repository as Docker would answer for it, from documents in hand. */
import { DEFAULT_LIMITS, drive, type Target, type Targets } from '@vidimus/tuf';
import { findRole, type RoleDocument } from './docker-search.ts';

/** A target and the role that answers for it. */
export interface EffectiveImage {
  readonly target: Target;
  /** `releases` or `targets` */
  readonly role: string;
}

/**
 * What is vouched for, by path. The documents are current and verified; a role that is delegated but not among them
 * counts as not published.
 * @param documents targets and every delegated role, by model name
 * @throws TufError LIMIT for more roles below `releases` than a client visits
 */
export function effectiveImages(
  documents: ReadonlyMap<string, Targets>,
): ReadonlyMap<string, EffectiveImage> {
  const images = new Map<string, EffectiveImage>();
  const targets = documents.get('targets');
  if (targets === undefined) return images;
  const start: RoleDocument = { role: 'targets', document: targets };
  // biome-ignore lint/correctness/useYield: what is in hand needs no step
  const load = function* (_: RoleDocument, role: string) {
    const document = documents.get(role);
    return document && { role, document };
  };
  for (const path of pathsOf(documents)) {
    const reached = drive(findRole(start, path, load, DEFAULT_LIMITS.delegations), noReply);
    const target = reached?.role.document.targets.get(path);
    if (reached !== undefined && target !== undefined) images.set(path, { target, role: reached.role.role });
  }
  return images;
}

/** Only these two ever answer. */
function pathsOf(documents: ReadonlyMap<string, Targets>): ReadonlySet<string> {
  const paths = new Set<string>();
  for (const role of ['releases', 'targets']) {
    for (const path of documents.get(role)?.targets.keys() ?? []) paths.add(path);
  }
  return paths;
}

function noReply(): undefined {
  throw new TypeError('documents in hand need no input');
}
