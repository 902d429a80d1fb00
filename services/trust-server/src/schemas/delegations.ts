/** Delegations: bodies and answers (CONTRACTS C3). */
import { z } from '@hono/zod-openapi';
import {
  dialectSchema,
  durationSchema,
  keyEntrySchema,
  keyIdSchema,
  lifetimeSchema,
  maxKeysPerRole,
  roleNameSchema,
  thresholdSchema,
  timeSchema,
  versionSchema,
  versionsSchema,
} from './primitives.ts';

/** More are refused by the core, with a better reason. */
const maxPaths = 1_000;
const maxPathLength = 256;
/** As many as a role has at most in each dialect: before keys are made, or looked at. */
const maxEntries = 2 * maxKeysPerRole;

/** A named party: people, teams, pipelines. */
const signerNameSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9 ._@+-]{0,63}$/, 'expected a name')
  .openapi({ example: 'alice' });
const signerSchema = z.strictObject({
  name: signerNameSchema,
  keys: z.array(keyEntrySchema).min(1).max(maxKeysPerRole),
});
const delegationShape = {
  signers: z
    .array(signerSchema)
    .min(1)
    .max(maxKeysPerRole)
    .refine(
      (signers) => signers.reduce((sum, { keys }) => sum + keys.length, 0) <= maxEntries,
      `hold more than ${maxEntries} keys together`,
    ),
  threshold: thresholdSchema,
  /** Globs of tags. */
  paths: z
    .array(z.string().min(1).max(maxPathLength))
    .min(1)
    .max(maxPaths)
    .openapi({ example: ['1.*'] }),
} as const;
/** Body of `PUT /delegations/<name>`: all of it, as it is from now on. */
export const putDelegationSchema = z
  .strictObject({
    ...delegationShape,
    terminating: z.boolean().optional(),
    expiresAfter: lifetimeSchema.optional(),
  })
  .openapi('PutDelegation');
export type PutDelegation = z.infer<typeof putDelegationSchema>;
/** A delegation; `signers` to `expiresAfter` are the body that would make it so. */
export const delegationSchema = z
  .object({
    name: roleNameSchema,
    /** Role names from targets to this one. */
    path: z.array(z.string()),
    ...delegationShape,
    terminating: z.boolean(),
    expiresAfter: durationSchema,
    custody: z.enum(['managed', 'client', 'mixed']),
    keys: z.array(
      z.object({
        keyId: keyIdSchema,
        dialect: dialectSchema,
        signer: z.string(),
        custody: z.enum(['managed', 'client']),
      }),
    ),
    /** How many tags its file lists. */
    tagCount: z.int().min(0),
    /** Absent while its present keys have signed no file. */
    version: versionSchema.optional(),
    expires: timeSchema.optional(),
  })
  .openapi('Delegation');
export type DelegationAnswer = z.infer<typeof delegationSchema>;
/** Answer of `PUT /delegations/<name>`. */
export const delegationPutSchema = z
  .object({
    published: versionsSchema,
    changed: z.object({
      keysAdded: z.array(keyIdSchema),
      keysRemoved: z.array(keyIdSchema),
      /** Tags of its file, where that was signed anew. */
      tagsResigned: z.int().min(0),
      tagsNowBelowThreshold: z.array(z.string()),
      /** Tags of it that its paths cover no longer: clients find them no more, or elsewhere. */
      tagsGone: z.array(z.string()),
    }),
  })
  .openapi('DelegationPut');
export type DelegationPut = z.infer<typeof delegationPutSchema>;
/** Answer of `DELETE /delegations/<name>`. */
export const delegationRemovedSchema = z
  .object({
    name: z.string(),
    published: versionsSchema,
    changed: z.object({
      keysRemoved: z.array(keyIdSchema),
      /** Tags that nobody vouches for any more, or another role does. */
      tagsGone: z.array(z.string()),
    }),
    /** Roles that now answer for such a tag. */
    stillServed: z.array(z.object({ role: z.string(), tag: z.string() })),
  })
  .openapi('DelegationRemoved');
export type DelegationRemoved = z.infer<typeof delegationRemovedSchema>;
