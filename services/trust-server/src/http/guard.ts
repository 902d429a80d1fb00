/** Authentication and authorisation of one request, the same for every route. */
import {
  type CallerParts,
  type FailureLimiter,
  type Identity,
  identifyCaller,
  isAnonymous,
  isPermitted,
  judgeAccess,
  type Permission,
  type Presented,
} from '@vidimus/access';
import { TrustError } from '../service.ts';

export interface GuardParts extends CallerParts {
  readonly failures: FailureLimiter;
  readonly publicReads: boolean;
}

export interface Visitor extends Presented {
  readonly address: string;
}

export interface Admission {
  /** Absent for nobody in particular, and on anonymous routes, which look at no credential. */
  readonly identity: Identity | undefined;
  /** Why the visitor may not pass: UNAUTHORIZED or DENIED. */
  readonly refusal?: TrustError;
}

/** @throws TrustError RATE_LIMITED */
export async function judgeVisitor(
  parts: GuardParts,
  visitor: Visitor,
  permission: Permission,
  repository: string | undefined,
): Promise<Admission> {
  if (isAnonymous(permission, parts.publicReads)) return { identity: undefined };
  const identity = await identify(parts, visitor);
  const verdict = judgeAccess({ permission, identity, repository, publicReads: parts.publicReads });
  // The same words whether the credential is missing, unknown, expired or revoked.
  if (verdict === 'unauthorized') {
    return { identity, refusal: new TrustError('UNAUTHORIZED', 'a valid token is needed') };
  }
  return verdict === 'denied' ? { identity, refusal: denied() } : { identity };
}

/** For what only the body shows to be needed. @throws TrustError DENIED */
export function assertPermitted(
  identity: Identity | undefined,
  permission: Permission,
  repository: string | undefined,
): void {
  if (identity === undefined || !isPermitted(identity, permission, repository)) throw denied();
}

function denied(): TrustError {
  return new TrustError('DENIED', 'the token does not permit this');
}

async function identify(parts: GuardParts, visitor: Visitor): Promise<Identity | undefined> {
  const caller = await identifyCaller(parts, visitor);
  if (caller !== 'unknown') return caller;
  // A good token passes even from an address that failed often: a proxy's other users must not lock it out.
  const wait = parts.failures.waitSeconds(visitor.address);
  parts.failures.recordFailure(visitor.address);
  if (wait === undefined) return undefined;
  throw new TrustError('RATE_LIMITED', 'too many failed authentications', { retryAfterSeconds: wait });
}
