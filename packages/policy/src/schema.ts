/** The five kinds' YAML shapes. Strict: a key that is not here is an error with its position, never ignored. */
import { ReferenceFormatError, splitGlob } from '@vidimus/reference';
import { z } from 'zod';
import { API_VERSION } from './decision.ts';
import { metadataSchema } from './rules/metadata.ts';
import { referenceSchema } from './rules/reference.ts';
import { registrySchema } from './rules/registry.ts';
import { revocationSchema } from './rules/revocation.ts';
import { signaturesSchema } from './rules/signatures.ts';

const MAX_RULES = 200;
const MAX_PATTERNS = 500;
const MAX_SIGNERS = 1_000;

/** Rule kinds this version knows. */
export const RULE_KINDS = ['registry', 'reference', 'signatures', 'revocation', 'metadata'] as const;

/** Names of rule kinds and keys that are designed and not yet here: the message can say so. */
export const LATER_KEYS: ReadonlySet<string> = new Set([
  'when',
  'expr',
  'attestation',
  'vulnerabilities',
  'provenance',
  'sbom',
  'baseImage',
  'labels',
  'digestList',
  'timeWindow',
  'exceptions',
  'breakGlass',
  'rollout',
  'vex',
  'clients',
  'failure',
]);

const name = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]+(?:[-.][a-z0-9]+)*$/, {
    error: 'must be lower-case letters and digits joined by "-" or "."',
  });
const signerName = z
  .string()
  .max(63)
  .regex(/^[A-Za-z0-9]+(?:[-._/][A-Za-z0-9]+)*$/, { error: 'is not a signer name' });
const keyId = z.string().regex(/^[0-9a-f]{64}$/, { error: 'is not a key id (64 lower-case hex digits)' });
const text = z.string().max(1_000);

const namePattern = z.string().superRefine((pattern, context) => {
  try {
    splitGlob(pattern);
  } catch (error) {
    if (!(error instanceof ReferenceFormatError)) throw error;
    context.addIssue({ code: 'custom', message: error.message, params: { policyCode: 'PATTERN_INVALID' } });
  }
});

const header = { apiVersion: z.literal(API_VERSION) };
export const actionSchema = z.enum(['pull', 'admit', 'promote']);

const requireSchema = z
  .strictObject({
    registry: registrySchema.optional(),
    reference: referenceSchema.optional(),
    signatures: signaturesSchema.optional(),
    revocation: revocationSchema.optional(),
    metadata: metadataSchema.optional(),
  })
  .refine((one) => Object.keys(one).length === 1, {
    error: `must have exactly one of ${RULE_KINDS.join(', ')}`,
  })
  .readonly();

const ruleSchema = z
  .strictObject({
    id: name,
    require: requireSchema,
    /** `warn`: a rule that does not hold is noted and does not deny. */
    severity: z.enum(['error', 'warn']).default('error'),
    /** What unknown evidence means. Only evidence that is no safeguard of its own may be waved through. */
    onUnknown: z.enum(['deny', 'warn', 'allow']).optional(),
    description: text.optional(),
  })
  .superRefine((rule, context) => {
    if (rule.onUnknown === undefined || rule.onUnknown === 'deny' || 'reference' in rule.require) return;
    context.addIssue({
      code: 'custom',
      path: ['onUnknown'],
      message: 'may only be "deny" here: unknown signatures, revocation and metadata never pass',
    });
  })
  .readonly();

export const policySchema = z
  .strictObject({
    ...header,
    kind: z.literal('TrustPolicy'),
    metadata: z.strictObject({ name, owner: text.optional(), description: text.optional() }).readonly(),
    spec: z
      .strictObject({
        mode: z.enum(['enforce', 'warn', 'audit', 'shadow']).default('enforce'),
        match: z
          .strictObject({
            images: z.array(namePattern).min(1).max(MAX_PATTERNS).readonly(),
            exclude: z.array(namePattern).max(MAX_PATTERNS).readonly().default([]),
            actions: z.array(actionSchema).min(1).readonly().optional(),
          })
          .readonly(),
        rules: z.array(ruleSchema).min(1).max(MAX_RULES).readonly(),
      })
      .readonly(),
  })
  .readonly();
export type TrustPolicy = z.infer<typeof policySchema>;
export type TrustRule = z.infer<typeof ruleSchema>;

export const signersSchema = z
  .strictObject({
    ...header,
    kind: z.literal('TrustSigners'),
    metadata: z
      .strictObject({ name, version: z.int().min(1).optional(), description: text.optional() })
      .readonly(),
    signers: z
      .record(
        signerName,
        z
          .strictObject({
            keys: z.array(keyId).min(1).max(100).readonly().optional(),
            delegation: z.string().min(1).max(255).optional(),
          })
          .refine((signer) => signer.keys !== undefined || signer.delegation !== undefined, {
            error: 'needs keys or a delegation',
          })
          .readonly(),
      )
      .refine((all) => Object.keys(all).length <= MAX_SIGNERS, { error: `more than ${MAX_SIGNERS} signers` }),
    parties: z
      .record(
        signerName,
        z
          .strictObject({
            signers: z.array(signerName).min(1).max(100).readonly(),
            threshold: z.int().min(1).max(100).default(1),
          })
          .readonly(),
      )
      .default({}),
  })
  .readonly();
export type TrustSigners = z.infer<typeof signersSchema>;

export const bundleSchema = z
  .strictObject({
    ...header,
    kind: z.literal('TrustBundle'),
    metadata: z
      .strictObject({ name, version: z.int().min(0).default(0), description: text.optional() })
      .readonly(),
    spec: z
      .strictObject({
        /** The decision on an image no enforced or warning policy matches. */
        unmatched: z.enum(['deny', 'warn', 'allow']).default('deny'),
      })
      .readonly()
      .default({ unmatched: 'deny' }),
  })
  .readonly();
export type TrustBundle = z.infer<typeof bundleSchema>;
