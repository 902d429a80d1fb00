/** Changes: proposed metadata and its signatures (CONTRACTS C5). */
import { z } from '@hono/zod-openapi';
import {
  dialectSchema,
  keyIdSchema,
  roleNameSchema,
  thresholdSchema,
  timeSchema,
  versionSchema,
  versionsSchema,
} from './primitives.ts';

const maxSignaturesPerUpload = 64;
/** One line of what an edit alters; `before` and `after` are text for people. */
export const diffEntrySchema = z
  .object({ role: z.string(), what: z.string(), before: z.string().optional(), after: z.string().optional() })
  .openapi('DiffEntry');
export type DiffEntry = z.infer<typeof diffEntrySchema>;
/** What a dry run would have done. */
export const impactSchema = z
  .object({ diff: z.array(diffEntrySchema), versions: versionsSchema })
  .openapi('Impact');
export type Impact = z.infer<typeof impactSchema>;
export const changeStateSchema = z.enum(['open', 'published', 'rejected', 'expired', 'stale']);
export type ChangeState = z.infer<typeof changeStateSchema>;
export const changeKindSchema = z.enum([
  'create',
  'dialects',
  'tags',
  'revocation',
  'rotation',
  'delegation',
  'key',
  'resign',
  'directory',
  'end',
]);
export type ChangeKind = z.infer<typeof changeKindSchema>;
const changeDocumentSchema = z
  .object({
    dialect: dialectSchema,
    role: z.string(),
    version: versionSchema,
    /** Base64 of the exact bytes. */
    toSign: z.string().openapi({ format: 'byte' }),
    /** Hex SHA-256 of those bytes. */
    sha256: z.string(),
    thresholds: z.array(
      z.object({
        of: z.enum(['role', 'previous', 'new']),
        threshold: thresholdSchema,
        keyIds: z.array(keyIdSchema),
      }),
    ),
    signatures: z.array(z.object({ keyId: keyIdSchema, by: z.string(), at: timeSchema })),
    /** Signatures that are still needed. */
    missing: z.int().min(0),
  })
  .openapi('ChangeDocument');
export type ChangeDocument = z.infer<typeof changeDocumentSchema>;
/** Proposed new metadata that waits for signatures (CONTRACTS C5). */
export const changeSchema = z
  .object({
    id: z.string(),
    repository: z.string(),
    state: changeStateSchema,
    kind: changeKindSchema,
    edit: z.object({
      method: z.string(),
      path: z.string(),
      body: z.unknown().openapi({ description: 'The body of the request as validated, or null.' }),
    }),
    times: z.object({ issued: timeSchema, expires: z.record(z.string(), timeSchema) }),
    summary: z.string(),
    diff: z.array(diffEntrySchema),
    createdBy: z.string(),
    createdAt: timeSchema,
    expiresAt: timeSchema,
    base: z.record(z.string(), z.int().min(0)),
    documents: z.array(changeDocumentSchema),
    /** Where people beside the author must agree: how many, who has, how many are missing. */
    approvals: z
      .object({
        needed: z.int().min(1),
        by: z.array(z.object({ actor: z.string(), at: timeSchema })),
        missing: z.int().min(0),
      })
      .optional(),
    insteadOf: z.array(z.string()).optional(),
    published: versionsSchema.optional(),
  })
  .openapi('Change');
export type Change = z.infer<typeof changeSchema>;
/** Body of `POST /changes/<id>/signatures`. */
export const signChangeSchema = z
  .strictObject({
    signatures: z
      .array(
        z.strictObject({
          dialect: dialectSchema,
          role: roleNameSchema,
          keyId: keyIdSchema,
          /** Hex or base64, as the dialect writes it; long enough for RSA 8192. */
          sig: z.string().min(1).max(4096),
        }),
      )
      .min(1)
      .max(maxSignaturesPerUpload),
  })
  .openapi('SignChange');
export type SignChange = z.infer<typeof signChangeSchema>;
/** Body of `POST /changes/<id>/approvals`; signatures where a signer of its own demands them. */
export const approveChangeSchema = z
  .strictObject({
    signatures: z
      .array(
        z.strictObject({
          dialect: dialectSchema,
          role: roleNameSchema,
          /** PEM (SubjectPublicKeyInfo) of an Ed25519 or P-256 key. */
          publicKey: z.string().min(1).max(4096),
          /** Base64, over the approval message of the document: see the signer's protocol. */
          sig: z.string().min(1).max(1024),
        }),
      )
      .max(maxSignaturesPerUpload)
      .optional(),
  })
  .openapi('ApproveChange');
export type ApproveChange = z.infer<typeof approveChangeSchema>;
