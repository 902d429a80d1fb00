/**
 * What the service and the signer say to each other: JSON over HTTP, on a Unix socket or with certificates on both
 * sides. The signer is asked to sign whole documents; nothing here carries a digest or bytes of another kind.
 */
import { isSha256Hex } from '@vidimus/crypto';
import { z } from 'zod';

/** As large as a metadata file may be. */
export const MAX_DOCUMENT_BYTES = 5_000_000;
/** A document in base64, with room for the rest. */
export const MAX_SIGNER_BODY_BYTES = 7_000_000;
const MAX_APPROVALS = 16;

export const signerPaths = {
  health: '/v1/health',
  keys: '/v1/keys',
  destroy: '/v1/keys/destroy',
  sign: '/v1/sign',
} as const;

const hex64 = z.string().refine(isSha256Hex, 'must be 64 lower-case hex characters');
const base64 = z.base64();
/** No control characters: names stand in messages and in lines of the log. */
const name = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[!-~]+$/);

const place = { repository: name, dialect: z.enum(['tuf', 'notary']), role: name };

/** A new key for one repository, role and dialect. */
export const makeKeyRequestSchema = z.strictObject({
  ...place,
  algorithm: z.enum(['ed25519', 'ecdsa-p256']).optional(),
});

/** A key that the signer holds. */
export const madeKeySchema = z.strictObject({
  keyId: hex64,
  ...place,
  algorithm: z.enum(['ed25519', 'ecdsa-p256']),
  publicHex: z.string().regex(/^(?:[0-9a-f]{2}){1,1200}$/),
  /** The key object as its dialect writes it. */
  declared: z.record(z.string(), z.json()),
  /** Milliseconds since 1970. */
  createdAt: z.int().nonnegative(),
});

export type MadeKey = z.infer<typeof madeKeySchema>;

export const destroyRequestSchema = z.strictObject({ keyId: hex64, repository: name });

export const signRequestSchema = z.strictObject({
  keyId: hex64,
  ...place,
  /** The canonical bytes to sign, base64. */
  document: base64,
  approvals: z
    .array(z.strictObject({ keyId: hex64, signature: base64.max(1024) }))
    .max(MAX_APPROVALS)
    .default([]),
});

export type SignRequest = z.infer<typeof signRequestSchema>;

export const signAnswerSchema = z.strictObject({
  keyId: hex64,
  scheme: z.enum(['ed25519', 'ecdsa-sha256-p1363']),
  signature: base64.max(1024),
});

export type SignAnswer = z.infer<typeof signAnswerSchema>;
