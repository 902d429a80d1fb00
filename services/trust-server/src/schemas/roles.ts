/** Roles as the API prints them. */
import { z } from '@hono/zod-openapi';
import {
  durationSchema,
  keyIdSchema,
  roleNameSchema,
  thresholdSchema,
  timeSchema,
  versionSchema,
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
    version: versionSchema,
    expires: timeSchema,
    /** The lifetime new versions get. */
    expiresAfter: durationSchema,
    /** Only for delegated roles. */
    paths: z.array(z.string()).optional(),
    terminating: z.boolean().optional(),
  })
  .openapi('Role');
export type Role = z.infer<typeof roleSchema>;
