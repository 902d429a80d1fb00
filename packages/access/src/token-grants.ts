/** Which tokens a caller may make and end: none that can do more than the caller, anywhere. */
import { compileGlob, DIRECTORY_NAME, globsCover } from '@vidimus/reference';
import { tokenActor } from './identity.ts';
import type { Identity } from './permissions.ts';
import { isPermitted } from './permissions.ts';
import { type GrantableRole, roleCovers, type TokenRole } from './roles.ts';
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

/**
 * Only what is provably contained: what is too intricate to tell is not. `globsCover` speaks of names whose
 * components begin with letters and digits; the one other name there is, is asked for by itself.
 */
export function isContained(glob: string, held: readonly string[]): boolean {
  if (held.includes(glob)) return true;
  if (compileGlob(glob)(DIRECTORY_NAME) && !held.some((outer) => compileGlob(outer)(DIRECTORY_NAME))) {
    return false;
  }
  return globsCover([glob], held) === true;
}

/** The roles a caller may give away, for messages. */
export function grantableBy(by: Identity, roles: readonly GrantableRole[]): readonly GrantableRole[] {
  return roles.filter((role) => (by.role === 'bootstrap' ? role === 'admin' : roleCovers(by.role, role)));
}
