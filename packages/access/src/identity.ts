/** What all kinds of callers have in common: a name for the audit, a role, globs. */
import { compileGlob } from '@vidimus/reference';
import type { Identity } from './permissions.ts';
import type { TokenRole } from './roles.ts';

/** The holder of `VIDIMUS_ADMIN_TOKEN`, as the audit names them. */
export const operatorActor = 'admin-token';
export const tokenActor = (id: string): string => `token:${id}`;

/** @throws ReferenceFormatError GLOB_INVALID */
export function toIdentity(actor: string, role: TokenRole, repositories: readonly string[]): Identity {
  const globs = repositories.map(compileGlob);
  return {
    actor,
    role,
    repositories,
    // `**` means everything, `_directory` included.
    mayAccess: (repository) => globs.some((matches) => matches(repository)),
    mayAccessAll: repositories.includes('**'),
  };
}
