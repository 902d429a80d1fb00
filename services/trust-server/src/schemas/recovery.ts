/** How far a restored repository had come: the body that lets it publish again (DESIGN, "Restore"). */
import { z } from '@hono/zod-openapi';
import { base64Schema } from './imports.ts';
import { dialectSchema, reasonSchema, versionSchema } from './primitives.ts';

const maxRoots = 256;
const maxFiles = 2_048;
/** A mark beyond it is a slip: versions never go back, and there must be room for more. */
const maxMark = 2 ** 40;

const newestSchema = z.strictObject({
  version: versionSchema,
  /** Hex SHA-256 of the file: what `sha256sum` says of it wherever a client keeps it. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hex digits'),
});

const filesSchema = z.record(z.string().max(255), base64Schema);
const marksSchema = z.record(z.string().max(255), z.int().min(0).max(maxMark));

/** Body of `POST /v2/<repository>/_trust/recovery`. */
export const recoverSchema = z
  .strictObject({
    reason: reasonSchema,
    /** The newest root that anybody has seen, by dialect: root is supplied, never jumped. */
    newestRoot: z.partialRecord(dialectSchema, newestSchema),
    /** Roots that came after the backup, oldest first. */
    roots: z.partialRecord(dialectSchema, z.array(base64Schema).max(maxRoots)).optional(),
    /** Newer files of targets and delegated roles, from a client's cache, by role. */
    files: z
      .partialRecord(
        dialectSchema,
        filesSchema.refine((files) => Object.keys(files).length <= maxFiles, 'too many files'),
      )
      .optional(),
    /** The highest version that was ever published, by role, where it is known; the others jump. */
    highest: z.partialRecord(dialectSchema, marksSchema).optional(),
  })
  .openapi('RecoverRepository');
export type RecoverRepository = z.infer<typeof recoverSchema>;
