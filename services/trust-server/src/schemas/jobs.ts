/** Jobs: work over many repositories that outlives a process (`GET /v2/_trust/jobs/<id>`). */
import { z } from '@hono/zod-openapi';
import { timeSchema } from './primitives.ts';

export const jobSchema = z
  .object({
    job: z.string(),
    kind: z.enum(['key-revocation']),
    state: z.enum(['running', 'finished']),
    createdAt: timeSchema,
    finishedAt: timeSchema.optional(),
    /** Repositories that have an outcome. */
    done: z.int().min(0),
    total: z.int().min(0),
    /** Repositories where it is published. */
    published: z.int().min(0),
    /** Ids of the changes that wait for signatures. */
    changes: z.array(z.string()),
    /** Repositories where nothing was done, and why. */
    refused: z.array(z.object({ repository: z.string(), code: z.string(), message: z.string() })),
    /** Repositories that the reader may not see; counted above, not told. */
    hidden: z.int().min(0),
  })
  .openapi('Job');
export type Job = z.infer<typeof jobSchema>;
