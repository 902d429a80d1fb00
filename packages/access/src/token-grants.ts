/** Which tokens a caller may make and end: none that can do more than the caller, anywhere. */
import { containsGlob } from './glob-containment.ts';
import { tokenActor } from './identity.ts';
import type { Identity } from './permissions.ts';
import { isPermitted } from './permissions.ts';
import { roleCovers, type TokenRole } from './roles.ts';
import type { StoredToken } from './tokens.ts';

export interface WantedToken {
  readonly role: TokenRole;
  /** Globs, valid ones. */
  readonly repositories: readonly string[];
}

/** `role`, `repositories`: what of it is more than the caller has. */
export type GrantVerdict = 'granted' | 'role' | 'repositories';

export function judgeGrant(by: Identity, wanted: WantedToken): GrantVerdict {
  const { role } = wanted;
  // The first token makes the first administrator's and nothing else.
  if (by.role === 'bootstrap') return role === 'admin' ? 'granted' : 'role';
  if (role === 'bootstrap' || !isPermitted(by, 'grant', undefined)) return 'role';
  return roleCovers(by.role, role) ? judgeGlobs(by.repositories, wanted.repositories) : 'role';
}

/** Whether a caller may see and end a token: its own, those it made, and those it could have made. */
export function mayManageToken(by: Identity, token: StoredToken): boolean {
  if (by.actor === tokenActor(token.id)) return true;
  if (!isPermitted(by, 'grant', undefined) || by.role === 'bootstrap') return false;
  if (token.createdBy === by.actor) return true;
  if (token.role === 'bootstrap') return by.mayAccessAll;
  return judgeGrant(by, token) === 'granted';
}

function judgeGlobs(held: readonly string[], wanted: readonly string[]): GrantVerdict {
  return wanted.every((glob) => isContained(glob, held)) ? 'granted' : 'repositories';
}

/** Only what is provably within one of them; what only several together hold is not seen to be. */
export function isContained(glob: string, held: readonly string[]): boolean {
  return held.some((outer) => containsGlob(outer, glob));
}
