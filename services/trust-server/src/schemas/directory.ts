/** Entries of the organisation's directory: whose root keys which repositories have. */
import { z } from '@hono/zod-openapi';
import { jsonObject, keyIdSchema, maxKeysPerRole, thresholdSchema, versionsSchema } from './primitives.ts';

const rootKeysSchema = z
  .strictObject({ keyIds: z.array(keyIdSchema).min(1).max(maxKeysPerRole), threshold: thresholdSchema })
  .refine(({ keyIds, threshold }) => threshold <= keyIds.length, 'the threshold exceeds the number of keys');

/** Body of `PUT /entries/<pattern>`. Kept and signed exactly as it stands here. */
export const putEntrySchema = z
  .strictObject({
    /** Of one dialect or both. */
    roots: z.strictObject({ tuf: rootKeysSchema.optional(), notary: rootKeysSchema.optional() }),
    trustServer: z.string().max(2_048).optional().openapi({ example: 'https://trust.example.com:4443' }),
    /** Keys that hand a repository over when its root is lost; key objects by key id. */
    recovery: z
      .strictObject({ keys: z.record(keyIdSchema, jsonObject), threshold: thresholdSchema })
      .optional(),
  })
  .openapi('PutEntry');
export type PutEntry = z.infer<typeof putEntrySchema>;

export const entrySchema = z
  .object({
    /** Glob over repository names; the most specific one speaks. */
    pattern: z.string().openapi({ example: 'registry.example.com/shop/**' }),
    ...putEntrySchema.shape,
  })
  .openapi('Entry');
export type Entry = z.infer<typeof entrySchema>;

export const entryPublishedSchema = z
  .object({ pattern: z.string(), published: versionsSchema })
  .openapi('EntryPublished');
export type EntryPublished = z.infer<typeof entryPublishedSchema>;
