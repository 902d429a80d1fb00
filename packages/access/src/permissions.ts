/** Who may do what, in one function that every route goes through. */

/**
 * What a route needs:
 * - `open` nothing: health and the API's own description
 * - `metadata` nothing where anonymous reads are on, else as `read`
 * - `read` summaries, tags, roles, revocations, changes
 * - `edit` anything that publishes or opens, signs and rejects a change
 * - `audit` the log of events
 * - `observe` metrics
 */
export type Permission = 'open' | 'metadata' | 'read' | 'edit' | 'audit' | 'observe';

/** The roles a token can have. More come with the keys work; an unknown one may nothing. */
export type TokenRole = 'administrator';

/** An authenticated caller. */
export interface Identity {
  /** As the audit log names it. */
  readonly actor: string;
  readonly role: TokenRole;
  /** Whether the token's globs admit this repository. */
  readonly mayAccess: (repository: string) => boolean;
  /** Whether they admit every repository there may be. */
  readonly mayAccessAll: boolean;
}

const granted: Readonly<Record<TokenRole, ReadonlySet<Permission>>> = {
  administrator: new Set<Permission>(['open', 'metadata', 'read', 'edit', 'audit', 'observe']),
};

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
  if (!granted[identity.role].has(permission)) return 'denied';
  return repository === undefined || identity.mayAccess(repository) ? 'allowed' : 'denied';
}

/** Whether a route of this kind is served without looking at a token. */
export function isAnonymous(permission: Permission, publicReads: boolean): boolean {
  return permission === 'open' || (permission === 'metadata' && publicReads);
}
