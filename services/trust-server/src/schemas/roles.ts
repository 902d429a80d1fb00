/** Roles as the API prints them. */
import { z } from '@hono/zod-openapi';
import {
  durationSchema,
  keyEntrySchema,
  keyIdSchema,
  lifetimeSchema,
  maxKeysPerRole,
  reasonSchema,
  roleNameSchema,
  thresholdSchema,
  timeSchema,
  versionSchema,
  versionsSchema,
} from './primitives.ts';

const roleStateShape = {
  custody: z.enum(['managed', 'client', 'mixed']),
  threshold: thresholdSchema,
  keyIds: z.array(keyIdSchema),
  /** Managed keys count as one custodian together. */
  independentCustodians: z.int().min(0),
} as const;
export const roleStateSchema = z.object(roleStateShape).openapi('RoleState');
export type RoleState = z.infer<typeof roleStateSchema>;
/** One role with what its current file says: `GET /roles/<role>`. */
export const roleSchema = z
  .object({
    role: roleNameSchema,
    ...roleStateShape,
    /** Absent while the present keys of a delegated role have signed no file of it. */
    version: versionSchema.optional(),
    expires: timeSchema.optional(),
    /** The lifetime new versions get. */
    expiresAfter: durationSchema,
    /** Only for delegated roles. */
    paths: z.array(z.string()).optional(),
    terminating: z.boolean().optional(),
  })
  .openapi('Role');
export type Role = z.infer<typeof roleSchema>;
/** Body of `POST /roles/<role>/rotations`: who signs the role from now on. */
export const rotateRoleSchema = z
  .strictObject({
    to: z.array(keyEntrySchema).min(1).max(maxKeysPerRole),
    /** As it was, when absent. */
    threshold: thresholdSchema.optional(),
    expiresAfter: lifetimeSchema.optional(),
    reason: reasonSchema,
  })
  .openapi('RotateRole');
export type RotateRole = z.infer<typeof rotateRoleSchema>;
/** Body of `PATCH /roles/<role>`. */
export const patchRoleSchema = z
  .strictObject({ expiresAfter: lifetimeSchema.optional(), threshold: thresholdSchema.optional() })
  .refine(
    ({ expiresAfter, threshold }) => expiresAfter !== undefined || threshold !== undefined,
    'expected expiresAfter or threshold',
  )
  .openapi('PatchRole');
export type PatchRole = z.infer<typeof patchRoleSchema>;
/** Answer of a rotation that took effect. */
export const roleRotatedSchema = z
  .object({ published: versionsSchema, role: roleSchema })
  .openapi('RoleRotated');
export type RoleRotated = z.infer<typeof roleRotatedSchema>;
