/** Which target is it today, and who says so? */
import { loadDelegated } from './delegated-role.ts';
import { TufError } from './errors.ts';
import type { FoundTarget, TrustedState } from './trusted-state.ts';
import type { Workflow } from './workflow.ts';

/** Undefined: every role that could vouch for the path was read, and none does. */
export type LookUp = FoundTarget | undefined;

/**
 * Looks a target up as clients of the repository's dialect do.
 * @param path a target path: segments separated by `/`, none of them empty, `.` or `..`
 * @throws TufError MALFORMED for another path; else what keeps a role on the way from being verified
 * @see TUF 5.6.7
 */
export function* lookUp(state: TrustedState, path: string): Workflow<LookUp> {
  assertTargetPath(path);
  return yield* state.dialect.search({
    start: state.targets,
    path,
    maxDelegations: state.limits.delegations,
    load: (delegator, role) => loadDelegated(state, delegator, role),
  });
}

/** Attack T19: paths end up in URLs and file names. */
function assertTargetPath(path: string): void {
  const isUnsafe = (segment: string): boolean => segment === '' || segment === '.' || segment === '..';
  if (/[\u0000-\u001f\u007f\\]/.test(path) || path.split('/').some(isUnsafe)) {
    throw new TufError('MALFORMED', 'not a target path', { path: path.slice(0, 200) });
  }
}
