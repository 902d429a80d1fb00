/**
 * Who presents a token of an OpenID Connect issuer: a CI job, a person signed on. Issuer, audience, algorithm, time and
 * at least one claim that names the subject are compared exactly with the configuration.
 */
import { decodeJwt, type JWTPayload, jwtVerify } from 'jose';
import { z } from 'zod';
import { toActorName } from '../actor-name.ts';
import { toIdentity } from '../identity.ts';
import type { Identity } from '../permissions.ts';
import type { FetchDocument } from './fetch-document.ts';
import { createKeySource, type KeySource } from './key-source.ts';
import type { OidcIssuer } from './oidc-settings.ts';

const maxTokenLength = 8_192;
/** Clocks differ. */
const leewaySeconds = 60;
const maxSubjectLength = 255;

const headerSchema = z.object({ kid: z.string().min(1).max(256), alg: z.string() });
const timesSchema = z.object({ iat: z.number(), exp: z.number(), sub: z.string().min(1) });

export interface OidcCallers {
  /** Undefined for a token that is not good here and now: callers learn no more than that. */
  identify(jwt: string): Promise<Identity | undefined>;
}

export interface OidcParts {
  readonly issuers: readonly OidcIssuer[];
  readonly fetchDocument: FetchDocument;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export function createOidcCallers({ issuers, fetchDocument, now }: OidcParts): OidcCallers {
  const sources = new Map<string, KeySource>();
  const known = issuers.map((settings) => {
    const { issuer, jwksUri } = settings;
    const name = JSON.stringify([issuer, jwksUri]);
    const keys = sources.get(name) ?? createKeySource({ issuer, jwksUri, fetchDocument, now });
    sources.set(name, keys);
    return { settings, keys };
  });
  return {
    async identify(jwt) {
      if (jwt.length > maxTokenLength) return undefined;
      const claimed = issuerOf(jwt);
      for (const { settings, keys } of known) {
        if (settings.issuer !== claimed) continue;
        const claims = await verify(jwt, settings, keys, now());
        const identity = claims === undefined ? undefined : toCaller(settings, claims);
        if (identity !== undefined) return identity;
      }
      return undefined;
    },
  };
}

/** Not verified: it only says whose keys to try. */
function issuerOf(jwt: string): string | undefined {
  try {
    return decodeJwt(jwt).iss;
  } catch {
    return undefined;
  }
}

async function verify(
  jwt: string,
  { issuer, audience, algorithms, maxLifetimeSeconds }: OidcIssuer,
  keys: KeySource,
  nowMs: number,
): Promise<JWTPayload | undefined> {
  const findKey = async (header: unknown) => {
    // A token that does not name its key could be tried against all of them: it is not good.
    const { kid, alg } = headerSchema.parse(header);
    const found = await keys.find(kid);
    if (found === undefined || (found.algorithm ?? alg) !== alg) throw new TypeError('no such key');
    return found.key;
  };
  try {
    const { payload } = await jwtVerify(jwt, findKey, {
      issuer,
      audience,
      algorithms,
      currentDate: new Date(nowMs),
      clockTolerance: leewaySeconds,
    });
    const { iat, exp } = timesSchema.parse(payload);
    const isTimely = iat <= nowMs / 1_000 + leewaySeconds && exp - iat <= maxLifetimeSeconds;
    return isTimely ? payload : undefined;
  } catch {
    // Whatever is wrong with it: a stranger wrote it, and learns only that it is not good.
    return undefined;
  }
}

function toCaller({ issuer, subjects }: OidcIssuer, claims: JWTPayload): Identity | undefined {
  const subject = subjects.find((entry) =>
    Object.entries(entry.claims).every(
      ([name, value]) => Object.hasOwn(claims, name) && claims[name] === value,
    ),
  );
  if (subject === undefined) return undefined;
  const { host, pathname } = new URL(issuer);
  const where = `${host}${pathname.replace(/\/+$/, '')}`;
  const actor = `oidc:${where}/${toActorName(claims.sub ?? '', maxSubjectLength)}`;
  return toIdentity(actor, subject.role, subject.repositories);
}
