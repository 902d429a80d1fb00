/** Revoked digests: bodies and answers (CONTRACTS C3). */
import { z } from '@hono/zod-openapi';
import { digestSchema, reasonSchema, timeSchema, versionsSchema } from './primitives.ts';

const maxLinkLength = 2048;
/** Body of `PUT /revocations/<digest>`. */
export const revokeDigestSchema = z
  .strictObject({
    reason: reasonSchema,
    link: z
      .url({ protocol: /^https?$/ })
      .max(maxLinkLength)
      .optional(),
    scope: z.enum(['repository', 'organisation']).optional(),
  })
  .openapi('RevokeDigest');
export type RevokeDigest = z.infer<typeof revokeDigestSchema>;
/** A digest in the role `revocations`. */
export const revocationSchema = z
  .object({
    digest: digestSchema,
    reason: z.string(),
    link: z.string().optional(),
    at: timeSchema,
    /** Length of the manifest as known, or 0. */
    length: z.int().min(0),
  })
  .openapi('Revocation');
export type Revocation = z.infer<typeof revocationSchema>;
/** Answer of `PUT /revocations/<digest>`. */
export const digestRevokedSchema = z
  .object({
    published: versionsSchema,
    /** Tags that named the digest and were taken away in the same publish. */
    tags: z.array(z.string()),
    /** Tags that still name it, in roles the service cannot sign alone. */
    stillServed: z.array(z.object({ role: z.string(), tag: z.string() })),
    /** Id of the change that waits for their signers. */
    openChange: z.string().optional(),
  })
  .openapi('DigestRevoked');
export type DigestRevoked = z.infer<typeof digestRevokedSchema>;
/** Answer of `DELETE /revocations/<digest>`. */
export const revocationLiftedSchema = z
  .object({ digest: digestSchema, published: versionsSchema })
  .openapi('RevocationLifted');
export type RevocationLifted = z.infer<typeof revocationLiftedSchema>;
