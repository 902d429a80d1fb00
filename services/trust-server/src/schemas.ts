/**
 * Bodies and answers of the trust server (CONTRACTS C3 and C5): one zod schema each, which validates at
 * the door, is printed into the OpenAPI document and gives the TypeScript type by z.infer.
 */
import { z } from '@hono/zod-openapi';
import type { JsonObject } from '@vidimus/canonical-json';
import { durationToMs } from './duration.ts';

const maxTextLength = 1024;
const maxLinkLength = 2048;
const maxKeysPerRole = 64;
const maxPlatforms = 64;
const maxSignaturesPerUpload = 64;
/** Beyond it milliseconds leave the integers, and times the calendar. */
const maxDurationMs = 36_500 * 86_400_000;
/** Tags signed and revoked in one publish, together. */
export const maxTagsPerBatch = 10_000;

/** A JSON object kept exactly as parsed: unknown members, `__proto__` included, survive. */
const jsonObject = z
  .custom<JsonObject>((value) => typeof value === 'object' && value !== null && !Array.isArray(value), {
    error: 'expected an object',
  })
  .openapi({ type: 'object', additionalProperties: true });

/** Whole seconds, minutes, hours or days; at most nine digits. See `durationToMs`. */
export const durationSchema = z
  .string()
  .regex(/^[0-9]{1,9}[smhd]$/, { error: 'expected a duration such as 90d', abort: true })
  .refine((text) => durationToMs(text) <= maxDurationMs, 'is longer than 100 years')
  .openapi({ example: '90d' });
const lifetimeSchema = durationSchema.refine((text) => !/^0+[smhd]$/.test(text), 'must be more than zero');

const timeSchema = z.string().openapi({ format: 'date-time', example: '2026-11-21T09:00:00Z' });
const keyIdSchema = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hex digits')
  .openapi({ example: '7c1e09ab42d1'.padEnd(64, '0') });
export const digestSchema = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/, 'expected sha256: and 64 lower-case hex digits')
  .openapi({ example: `sha256:${'9f'.repeat(32)}` });
/** Docker's rule for tags. */
export const tagSchema = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/, 'expected a tag')
  .openapi({ example: '1.4.2' });
/** A role as the model spells it; delegated names may hold slashes. */
export const roleNameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}(\/[A-Za-z0-9][A-Za-z0-9._-]{0,127}){0,7}$/,
    'expected a role name',
  )
  .openapi({ example: 'targets' });
const versionSchema = z.int().min(1);
const thresholdSchema = z.int().min(1).max(maxKeysPerRole);
export const dialectSchema = z.enum(['tuf', 'notary']);
const reasonSchema = z.string().min(1).max(maxTextLength);

/** Role name to version: what one publish made current. */
export const versionsSchema = z.record(z.string(), versionSchema).openapi('Versions');
export type Versions = z.infer<typeof versionsSchema>;

/** Who holds a key of a role: the service makes and keeps it, or only a client can use it. */
export const keyEntrySchema = z
  .discriminatedUnion('custody', [
    z.strictObject({ custody: z.literal('managed'), algorithm: z.enum(['ed25519']).optional() }),
    z.strictObject({
      custody: z.literal('client'),
      dialect: dialectSchema.optional(),
      /** The key object of that dialect; the core refuses what is not one (KEY_INVALID). */
      key: jsonObject,
    }),
  ])
  .openapi('KeyEntry');
export type KeyEntry = z.infer<typeof keyEntrySchema>;

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

/** One file of an import; its bytes are those of the other server. No pattern: on megabytes it would overflow. */
const base64Schema = z
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

const roleStateShape = {
  custody: z.enum(['managed', 'client', 'mixed']),
  threshold: thresholdSchema,
  keyIds: z.array(keyIdSchema),
  /** Managed keys count as one custodian together. */
  independentCustodians: z.int().min(0),
} as const;

const roleStateSchema = z.object(roleStateShape).openapi('RoleState');
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

/** What needs attention, and how to mend it. */
export const problemSchema = z
  .object({
    code: z.string().openapi({ example: 'ROLE_EXPIRING' }),
    role: z.string().optional(),
    /** Of the role, in a repository that has another one beside it. */
    dialect: dialectSchema.optional(),
    tag: z.string().optional(),
    expires: timeSchema.optional(),
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

const signTagShape = {
  digest: digestSchema,
  /** Length of the manifest or index in bytes. */
  size: z.int().min(1),
  mediaType: z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/,
      'expected a media type',
    )
    .optional(),
  platforms: z
    .array(
      z
        .string()
        .regex(/^[a-z0-9_.-]{1,32}(\/[A-Za-z0-9_.-]{1,32}){1,2}$/, 'expected os/architecture[/variant]'),
    )
    .max(maxPlatforms)
    .optional(),
  custom: jsonObject.optional(),
} as const;

/** Body of `PUT /tags/<tag>`. The server does not ask the registry. */
export const putTagSchema = z
  .strictObject({ ...signTagShape, role: roleNameSchema.optional() })
  .openapi('PutTag');
export type PutTag = z.infer<typeof putTagSchema>;

/** Body of `POST /tags`: all or nothing, one publish. */
export const editTagsSchema = z
  .strictObject({
    role: roleNameSchema.optional(),
    sign: z
      .array(z.strictObject({ tag: tagSchema, ...signTagShape }))
      .max(maxTagsPerBatch)
      .optional(),
    revoke: z.array(tagSchema).max(maxTagsPerBatch).optional(),
  })
  .refine((body) => {
    const edits = (body.sign?.length ?? 0) + (body.revoke?.length ?? 0);
    return edits >= 1 && edits <= maxTagsPerBatch;
  }, `sign and revoke together name 1 to ${maxTagsPerBatch} tags`)
  .refine((body) => {
    const named = [...(body.sign ?? []).map((entry) => entry.tag), ...(body.revoke ?? [])];
    return new Set(named).size === named.length;
  }, 'a tag is named twice')
  .openapi('EditTags');
export type EditTags = z.infer<typeof editTagsSchema>;

/** One row of `GET /tags`. */
export const tagEntrySchema = z
  .object({
    tag: z.string(),
    digest: digestSchema,
    size: z.int().min(0),
    mediaType: z.string().optional(),
    role: z.string(),
  })
  .openapi('TagEntry');
export type TagEntry = z.infer<typeof tagEntrySchema>;

/** Answer of `PUT /tags/<tag>`. `versions` and `published` are the same. */
export const tagPublishedSchema = tagEntrySchema
  .extend({ versions: versionsSchema, published: versionsSchema })
  .openapi('TagPublished');
export type TagPublished = z.infer<typeof tagPublishedSchema>;

/** Answer of `DELETE /tags/<tag>`. */
export const tagRevokedSchema = z
  .object({ tag: z.string(), published: versionsSchema })
  .openapi('TagRevoked');
export type TagRevoked = z.infer<typeof tagRevokedSchema>;

/** Answer of `POST /tags`. */
export const tagsEditedSchema = z
  .object({ signed: z.array(z.string()), revoked: z.array(z.string()), published: versionsSchema })
  .openapi('TagsEdited');
export type TagsEdited = z.infer<typeof tagsEditedSchema>;

/** Answer of `GET /tags/<tag>`: who vouches, through which roles, since when, until when. */
export const tagDetailSchema = z
  .object({
    tag: z.string(),
    digest: digestSchema,
    size: z.int().min(0),
    mediaType: z.string().optional(),
    vouchedBy: z.array(
      z.object({
        role: z.string(),
        /** Role names from targets to this role. */
        path: z.array(z.string()),
        keyIds: z.array(keyIdSchema),
        threshold: thresholdSchema,
        version: versionSchema,
        since: timeSchema,
        expires: timeSchema,
      }),
    ),
    signedBy: z.object({ actor: z.string(), change: z.string().optional(), at: timeSchema }),
  })
  .openapi('Tag');
export type TagDetail = z.infer<typeof tagDetailSchema>;

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

export const changeKindSchema = z.enum(['create', 'dialects', 'tags', 'revocation', 'role', 'end']);
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
