/** Who may do what, in one function that every route goes through. */
import { grantsAt, type Permission, type TokenRole } from './roles.ts';

/** An authenticated caller. */
export interface Identity {
  /** As the audit log names it: `token:<id>`, `admin-token`, `oidc:<issuer host>/<subject>`, `mtls:<name>`. */
  readonly actor: string;
  readonly role: TokenRole;
  /** Globs over repository names. */
  readonly repositories: readonly string[];
  /** Whether the globs admit this repository. */
  readonly mayAccess: (repository: string) => boolean;
  /** Whether they admit every repository there may be. */
  readonly mayAccessAll: boolean;
}

export interface AccessQuestion {
  readonly permission: Permission;
  readonly identity: Identity | undefined;
  /** Undefined for routes that are about no single repository. */
  readonly repository: string | undefined;
  /** Whether metadata and target bytes are served to anybody. */
  readonly publicReads: boolean;
}

/** The one rule. `unauthorized`: who are you; `denied`: known, but may not. */
export function judgeAccess(question: AccessQuestion): 'allowed' | 'unauthorized' | 'denied' {
  const { permission, identity, repository } = question;
  if (isAnonymous(permission, question.publicReads)) return 'allowed';
  if (identity === undefined) return 'unauthorized';
  return isPermitted(identity, permission, repository) ? 'allowed' : 'denied';
}

/** Whether a known caller may: by its role and, for a repository, by its globs. */
export function isPermitted(
  identity: Identity,
  permission: Permission,
  repository: string | undefined,
): boolean {
  if (!grantsAt(identity.role, repository).has(permission)) return false;
  return repository === undefined || identity.mayAccess(repository);
}

/** Whether a route of this kind is served without looking at a token. */
export function isAnonymous(permission: Permission, publicReads: boolean): boolean {
  return permission === 'open' || (permission === 'metadata' && publicReads);
}
