/** Whose tokens count, and for what: `service.oidc` of the configuration. Nothing is taken that is not named here. */
import { compileGlob, ReferenceFormatError } from '@vidimus/reference';
import { z } from 'zod';
import { jwtAlgorithms } from '../jwt-algorithms.ts';
import { grantableRoleSchema } from '../roles.ts';

const maxIssuers = 20;
const maxSubjects = 200;
const maxTextLength = 1_024;

/** What an issuer may be said to sign with. */
export const oidcAlgorithmSchema = z.enum(jwtAlgorithms);

/** Claims that every token of an issuer shares, or that are new in each: they name nobody. */
const namesNobody: ReadonlySet<string> = new Set([
  'iss',
  'aud',
  'exp',
  'nbf',
  'iat',
  'jti',
  'auth_time',
  'azp',
]);

const httpsUrl = z
  .url({ protocol: /^https$/ })
  .max(maxTextLength)
  .refine((text) => {
    const { username, password, search, hash } = new URL(text);
    return `${username}${password}${search}${hash}` === '';
  }, 'must have no user, query or fragment');

/** One pattern over repository names. */
export const globSchema = z.string().max(255).refine(isGlob, 'must be a pattern over names');
export const globListSchema = z.array(globSchema).min(1);

const subjectSchema = z.strictObject({
  /** Compared exactly: no pattern, no case folding. */
  claims: z
    .record(z.string().min(1).max(128), z.union([z.string().max(maxTextLength), z.boolean(), z.int()]))
    .refine(
      (claims) => Object.keys(claims).some((name) => !namesNobody.has(name)),
      'must name at least one claim that tells subjects apart, such as sub',
    ),
  role: grantableRoleSchema,
  repositories: globListSchema,
});

const issuerSchema = z.strictObject({
  /** Exactly as the tokens spell it. */
  issuer: httpsUrl,
  audience: z.string().min(1).max(maxTextLength),
  /** Where its keys are; when absent, where its own description says, on its own origin. */
  jwksUri: httpsUrl.optional(),
  algorithms: z.array(oidcAlgorithmSchema).min(1),
  /** Longest time from issue to expiry. */
  maxLifetimeSeconds: z.int().min(60).max(86_400).default(3_600),
  /** The first whose claims all match decides. */
  subjects: z.array(subjectSchema).min(1).max(maxSubjects),
});
export type OidcIssuer = z.infer<typeof issuerSchema>;

export const oidcSettingsSchema = z
  .array(issuerSchema)
  .max(maxIssuers)
  .refine(
    (issuers) => issuers.every((one) => issuers.every((other) => !isBelow(one.issuer, other.issuer))),
    // `a.example/x` + `y` and `a.example` + `x/y` would be one name in the log.
    'holds an issuer that begins with another one',
  );

function isBelow(one: string, other: string): boolean {
  const base = other.replace(/\/+$/, '');
  return one.replace(/\/+$/, '') !== base && one.startsWith(`${base}/`);
}

function isGlob(text: string): boolean {
  try {
    compileGlob(text);
    return true;
  } catch (error) {
    if (error instanceof ReferenceFormatError) return false;
    throw error;
  }
}
