/** The body of an import from another Notary server. */
import { z } from '@hono/zod-openapi';

/** One file of an import; its bytes are those of the other server. No pattern: on megabytes it would overflow. */
export const base64Schema = z
  .string()
  .min(1)
  .refine(isBase64, 'expected base64 with padding')
  .openapi({ format: 'byte' });
/** What Notary's databases can hold. */
const seenVersionSchema = z
  .int()
  .min(0)
  .max(2 ** 31 - 1);
const maxImportedRoots = 256;
const maxImportedFiles = 1_024;
/** A repository that goes on from another Notary server. */
export const importRepositorySchema = z
  .strictObject({
    dialect: z.literal('notary'),
    /** Every root of the other server, oldest first, without a gap. */
    roots: z.array(base64Schema).min(1).max(maxImportedRoots),
    /** By the name on the wire: the next root, which names the service's keys, targets, delegated roles. */
    update: z
      .record(z.string().max(255), base64Schema)
      .refine((files) => Object.keys(files).length <= maxImportedFiles, 'too many files'),
    /** Versions that clients may have seen there: the service goes on above them. */
    highest: z
      .strictObject({ timestamp: seenVersionSchema.optional(), snapshot: seenVersionSchema.optional() })
      .optional(),
  })
  .openapi('ImportRepository');
export type ImportRepository = z.infer<typeof importRepositorySchema>;
/** Only the one spelling encodes back to itself. */
function isBase64(text: string): boolean {
  return Buffer.from(text, 'base64').toString('base64') === text;
}
