/** What the REST API answers (CONTRACTS C3, C5), as far as clients use it. Members added later are ignored. */
import { z } from 'zod';

const Versions = z.record(z.string(), z.int());
const Time = z.string();

export const SummarySchema = z.object({
  repository: z.string(),
  incarnation: z.int(),
  dialects: z.array(z.string()),
  createdAt: Time,
  versions: Versions,
  expires: z.record(z.string(), Time),
  roles: z.record(
    z.string(),
    z.object({
      custody: z.enum(['managed', 'client', 'mixed']),
      threshold: z.int(),
      keyIds: z.array(z.string()),
      independentCustodians: z.int().optional(),
    }),
  ),
  tagCount: z.int(),
  rootSha256: z.string(),
  openChanges: z.int(),
  problems: z.array(z.looseObject({ code: z.string(), fix: z.string().optional() })),
  mirrored: z.boolean().optional(),
});
export type RepositorySummary = z.infer<typeof SummarySchema>;

export const ChangeDocumentSchema = z.object({
  dialect: z.string(),
  role: z.string(),
  version: z.int(),
  /** Base64 of the exact bytes. */
  toSign: z.string(),
  sha256: z.string(),
  thresholds: z.array(
    z.object({
      of: z.enum(['role', 'previous', 'new']),
      threshold: z.int(),
      keyIds: z.array(z.string()),
    }),
  ),
  signatures: z.array(z.object({ keyId: z.string(), by: z.string(), at: Time })),
  missing: z.int(),
});
export type ChangeDocument = z.infer<typeof ChangeDocumentSchema>;

export const ChangeSchema = z.object({
  id: z.string(),
  repository: z.string(),
  state: z.enum(['open', 'published', 'rejected', 'expired', 'stale']),
  kind: z.string(),
  edit: z.object({ method: z.string(), path: z.string(), body: z.unknown() }),
  times: z.object({ issued: Time, expires: z.record(z.string(), Time) }),
  summary: z.string(),
  diff: z.array(
    z.object({
      role: z.string(),
      what: z.string(),
      before: z.unknown().optional(),
      after: z.unknown().optional(),
    }),
  ),
  createdBy: z.string(),
  createdAt: Time,
  expiresAt: Time,
  base: z.record(z.string(), z.int()),
  documents: z.array(ChangeDocumentSchema),
  /** Where people beside the author must agree. */
  approvals: z
    .object({
      needed: z.int(),
      by: z.array(z.object({ actor: z.string(), at: Time })),
      missing: z.int().min(0),
    })
    .optional(),
  insteadOf: z.array(z.string()).optional(),
  published: Versions.optional(),
});
export type Change = z.infer<typeof ChangeSchema>;

export const PendingSchema = z.object({ change: ChangeSchema });

export const TagPublishedSchema = z.object({
  tag: z.string(),
  digest: z.string(),
  size: z.int(),
  mediaType: z.string().optional(),
  role: z.string(),
  versions: Versions,
});
export type TagPublished = z.infer<typeof TagPublishedSchema>;

export const PublishedSchema = z.object({ published: Versions });
export type Published = z.infer<typeof PublishedSchema>;

export const TagDetailSchema = z.object({
  tag: z.string(),
  digest: z.string(),
  size: z.int(),
  mediaType: z.string().optional(),
  vouchedBy: z.array(
    z.object({
      role: z.string(),
      path: z.array(z.string()),
      keyIds: z.array(z.string()),
      threshold: z.int(),
      version: z.int(),
      since: Time,
      expires: Time,
    }),
  ),
  signedBy: z.object({ actor: z.string(), change: z.string().optional(), at: Time }).optional(),
});
export type TagDetail = z.infer<typeof TagDetailSchema>;

export const DigestRevokedSchema = z.object({
  published: Versions,
  tags: z.array(z.string()),
  /** Tags that roles which the service cannot sign still name. */
  stillServed: z.array(z.object({ role: z.string(), tag: z.string() })),
  openChange: z.string().optional(),
});
export type DigestRevoked = z.infer<typeof DigestRevokedSchema>;

export const RevocationSchema = z.object({
  digest: z.string(),
  reason: z.string(),
  link: z.string().optional(),
  at: Time,
});
export type Revocation = z.infer<typeof RevocationSchema>;

/** A code is printed and counted as it is: whoever answers must not write to a terminal through it. */
const ErrorCode = z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/);

export const ErrorsSchema = z.object({
  errors: z.array(z.object({ code: ErrorCode, message: z.string(), detail: z.unknown().optional() })).min(1),
});
