/** Access tokens: what one is asked for with, how it is listed; the secret is in one answer alone. */
import { z } from '@hono/zod-openapi';
import { grantableRoleSchema } from '@vidimus/access';
import { compileGlob, ReferenceFormatError } from '@vidimus/reference';
import { durationToMs } from '../duration.ts';
import { lifetimeSchema, timeSchema } from './primitives.ts';

const maxGlobs = 20;
const maxGlobLength = 255;
const maxLifetimeMs = 731 * 86_400_000;

export const tokenIdSchema = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected the id of a token');
const globSchema = z
  .string()
  .max(maxGlobLength)
  .refine(isGlob, 'expected a pattern over repository names, such as registry.example.com/shop/**')
  .openapi({ example: 'registry.example.com/shop/**' });
const nameSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9 ._@+-]{0,127}$/, 'expected a name: letters, digits, . _ @ + -');

/** Body of `POST /v2/_trust/tokens`. */
export const createTokenSchema = z
  .strictObject({
    name: nameSchema.openapi({ example: 'ci-shop' }),
    role: grantableRoleSchema,
    repositories: z.array(globSchema).min(1).max(maxGlobs),
    expiresAfter: lifetimeSchema
      .refine((text) => durationToMs(text) <= maxLifetimeMs, 'is longer than 731 days')
      .default('90d'),
  })
  .openapi('CreateToken');
export type CreateToken = z.infer<typeof createTokenSchema>;

export const tokenSchema = z
  .object({
    id: tokenIdSchema,
    name: z.string(),
    /** `bootstrap` is the first one of an installation. */
    role: z.enum([...grantableRoleSchema.options, 'bootstrap']),
    repositories: z.array(z.string()),
    createdAt: timeSchema,
    createdBy: z.string().optional(),
    expiresAt: timeSchema.optional(),
    /** To the minute. */
    lastUsedAt: timeSchema.optional(),
    revokedAt: timeSchema.optional(),
  })
  .openapi('Token');
export type Token = z.infer<typeof tokenSchema>;

/** `token` is the secret, shown this once; absent in a dry run and where an `Idempotency-Key` is used again. */
export const createdTokenSchema = tokenSchema
  .extend({ token: z.string().optional() })
  .openapi('CreatedToken');
export type CreatedToken = z.infer<typeof createdTokenSchema>;

/** `made`: ids of tokens that it made and that still count: whoever stole it may hold them. */
export const revokedTokenSchema = tokenSchema
  .extend({ made: z.array(tokenIdSchema) })
  .openapi('RevokedToken');
export type RevokedToken = z.infer<typeof revokedTokenSchema>;

function isGlob(text: string): boolean {
  try {
    compileGlob(text);
    return true;
  } catch (error) {
    if (error instanceof ReferenceFormatError) return false;
    throw error;
  }
}
