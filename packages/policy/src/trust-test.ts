/** `TrustTest` files: cases of an image, its evidence and the decision expected. */
import { isDigest, parseReference, ReferenceFormatError } from '@vidimus/reference';
import { z } from 'zod';
import { EVIDENCE_REASONS, isEvidenceReason } from './codes.ts';
import { API_VERSION } from './decision.ts';
import { checkDocument, readSource } from './document.ts';
import { PolicyError, type SourcePosition } from './errors.ts';
import { actionSchema } from './schema.ts';
import { parseDuration, parseTime } from './time.ts';
import type { PolicySource } from './yaml-source.ts';

const MAX_CASES = 1_000;

const digest = z
  .string()
  .refine((text) => isDigest(text) && text.startsWith('sha256:'), { error: 'is not sha256:<64 hex>' });
const time = z.string().transform((text, context) => {
  const ms = parseTime(text);
  if (ms !== undefined) return ms;
  context.addIssue({ code: 'custom', message: 'is not a time like 2026-11-21T08:00:00Z' });
  return z.NEVER;
});
const span = z.string().transform((text, context) => {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  context.addIssue({ code: 'custom', message: 'is not a duration like 90s, 5m, 24h or 30d' });
  return z.NEVER;
});
const reason = z.string().refine(isEvidenceReason, { error: `is not one of ${EVIDENCE_REASONS.join(', ')}` });
const unknown = z.strictObject({ unknown: reason }).readonly();
const image = z.string().superRefine((text, context) => {
  try {
    parseReference(text);
  } catch (error) {
    if (!(error instanceof ReferenceFormatError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
  }
});

const vouch = z
  .strictObject({
    role: z.string().min(1).max(255).default('targets'),
    keys: z.array(z.string().min(1).max(128)).min(1).max(100).readonly(),
    threshold: z.int().min(1).max(100).default(1),
    /** Default: the case's own tag and digest. */
    tag: z.string().optional(),
    digest: digest.optional(),
    binOf: z.string().optional(),
  })
  .readonly();

const trust = z
  .strictObject({
    dialect: z.enum(['tuf', 'notary']).default('tuf'),
    anchor: z.enum(['root', 'keys', 'certificate', 'ca', 'directory', 'firstUse']).default('root'),
    mirrored: z.boolean().default(false),
    vouchedBy: z.array(vouch).max(100).readonly().default([]),
    /** How long ago. */
    refreshed: span.default(0),
    issued: span.optional(),
    /** How long from now; `0s` is just expired. */
    expiresIn: span.default(86_400_000),
    staleIn: span.optional(),
  })
  .readonly();

const revoked = z
  .strictObject({
    digest: digest.optional(),
    reason: z.string().max(1_000).default('test'),
    list: z.enum(['repository', 'organisation']).default('repository'),
    via: z.string().optional(),
  })
  .readonly();

const evidence = z
  .strictObject({
    /** The digest judged; default: the one the reference names. */
    digest: digest.optional(),
    via: digest.optional(),
    platforms: z.array(z.string()).readonly().default([]),
    trust: z.union([trust, z.literal('absent'), unknown]).optional(),
    revocation: z.union([z.literal('clear'), z.array(revoked).min(1).readonly(), unknown]).optional(),
    registry: z.union([digest, z.literal('absent'), unknown]).optional(),
    offline: z.boolean().default(false),
  })
  .readonly();
export type TestEvidence = z.infer<typeof evidence>;

const codes = z.array(z.string()).readonly();
const expectation = z
  .strictObject({
    decision: z.enum(['allow', 'warn', 'deny']).optional(),
    outcome: z.enum(['matched', 'default']).optional(),
    /** Exactly the codes of what denies, or of what warns. */
    codes: codes.optional(),
    /** Exactly the ids of the rules that deny, or warn. */
    failed: codes.optional(),
    /** Each of these codes or rule ids is among the warnings. */
    warnings: codes.optional(),
    matchedPolicies: codes.optional(),
    pin: digest.optional(),
    normalised: z.string().optional(),
    relaxedBy: codes.optional(),
  })
  .refine((one) => Object.keys(one).length > 0, { error: 'expects nothing' })
  .readonly();
export type Expectation = z.infer<typeof expectation>;

const testSchema = z
  .strictObject({
    apiVersion: z.literal(API_VERSION),
    kind: z.literal('TrustTest'),
    /** Policy files this test is about, relative to its own. */
    policies: z.array(z.string().min(1).max(255)).min(1).max(100).readonly(),
    defaults: z
      .strictObject({
        now: time.optional(),
        action: actionSchema.optional(),
        image: image.optional(),
        evidence: evidence.optional(),
      })
      .readonly()
      .default({}),
    /** Anything, for anchors to point at. */
    fixtures: z.unknown().optional(),
    cases: z
      .array(
        z
          .strictObject({
            name: z.string().min(1).max(200),
            now: time.optional(),
            action: actionSchema.optional(),
            image: image.optional(),
            evidence: evidence.optional(),
            expect: expectation,
          })
          .readonly(),
      )
      .min(1)
      .max(MAX_CASES)
      .readonly(),
  })
  .readonly();
type TestFile = z.infer<typeof testSchema>;
export type TestCase = TestFile['cases'][number] & { readonly source: SourcePosition };

/** A parsed test file; the caller reads `policies` and compiles them. */
export interface TrustTest {
  readonly file: string;
  readonly policies: readonly string[];
  readonly defaults: TestFile['defaults'];
  readonly cases: readonly TestCase[];
}

export type ParseTestResult =
  | { readonly test: TrustTest; readonly errors?: never }
  | { readonly errors: readonly PolicyError[]; readonly test?: never };

/** Parses a TrustTest file; anything else is an error. */
export function parseTrustTest(source: PolicySource): ParseTestResult {
  try {
    const { kind, yaml } = readSource(source);
    if (kind !== 'TrustTest')
      return { errors: [new PolicyError('KIND_UNKNOWN', 'is not a TrustTest', yaml.position(['kind']))] };
    const result = checkDocument(testSchema, yaml);
    if (result.errors !== undefined) return result;
    const { policies, defaults, cases } = result.value;
    const positioned = cases.map((one, index) => ({ ...one, source: yaml.position(['cases', index]) }));
    const unset = positioned.find(
      (one) => (one.image ?? defaults.image) === undefined || (one.now ?? defaults.now) === undefined,
    );
    if (unset !== undefined) {
      return {
        errors: [
          new PolicyError(
            'SCHEMA_INVALID',
            `${unset.name}: neither the case nor defaults gives image and now`,
            unset.source,
          ),
        ],
      };
    }
    return { test: { file: source.file, policies, defaults, cases: positioned } };
  } catch (error) {
    if (error instanceof PolicyError) return { errors: [error] };
    throw error;
  }
}
