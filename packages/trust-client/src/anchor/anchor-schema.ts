/** The shape of anchor files: strict, for a misspelt member must not loosen what it says. */
import { DIRECTORY_NAME } from '@vidimus/reference';
import { MAX_HANDOVER_BYTES, type readRecoveryKeys } from '@vidimus/tuf';
import { z } from 'zod';

/** A bundle of certificates, characters. */
const MAX_CA_LENGTH = 65_536;
/** Statements of one file. */
const MAX_HANDOVERS = 256;
/** What a directory is called: shown to people, so plain text of one line. */
const NAME_PATTERN = /^[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,62}[A-Za-z0-9])?$/;

const base64 = z.string().regex(/^[A-Za-z0-9+/]+={0,2}$/);
const dialects = z.enum(['tuf', 'notary']);
const keyId = z.string().regex(/^[0-9a-f]{64}$/);

const RootSchema = z.strictObject({ root: base64 });
/** An anchor by root keys. */
export const KeysSchema = z.strictObject({
  keyIds: z.array(keyId).min(1).max(64),
  threshold: z.int().min(1),
});

/** An anchor by root certificates. */
export const CertificatesSchema = z.strictObject({ certIds: z.array(keyId).min(1).max(64) });
/** An anchor by the authority of the certificates. */
export const AuthoritySchema = z.strictObject({ ca: z.string().min(1).max(MAX_CA_LENGTH) });

/** Read by `readRecoveryKeys`. */
const recoverySchema = z.custom<Parameters<typeof readRecoveryKeys>[0]>(
  (value) => typeof value === 'object' && value !== null,
);

/** `anchor.json`, and the file that fleets carry, as JSON. */
export const AnchorFileSchema = z
  .strictObject({
    version: z.literal(1),
    /** Absent in files of before there were directories: a repository's. */
    kind: z.enum(['directory', 'repository']).optional(),
    name: z.string().regex(NAME_PATTERN).optional(),
    repository: z.string(),
    dialect: dialects,
    server: z
      .url({ protocol: /^https?$/ })
      .max(2_048)
      .optional(),
    ca: z.string().min(1).max(MAX_CA_LENGTH).optional(),
    anchor: z.union([RootSchema, KeysSchema, CertificatesSchema, AuthoritySchema]).optional(),
    recovery: recoverySchema.optional(),
    handovers: z
      .array(base64.max(2 * MAX_HANDOVER_BYTES))
      .max(MAX_HANDOVERS)
      .optional(),
    firstUse: RootSchema.optional(),
    directory: z
      .strictObject({ dialect: dialects, root: base64, recovery: recoverySchema.optional() })
      .optional(),
    instead: z.strictObject({ of: keyId, root: base64 }).optional(),
    accepted: z
      .array(z.strictObject({ id: keyId, left: keyId }))
      .max(MAX_HANDOVERS)
      .optional(),
  })
  .refine((file) =>
    [file.anchor, file.firstUse, file.directory, file.instead].some((one) => one !== undefined),
  )
  .refine(
    ({ kind, repository }) =>
      kind === undefined || (kind === 'directory') === (repository === DIRECTORY_NAME),
  )
  .refine(({ repository, dialect, anchor }) => {
    if (repository !== DIRECTORY_NAME) return true;
    return dialect === 'tuf' && (anchor === undefined || 'root' in anchor || 'keyIds' in anchor);
  });

export type PlainFile = z.infer<typeof AnchorFileSchema>;
