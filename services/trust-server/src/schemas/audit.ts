/** Events of the audit log. */
import { z } from '@hono/zod-openapi';
import { timeSchema, versionsSchema } from './primitives.ts';

/** One event of the audit log. */
export const auditEventSchema = z
  .object({
    id: z.string(),
    at: timeSchema,
    action: z.string(),
    actor: z.string(),
    repository: z.string(),
    requestId: z.string(),
    change: z.string().optional(),
    versions: versionsSchema.optional(),
    before: z.unknown().optional(),
    after: z.unknown().optional(),
    result: z.enum(['done', 'refused']),
    hash: z.string(),
  })
  .openapi('AuditEvent');
export type AuditEvent = z.infer<typeof auditEventSchema>;
