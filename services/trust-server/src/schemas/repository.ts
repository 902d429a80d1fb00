/** Repositories: creation, dialects, summary, the fleet (CONTRACTS C3). */
import { z } from '@hono/zod-openapi';
import {
  dialectSchema,
  durationSchema,
  keyEntrySchema,
  lifetimeSchema,
  maxKeysPerRole,
  thresholdSchema,
  timeSchema,
  versionsSchema,
} from './primitives.ts';
import { roleSchema, roleStateSchema } from './roles.ts';

const roleSettingsSchema = z
  .strictObject({
    threshold: thresholdSchema.optional(),
    expiresAfter: lifetimeSchema.optional(),
    keys: z.array(keyEntrySchema).min(1).max(maxKeysPerRole).optional(),
  })
  .openapi('RoleSettings');
export type RoleSettings = z.infer<typeof roleSettingsSchema>;
/** Body of `PUT /v2/<repository>/_trust`. */
export const createRepositorySchema = z
  .strictObject({
    dialects: z.array(dialectSchema).min(1).max(2).optional(),
    digestRetention: durationSchema.optional(),
    roles: z
      .strictObject({
        root: roleSettingsSchema.optional(),
        targets: roleSettingsSchema.optional(),
        snapshot: roleSettingsSchema.optional(),
        timestamp: roleSettingsSchema.optional(),
        revocations: roleSettingsSchema.optional(),
      })
      .optional(),
  })
  .openapi('CreateRepository');
export type CreateRepository = z.infer<typeof createRepositorySchema>;
/** Body of `PATCH /v2/<repository>/_trust`: the dialects it shall have; none is ever taken away. */
export const addDialectsSchema = z
  .strictObject({
    dialects: z.array(dialectSchema).min(1).max(2),
    roles: z
      .strictObject({
        root: z.strictObject({ keys: z.array(keyEntrySchema).min(1).max(maxKeysPerRole) }).optional(),
      })
      .optional(),
  })
  .openapi('AddDialects');
export type AddDialects = z.infer<typeof addDialectsSchema>;
/** What needs attention, and how to mend it. */
export const problemSchema = z
  .object({
    code: z.string().openapi({ example: 'ROLE_EXPIRING' }),
    role: z.string().optional(),
    /** Of the role, in a repository that has another one beside it. */
    dialect: dialectSchema.optional(),
    tag: z.string().optional(),
    expires: timeSchema.optional(),
    /** Who signs the role, where that is not the service alone: names of signers, ids of keys without one. */
    heldBy: z.array(z.string()).optional(),
    fix: z.string(),
  })
  .openapi('Problem');
export type Problem = z.infer<typeof problemSchema>;
/** Answer of `GET /v2/<repository>/_trust`, and of its creation. */
export const summarySchema = z
  .object({
    repository: z.string(),
    incarnation: z.int().min(1),
    dialects: z.array(dialectSchema),
    /** The dialect `tuf` repeats what Notary clients publish; no key of theirs vouches for it. */
    mirrored: z.literal(true).optional(),
    createdAt: timeSchema,
    versions: versionsSchema,
    expires: z.record(z.string(), timeSchema),
    roles: z.record(z.string(), roleStateSchema),
    delegations: z.array(roleSchema),
    tagCount: z.int().min(0),
    /** Hex SHA-256 of the current root file: what an administrator compares by telephone. */
    rootSha256: z.string(),
    openChanges: z.int().min(0),
    problems: z.array(problemSchema),
  })
  .openapi('Repository');
export type RepositorySummary = z.infer<typeof summarySchema>;
/** Answer of `DELETE /v2/<repository>/_trust`. */
export const endedSchema = z
  .object({ repository: z.string(), incarnation: z.int().min(1), endedAt: timeSchema })
  .openapi('EndedRepository');
export type EndedRepository = z.infer<typeof endedSchema>;
/** One row of `GET /v2/_trust/repositories`. */
export const repositoryRowSchema = z
  .object({ repository: z.string(), dialects: z.array(dialectSchema), problems: z.array(problemSchema) })
  .openapi('RepositoryRow');
export type RepositoryRow = z.infer<typeof repositoryRowSchema>;
/** Counts over all repositories the filter chose, whatever page is shown. */
export const fleetSummarySchema = z
  .object({
    repositories: z.int().min(0),
    ok: z.int().min(0),
    expiring: z.int().min(0),
    pendingChanges: z.int().min(0),
  })
  .openapi('FleetSummary');
export type FleetSummary = z.infer<typeof fleetSummarySchema>;
