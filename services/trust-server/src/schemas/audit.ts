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
    repository: z.string().openapi({ description: 'Empty for an event of the service itself.' }),
    requestId: z.string(),
    change: z.string().optional(),
    versions: versionsSchema.optional(),
    before: z.unknown().optional(),
    after: z.unknown().optional(),
    result: z.enum(['done', 'refused']),
    hash: z.string(),
    prevHash: z.string().openapi({
      description:
        'Hash of the event before; hash = SHA-256(prevHash || canonical JSON of the members above it).',
    }),
    seq: z.int().openapi({ description: 'Place in the chain, from 1.' }),
    incarnation: z
      .int()
      .optional()
      .openapi({ description: 'Each incarnation of a repository has a chain of its own.' }),
  })
  .openapi('AuditEvent');
export type AuditEvent = z.infer<typeof auditEventSchema>;
