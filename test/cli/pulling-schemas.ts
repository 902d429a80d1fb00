/** What `verify --json`, `pull --json` and `inspect --json` promise to scripts, written down a second time. */
import { z } from 'zod';

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const time = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
const keyId = z.string().regex(/^[0-9a-f]{64}$/);
const byTopLevel = <S extends z.ZodType>(value: S) =>
  z.strictObject({ root: value, targets: value, snapshot: value, timestamp: value });

const finding = z.strictObject({
  policy: z.string().nullable(),
  rule: z.string().nullable(),
  code: z.string().regex(/^[A-Z_]+$/),
  severity: z.enum(['error', 'warn']),
  cause: z.enum(['judged', 'unavailable', 'unreachable']),
  summary: z.string().min(1),
  facts: z.record(z.string(), z.unknown()),
  fix: z.array(z.string()),
  source: z.strictObject({ file: z.string(), line: z.int(), column: z.int() }).nullable(),
});

export const decisionSchema = z.strictObject({
  apiVersion: z.literal('vidimus.dev/v1'),
  kind: z.literal('Decision'),
  decision: z.enum(['allow', 'warn', 'deny']),
  outcome: z.enum(['matched', 'default']),
  decisionId: z.string().regex(/^[0-9A-HJKMNP-TV-Z]{26}$/),
  evaluatedAt: time,
  image: z.strictObject({
    requested: z.string(),
    repository: z.string(),
    tag: z.string().nullable(),
    digest: digest.nullable(),
    size: z.int().nullable(),
    mediaType: z.string().nullable(),
    platforms: z.array(z.string()),
    resolved: z.string().nullable(),
    via: digest.optional(),
  }),
  bundle: z.strictObject({ name: z.string(), version: z.int(), digest: digest.nullable() }),
  matched: z.array(z.string()),
  failures: z.array(finding),
  warnings: z.array(finding),
  passed: z.array(z.string()),
  exceptionsUsed: z.array(z.never()),
  relaxedBy: z.array(z.string()),
  nextTimeChange: time.nullable(),
  evidence: z.strictObject({
    digest: digest.nullable(),
    unavailable: z.array(
      z.strictObject({
        evidence: z.string(),
        reason: z.string(),
        cause: z.enum(['unavailable', 'unreachable']),
      }),
    ),
  }),
  retryable: z.boolean(),
  observed: z.array(finding),
});

const trust = z.strictObject({
  server: z.url(),
  dialect: z.enum(['tuf', 'notary']),
  anchor: z.enum(['root', 'keys', 'certificate', 'ca', 'directory', 'firstUse']),
  versions: byTopLevel(z.int()),
  expires: byTopLevel(time),
  refreshedAt: time.nullable(),
  offline: z.boolean(),
});

const vouch = z.strictObject({
  role: z.string(),
  path: z.array(z.string()).min(1),
  binOf: z.string().optional(),
  keyIds: z.array(keyId).min(1),
  threshold: z.int(),
  version: z.int(),
  since: time.nullable(),
  expires: time,
});

const registry = z.strictObject({ digest: digest.nullable(), differs: z.boolean() });

export const verificationSchema = z.strictObject({
  decision: decisionSchema,
  trust: trust.nullable(),
  vouchedBy: z.array(vouch),
  registry,
  exitCode: z.int(),
});

export const pulledSchema = verificationSchema.extend({
  pulled: z
    .strictObject({
      with: z.enum(['oci', 'skopeo', 'podman', 'docker', 'nerdctl']),
      reference: z.string().regex(/@sha256:[0-9a-f]{64}$/),
      to: z.string().nullable(),
      retagged: z.string().nullable(),
    })
    .nullable(),
});

export const inspectionSchema = z.strictObject({
  repository: z.string(),
  trust,
  roles: z.array(
    z.strictObject({
      role: z.string(),
      delegator: z.string().optional(),
      keyIds: z.array(keyId),
      canonicalKeyIds: z.array(keyId).optional(),
      paths: z.array(z.string()).optional(),
      threshold: z.int(),
      version: z.int(),
      expires: time.nullable(),
      problem: z.string().optional(),
    }),
  ),
  tags: z.array(
    z.strictObject({
      tag: z.string(),
      digest,
      size: z.int(),
      vouchedBy: z.array(vouch).length(1),
      signers: z.array(z.string()).optional(),
      registry,
      revoked: z.boolean(),
    }),
  ),
  notImages: z.array(z.strictObject({ path: z.string(), why: z.string() })).optional(),
  revocations: z.looseObject({ status: z.enum(['known', 'unknown', 'absent']) }),
});
