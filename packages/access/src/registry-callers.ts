/**
 * Who calls on the wire of registry clients, and what may they do there? An access token reaches what its globs
 * say; a registry's token reaches what it lists. The second gives nothing outside this wire, by construction.
 */

import { toActorName } from './actor-name.ts';
import type { Authenticator } from './authenticator.ts';
import type { Credentials } from './credentials.ts';
import { type Identity, isPermitted } from './permissions.ts';
import type { RegistryClaims, RegistryTokens } from './registry-tokens.ts';
import type { Permission } from './roles.ts';
import { catalogScope, grants, type ResourceAccess } from './scopes.ts';

export interface RegistryCaller {
  /** As the audit log names it. */
  readonly actor: string;
  /** Whether the caller holds every action of the scope. */
  readonly may: (scope: ResourceAccess) => boolean;
}

/** As the audit log names who presented nothing. */
export const anonymousActor = 'anonymous';
const maxSubjectLength = 256;

export interface RegistryCallerParts {
  readonly authenticator: Authenticator;
  readonly tokens: RegistryTokens;
}

/**
 * `anonymous` for a good token that was given to nobody in particular; undefined for credentials that are not
 * good: unknown, expired, revoked, of somebody else.
 */
export async function identifyRegistryCaller(
  parts: RegistryCallerParts,
  credentials: Credentials,
): Promise<RegistryCaller | 'anonymous' | undefined> {
  if (credentials.kind === 'token') {
    const identity = await parts.authenticator.authenticate(credentials.token);
    return identity === undefined ? undefined : toCaller(identity);
  }
  const claims = await parts.tokens.verify(credentials.jwt);
  if (claims === undefined) return undefined;
  if (parts.tokens.realm !== undefined)
    return fromClaims(`registry:${toActorName(claims.subject, maxSubjectLength)}`, claims);
  return claims.subject === '' ? 'anonymous' : fromClaims(claims.subject, claims);
}

/** An access token's holder, as registry clients may act for them. */
export function toCaller(identity: Identity): RegistryCaller {
  return {
    actor: identity.actor,
    may: (scope) => {
      if (scope.type === 'repository') {
        return scope.actions.every((action) => isPermitted(identity, neededFor(action), scope.name));
      }
      const isCatalog = scope.type === catalogScope.type && scope.name === catalogScope.name;
      return isCatalog && identity.mayAccessAll && isPermitted(identity, 'read', undefined);
    },
  };
}

/** `push` uploads what clients signed; `*`, which ends repositories and makes keys, and anything unknown is managing. */
function neededFor(action: string): Permission {
  if (action === 'pull') return 'read';
  return action === 'push' ? 'sign' : 'manage';
}

function fromClaims(actor: string, { access }: RegistryClaims): RegistryCaller {
  return { actor, may: (scope) => grants(access, scope) };
}
