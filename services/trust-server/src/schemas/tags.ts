/** Tags: bodies and answers (CONTRACTS C3). */
import { z } from '@hono/zod-openapi';
import {
  digestSchema,
  jsonObject,
  keyIdSchema,
  roleNameSchema,
  tagSchema,
  thresholdSchema,
  timeSchema,
  versionSchema,
  versionsSchema,
} from './primitives.ts';

const maxPlatforms = 64;
/** Tags signed and revoked in one publish, together. */
export const maxTagsPerBatch = 10_000;
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
/** Body of `DELETE /tags/<tag>`: may be left out, then it is the role that answers for the tag. */
export const revokeTagSchema = z.strictObject({ role: roleNameSchema.optional() }).openapi('RevokeTag');
export type RevokeTag = z.infer<typeof revokeTagSchema>;
/** Roles that answer for a tag once another one has given it up. */
const stillServedSchema = z.array(z.object({ role: z.string(), tag: z.string() }));
/** Answer of `DELETE /tags/<tag>`. */
export const tagRevokedSchema = z
  .object({ tag: z.string(), stillServed: stillServedSchema.optional(), published: versionsSchema })
  .openapi('TagRevoked');
export type TagRevoked = z.infer<typeof tagRevokedSchema>;
/** Answer of `POST /tags`. */
export const tagsEditedSchema = z
  .object({
    signed: z.array(z.string()),
    revoked: z.array(z.string()),
    stillServed: stillServedSchema.optional(),
    published: versionsSchema,
  })
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
        sinceVersion: versionSchema
          .optional()
          .openapi({ description: 'Version of the role that first listed this digest.' }),
        expires: timeSchema,
      }),
    ),
    signedBy: z.object({ actor: z.string(), change: z.string().optional(), at: timeSchema }),
  })
  .openapi('Tag');
export type TagDetail = z.infer<typeof tagDetailSchema>;
