/**
 * Who may, on the Notary wire. The clients look for a challenge at `GET /v2/`, ask the token server it names for
 * what they need and bring its token; a Basic challenge instead would stop the anonymous reader, whose library
 * sends nothing it was not given. An access token is taken directly, too.
 */
import {
  type Authenticator,
  anonymousActor,
  type FailureLimiter,
  formatScope,
  identifyRegistryCaller,
  type RegistryCaller,
  type RegistryTokens,
  type ResourceAccess,
  readCredentials,
} from '@vidimus/access';
import type { Context } from 'hono';
import { remoteAddress } from '../../http/app-path.ts';
import { TrustError } from '../../service.ts';
import { toWireResponse, wireError } from './wire-errors.ts';

export interface DoorParts {
  readonly authenticator: Authenticator;
  readonly failures: FailureLimiter;
  readonly tokens: RegistryTokens;
  /** Hears of somebody known who may not; never throws. */
  readonly refused?: (context: Context, actor: string) => void;
  /** Where clients reach this service, for a token server's realm; as they spelled it themselves when absent. */
  readonly publicUrl: string | undefined;
}

/** Somebody who may pass. */
export interface Visitor {
  /** As the audit log names them. */
  readonly actor: string;
  /** Whether they hold the scope, not merely pass because anybody may. */
  readonly holdsScope: boolean;
}

/** Path of the token server that this service is for clients of its own. */
export const ownTokenPath = '/v2/_trust/registry-token';

export interface Door {
  /**
   * The visitor, or the 401 to answer. `open`: anybody may, a credential only adds a name and rights.
   * @throws TrustError RATE_LIMITED
   */
  admit(context: Context, scope: ResourceAccess, open: boolean): Promise<Visitor | Response>;
  /** The 401 that asks for a token with this scope. */
  challenge(context: Context, scope: ResourceAccess, problem?: ChallengeProblem): Response;
}

/** RFC 6750 3.1. */
export type ChallengeProblem = 'invalid_token' | 'insufficient_scope';

export function createDoor(parts: DoorParts): Door {
  const challenge = (context: Context, scope: ResourceAccess, problem?: ChallengeProblem): Response =>
    toWireResponse({
      ...wireError('UNAUTHORIZED', describe(scope)),
      headers: { 'WWW-Authenticate': printChallenge(parts, context, scope, problem) },
    });
  return {
    challenge,
    async admit(context, scope, open) {
      const header = context.req.header('authorization');
      const caller = header === undefined ? 'anonymous' : await identify(parts, context, header);
      if (caller === undefined) return challenge(context, scope, 'invalid_token');
      if (caller === 'anonymous') {
        return open ? { actor: anonymousActor, holdsScope: false } : challenge(context, scope);
      }
      const holdsScope = caller.may(scope);
      if (!holdsScope && !open) {
        parts.refused?.(context, caller.actor);
        return challenge(context, scope, 'insufficient_scope');
      }
      return { actor: caller.actor, holdsScope };
    },
  };
}

/** Undefined for credentials that are not good. @throws TrustError RATE_LIMITED */
async function identify(
  parts: DoorParts,
  context: Context,
  header: string,
): Promise<RegistryCaller | 'anonymous' | undefined> {
  const credentials = readCredentials(header);
  const caller = credentials === undefined ? undefined : await identifyRegistryCaller(parts, credentials);
  // Only access tokens are guessed; a registry's token that has expired is every client's daily bread.
  if (caller === undefined && credentials?.kind !== 'jwt') recordFailure(parts.failures, context);
  return caller;
}

/** A good token passes even from an address that failed often. @throws TrustError RATE_LIMITED */
export function recordFailure(failures: FailureLimiter, context: Context): void {
  const address = remoteAddress(context.env);
  const wait = failures.waitSeconds(address);
  failures.recordFailure(address);
  if (wait === undefined) return;
  throw new TrustError('RATE_LIMITED', 'too many failed authentications', { retryAfterSeconds: wait });
}

/** The scope as the wire's error body spells it. */
function describe({ type, name, actions }: ResourceAccess): readonly object[] {
  return actions.map((action) => ({ Type: type, Class: '', Name: name, Action: action }));
}

function printChallenge(
  parts: DoorParts,
  context: Context,
  scope: ResourceAccess,
  problem: ChallengeProblem | undefined,
): string {
  const { tokens, publicUrl } = parts;
  const realm = tokens.realm ?? `${publicUrl ?? originOf(context)}${ownTokenPath}`;
  const error = problem === undefined ? '' : `,error="${problem}"`;
  return `Bearer realm="${realm}",service="${tokens.service}",scope="${formatScope(scope)}"${error}`;
}

/** As the caller spelled it: a quote is legal in a host, and would end the text it is put into. */
function originOf(context: Context): string {
  return new URL(context.req.url).origin.replaceAll('"', '%22');
}
