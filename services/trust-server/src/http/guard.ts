/** Authentication and authorisation of one request, the same for every route. */
import {
  type Authenticator,
  type FailureLimiter,
  type Identity,
  isAnonymous,
  isPermitted,
  judgeAccess,
  type Permission,
  readBearer,
} from '@vidimus/access';
import { TrustError } from '../service.ts';

export interface GuardParts {
  readonly authenticator: Authenticator;
  readonly failures: FailureLimiter;
  readonly publicReads: boolean;
}

export interface Visitor {
  /** The `Authorization` header. */
  readonly authorization: string | undefined;
  readonly address: string;
}

/**
 * Lets the visitor pass or throws. An anonymous route does not look at the token at all.
 * @throws TrustError UNAUTHORIZED, DENIED or RATE_LIMITED
 */
export async function admit(
  parts: GuardParts,
  visitor: Visitor,
  permission: Permission,
  repository: string | undefined,
): Promise<Identity | undefined> {
  if (isAnonymous(permission, parts.publicReads)) return undefined;
  const identity = await identify(parts, visitor);
  const verdict = judgeAccess({ permission, identity, repository, publicReads: parts.publicReads });
  // The same words whether the token is missing, unknown, expired or revoked.
  if (verdict === 'unauthorized') throw new TrustError('UNAUTHORIZED', 'a valid token is needed');
  if (verdict === 'denied') throw new TrustError('DENIED', 'the token does not permit this');
  return identity;
}

/** For what only the body shows to be needed. @throws TrustError DENIED */
export function assertPermitted(
  identity: Identity | undefined,
  permission: Permission,
  repository: string | undefined,
): void {
  if (identity !== undefined && isPermitted(identity, permission, repository)) return;
  throw new TrustError('DENIED', 'the token does not permit this');
}

async function identify(parts: GuardParts, visitor: Visitor): Promise<Identity | undefined> {
  if (visitor.authorization === undefined) return undefined;
  const token = readBearer(visitor.authorization);
  const identity = token === undefined ? undefined : await parts.authenticator.authenticate(token);
  if (identity !== undefined) return identity;
  // A good token passes even from an address that failed often: a proxy's other users must not lock it out.
  const wait = parts.failures.waitSeconds(visitor.address);
  parts.failures.recordFailure(visitor.address);
  if (wait === undefined) return undefined;
  throw new TrustError('RATE_LIMITED', 'too many failed authentications', { retryAfterSeconds: wait });
}
