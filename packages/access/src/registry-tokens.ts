/**
 * Tokens of the registry protocol (Docker's distribution, "Token Authentication"): signed by the registry's
 * token server, or by this service for clients that can present an access token only to such a server.
 */
import { type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import { AccessError } from './errors.ts';
import { jwtAlgorithms } from './jwt-algorithms.ts';
import { accessListSchema, type ResourceAccess } from './scopes.ts';
import { readTokenKeys } from './token-keys.ts';

/** What a verified token says. */
export interface RegistryClaims {
  /** As the issuer named the caller; empty for nobody in particular. */
  readonly subject: string;
  readonly access: readonly ResourceAccess[];
}

/** Where clients get a token, and how one is verified. */
export interface RegistryTokens {
  /** The name clients ask a token for; the `aud` of tokens. */
  readonly service: string;
  /** URL of the token server; undefined: this service is it. */
  readonly realm: string | undefined;
  /** Undefined for a token that is not good here and now: callers learn no more than that. */
  verify(jwt: string): Promise<RegistryClaims | undefined>;
}

/** Tokens this service signs itself, with a secret that all replicas share. */
export interface OwnRegistryTokens extends RegistryTokens {
  readonly realm: undefined;
  issue(claims: RegistryClaims): Promise<IssuedToken>;
}

export interface IssuedToken {
  readonly token: string;
  readonly issuedAtMs: number;
  readonly expiresInSeconds: number;
}

export interface TokenServerSettings {
  readonly realm: string;
  readonly service: string;
  readonly issuer: string;
  /** PEM. */
  readonly rootCertBundle: string;
}

/** Clocks differ; as Docker's registry allows. */
const leewaySeconds = 60;
const ownLifetimeSeconds = 300;
const ownService = 'vidimus';
const ownIssuer = 'vidimus';
const ownType = 'vidimus-registry+jwt';
const secretBytes = 32;

const headerSchema = z.object({
  kid: z.string().max(256).optional(),
  x5c: z.array(z.string()).min(1).optional(),
});
const claimsSchema = z.object({
  sub: z.string().max(1_024).default(''),
  access: z.nullish(accessListSchema).transform((list) => list ?? []),
});

/**
 * Tokens of a registry's own token server.
 * @param now - milliseconds since 1970
 * @throws AccessError BUNDLE_INVALID
 */
export async function trustTokenServer(
  settings: TokenServerSettings,
  now: () => number,
): Promise<RegistryTokens> {
  const { realm, service, issuer } = settings;
  const keys = await readTokenKeys(settings.rootCertBundle);
  return {
    realm,
    service,
    verify: (jwt) =>
      claimsOf(async () => {
        const nowMs = now();
        const findKey = (header: unknown) => {
          const { kid, x5c } = headerSchema.parse(header);
          const key = x5c === undefined ? keys.byKeyId(kid ?? '') : keys.byChain(x5c, nowMs);
          if (key === undefined) throw new TypeError('signed by no key of the bundle');
          return key;
        };
        const options = { ...atTime(nowMs), algorithms: [...jwtAlgorithms], issuer, audience: service };
        return (await jwtVerify(jwt, findKey, options)).payload;
      }),
  };
}

/**
 * Tokens that this service issues and takes.
 * @param secret - 32 bytes, the same in every replica
 * @throws AccessError SECRET_INVALID
 */
export function createOwnRegistryTokens(secret: Uint8Array, now: () => number): OwnRegistryTokens {
  if (secret.length !== secretBytes) {
    throw new AccessError('SECRET_INVALID', `the secret must be ${secretBytes} bytes`);
  }
  return {
    realm: undefined,
    service: ownService,
    verify: (jwt) =>
      claimsOf(async () => {
        const expected = { algorithms: ['HS256'], typ: ownType, issuer: ownIssuer, audience: ownService };
        return (await jwtVerify(jwt, secret, { ...atTime(now()), ...expected })).payload;
      }),
    async issue({ subject, access }) {
      const issuedAtMs = now();
      const issuedAt = Math.floor(issuedAtMs / 1_000);
      const token = await new SignJWT({ access: [...access] })
        .setProtectedHeader({ alg: 'HS256', typ: ownType })
        .setIssuer(ownIssuer)
        .setAudience(ownService)
        .setSubject(subject)
        .setIssuedAt(issuedAt)
        .setNotBefore(issuedAt)
        .setExpirationTime(issuedAt + ownLifetimeSeconds)
        .sign(secret);
      return { token, issuedAtMs, expiresInSeconds: ownLifetimeSeconds };
    },
  };
}

const atTime = (nowMs: number) => ({
  currentDate: new Date(nowMs),
  clockTolerance: leewaySeconds,
  requiredClaims: ['exp'],
});

async function claimsOf(verified: () => Promise<JWTPayload>): Promise<RegistryClaims | undefined> {
  try {
    const { sub, access } = claimsSchema.parse(await verified());
    return { subject: sub, access };
  } catch {
    // Whatever is wrong with it: a stranger wrote it, and learns only that it is not good.
    return undefined;
  }
}
