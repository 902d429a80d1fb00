/**
 * `GET /v2/_trust/registry-token`: the token server of registry clients that have none. Who presents an access token
 * as a password gets, for five minutes, exactly those of the scopes asked for that the access token has.
 */
import {
  limitScopes,
  type OwnRegistryTokens,
  parseScopes,
  type ResourceAccess,
  readCredentials,
  toCaller,
} from '@vidimus/access';
import type { Context, Handler } from 'hono';
import { recordFailure } from './door.ts';
import { toWireResponse, wireError } from './wire-errors.ts';
import { failed, type WireParts } from './wire-parts.ts';

export function registryTokenHandler(parts: WireParts, tokens: OwnRegistryTokens): Handler {
  return async (context) => {
    try {
      return await answer(parts, tokens, context);
    } catch (error) {
      return failed(parts, context, error);
    }
  };
}

async function answer(parts: WireParts, tokens: OwnRegistryTokens, context: Context): Promise<Response> {
  const query = new URL(context.req.url).searchParams;
  const scopes = parseScopes(query.getAll('scope'));
  const service = query.get('service') ?? tokens.service;
  if (scopes === undefined || service !== tokens.service)
    return toWireResponse(wireError('INVALID_PARAMETERS'));
  const header = context.req.header('authorization');
  const issued =
    header === undefined
      ? await tokens.issue({ subject: '', access: limitScopes(scopes, (scope) => anybodyMay(parts, scope)) })
      : await issueFor(parts, tokens, context, header, scopes);
  if (issued === undefined) return refuse();
  const { token, issuedAtMs, expiresInSeconds } = issued;
  const body = {
    token,
    access_token: token,
    expires_in: expiresInSeconds,
    issued_at: new Date(issuedAtMs).toISOString(),
  };
  return Response.json(body, {
    headers: { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' },
  });
}

/** An access token alone: a registry's token must not beget another. */
async function issueFor(
  parts: WireParts,
  tokens: OwnRegistryTokens,
  context: Context,
  header: string,
  scopes: readonly ResourceAccess[],
) {
  const credentials = readCredentials(header);
  const identity =
    credentials?.kind === 'token' ? await parts.authenticator.authenticate(credentials.token) : undefined;
  if (identity === undefined) {
    recordFailure(parts.failures, context);
    return undefined;
  }
  const caller = toCaller(identity);
  const access = limitScopes(
    scopes,
    // What anybody may read, a known caller may read; but to write they need it of their own.
    (scope) => caller.may(scope) || (isPull(scope) && anybodyMay(parts, scope)),
  );
  return await tokens.issue({ subject: caller.actor, access });
}

function anybodyMay(parts: WireParts, scope: ResourceAccess): boolean {
  if (scope.type !== 'repository') return false;
  if (parts.access === 'open') return scope.actions.every((action) => action === 'pull' || action === 'push');
  return parts.publicReads && isPull(scope);
}

const isPull = (scope: ResourceAccess): boolean => scope.actions.every((action) => action === 'pull');

function refuse(): Response {
  return toWireResponse({
    ...wireError('UNAUTHORIZED'),
    headers: { 'WWW-Authenticate': 'Basic realm="vidimus"' },
  });
}
