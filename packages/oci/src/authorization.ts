/** From a 401 to an `Authorization` header: Basic, or the token flow of the distribution specification. */
import { parseJson } from '@vidimus/canonical-json';
import { z } from 'zod';
import { type Challenge, parseChallenge } from './challenge.ts';
import type { Credential } from './credential.ts';
import { isLoopback } from './endpoint.ts';
import { OciError } from './errors.ts';
import { type Answer, discard, type ExchangeRequest, readBody } from './http-exchange.ts';
import { MAX_TOKEN_ANSWER_BYTES, MAX_TOKEN_CHARACTERS } from './limits.ts';

/** Sends one request with nothing followed; the caller has bound agents and time-outs. */
export type Send = (request: Pick<ExchangeRequest, 'url' | 'method' | 'headers' | 'body'>) => Promise<Answer>;

export interface AuthorizationRequest {
  /** The registry that answered 401. */
  readonly origin: URL;
  readonly challenge: string | undefined;
  /** `repository:<path>:pull`; the registry's own wish is not asked, so a token is never broader than the need. */
  readonly scope: string | undefined;
  readonly credential: Credential | undefined;
}

const tokenAnswer = z.looseObject({
  token: z.string().optional(),
  access_token: z.string().optional(),
});

/**
 * The header that answers a challenge.
 * @throws OciError DENIED (nothing to answer with, or refused), UNUSABLE (realm or token service), UNREACHABLE
 * @see distribution/distribution docs/spec/auth/token.md, oauth.md
 */
export async function authorize(request: AuthorizationRequest, send: Send): Promise<string> {
  const challenge = parseChallenge(request.challenge);
  const { host } = request.origin;
  if (challenge === undefined) {
    throw new OciError('UNUSABLE', `${host} asks for a login of a kind we do not know`, {
      host,
      reason: 'challenge',
    });
  }
  if (challenge.scheme === 'bearer') return `Bearer ${await fetchToken(request, challenge, send)}`;
  if (request.credential?.kind !== 'password') {
    throw new OciError('DENIED', `${host} asks for a user name and password`, { host });
  }
  return basic(request.credential);
}

async function fetchToken(
  request: AuthorizationRequest,
  challenge: Challenge & { scheme: 'bearer' },
  send: Send,
): Promise<string> {
  const realm = acceptableRealm(request.origin, challenge.realm);
  const answer = await send(tokenRequest(realm, challenge.service, request));
  const { host } = realm;
  const { status } = answer;
  if (status !== 200) {
    discard(answer);
    if (status === 401 || status === 403 || status === 400) {
      throw new OciError('DENIED', `${host} gives no token for ${request.scope ?? 'this registry'}`, {
        host,
        status,
      });
    }
    throw new OciError('UNUSABLE', `${host} answered ${status} to a request for a token`, { host, status });
  }
  const bytes = await readBody(answer, MAX_TOKEN_ANSWER_BYTES);
  const token = tokenIn(bytes);
  if (token !== undefined) return token;
  throw new OciError('UNUSABLE', `${host} answered with no token`, { host, reason: 'token' });
}

/** GET for user name and password or nobody; POST where we hold an identity token (OAuth 2 refresh token). */
function tokenRequest(
  realm: URL,
  service: string | undefined,
  { scope, credential }: AuthorizationRequest,
): Parameters<Send>[0] {
  if (credential?.kind === 'identityToken') {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: credential.token,
      client_id: 'vidimus',
      ...(service === undefined ? {} : { service }),
      ...(scope === undefined ? {} : { scope }),
    });
    const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' };
    return { url: realm, method: 'POST', headers, body: form.toString() };
  }
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  if (scope !== undefined) url.searchParams.set('scope', scope);
  return {
    url,
    method: 'GET',
    headers: {
      accept: 'application/json',
      ...(credential === undefined ? {} : { authorization: basic(credential) }),
    },
  };
}

/**
 * The realm is the registry's word. HTTPS anywhere (Docker Hub's is on another host), plain HTTP only on the
 * loopback of a registry that is itself on loopback: else a registry could have us knock on local services,
 * or send a password in the clear.
 */
function acceptableRealm(origin: URL, text: string): URL {
  const refuse = (why: string): OciError =>
    new OciError('UNUSABLE', `${origin.host} names a token service ${why}`, {
      host: origin.host,
      reason: 'realm',
    });
  if (!URL.canParse(text)) throw refuse('that is no URL');
  const realm = new URL(text);
  realm.hash = '';
  if (realm.username !== '' || realm.password !== '') throw refuse('with credentials in its URL');
  if (isLoopback(realm) && !isLoopback(origin)) throw refuse('on this machine');
  if (realm.protocol === 'https:') return realm;
  if (realm.protocol !== 'http:' || !isLoopback(realm)) throw refuse('that is not HTTPS');
  if (origin.protocol === 'https:' && realm.hostname !== origin.hostname) {
    throw refuse('of another host, in the clear');
  }
  return realm;
}

function tokenIn(bytes: Uint8Array): string | undefined {
  try {
    const parsed = tokenAnswer.parse(
      parseJson(bytes, { maxBytes: MAX_TOKEN_ANSWER_BYTES, maxDepth: 8, numbers: 'any' }),
    );
    const token = parsed.token ?? parsed.access_token ?? '';
    // RFC 6750 b68token: nothing that could break out of a header.
    return token.length <= MAX_TOKEN_CHARACTERS && /^[A-Za-z0-9._~+/=-]+$/.test(token) ? token : undefined;
  } catch {
    return undefined;
  }
}

function basic(credential: Extract<Credential, { kind: 'password' }>): string {
  const bytes = Buffer.from(`${credential.username}:${credential.password}`, 'utf8');
  return `Basic ${bytes.toString('base64')}`;
}
