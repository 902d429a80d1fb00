/** What the REST API answers about keys, roles, delegations and jobs (CONTRACTS C3, C5). Members added later are ignored. */
import { z } from 'zod';

const Versions = z.record(z.string(), z.int());
const Time = z.string();

const RoleSchema = z.object({
  custody: z.enum(['managed', 'client', 'mixed']),
  threshold: z.int(),
  keyIds: z.array(z.string()),
  independentCustodians: z.int().optional(),
});

/** `GET /roles/<role>`. */
export const RoleDetailSchema = RoleSchema.extend({
  role: z.string(),
  /** Absent while its present keys have signed no file. */
  version: z.int().optional(),
  expires: Time.optional(),
  expiresAfter: z.string(),
  paths: z.array(z.string()).optional(),
  terminating: z.boolean().optional(),
});
export type RoleDetail = z.infer<typeof RoleDetailSchema>;

/** `GET /delegations/<name>`. */
export const DelegationDetailSchema = z.object({
  name: z.string(),
  /** Role names from targets to this one. */
  path: z.array(z.string()),
  signers: z.array(z.object({ name: z.string(), keys: z.array(z.unknown()) })),
  threshold: z.int(),
  paths: z.array(z.string()),
  terminating: z.boolean(),
  custody: z.enum(['managed', 'client', 'mixed']),
  keys: z.array(
    z.object({
      keyId: z.string(),
      dialect: z.string(),
      signer: z.string(),
      custody: z.enum(['managed', 'client']),
    }),
  ),
  tagCount: z.int(),
  /** Absent while its present keys have signed no file. */
  version: z.int().optional(),
  expires: Time.optional(),
});
export type DelegationDetail = z.infer<typeof DelegationDetailSchema>;

/** A rotation, or a change of lifetime or threshold, that took effect. */
export const RotatedSchema = z.object({ published: Versions, role: RoleSchema.optional() });
export type Rotated = z.infer<typeof RotatedSchema>;

/** A delegation that was written or taken away. */
export const DelegatedSchema = z.object({
  published: Versions,
  changed: z
    .object({
      keysAdded: z.array(z.string()).default([]),
      keysRemoved: z.array(z.string()).default([]),
      tagsResigned: z.int().default(0),
      tagsNowBelowThreshold: z.array(z.string()).default([]),
      /** Tags that nobody vouches for any more, or another role does. */
      tagsGone: z.array(z.string()).default([]),
    })
    .optional(),
});
export type Delegated = z.infer<typeof DelegatedSchema>;

/** A key of one repository. */
export const KeyDetailSchema = z.object({
  keyId: z.string(),
  aliases: z.array(z.string()).default([]),
  type: z.string(),
  custody: z.enum(['managed', 'client']),
  /** In the server's words. */
  signer: z.string().nullish(),
  roles: z.array(z.string()),
  dialects: z.array(z.string()).default([]),
  createdAt: Time.nullish(),
  lastUsed: Time.nullish(),
  revokedAt: Time.nullish(),
});
export type KeyDetail = z.infer<typeof KeyDetailSchema>;

/** A key wherever it is listed. */
export const FleetKeySchema = KeyDetailSchema.extend({ repositories: z.object({ total: z.int() }) });
export type FleetKey = z.infer<typeof FleetKeySchema>;

/** What the revocation of a key would do in one repository. */
export const KeyImpactSchema = z.object({
  key: z.string(),
  signer: z.string().nullish(),
  roles: z.array(
    z.object({
      role: z.string(),
      dialects: z.array(z.string()),
      threshold: z.int(),
      keysLeft: z.int(),
      breaks: z.boolean(),
    }),
  ),
  tagsOnlyByThisKey: z.array(z.string()),
  openChanges: z.array(z.string()),
  usable: z.boolean(),
  needs: z.enum(['nothing', 'replacement', 'threshold', 'force']),
  waitsFor: z
    .array(z.object({ role: z.string(), missing: z.int(), mayStillSign: z.array(z.string()) }))
    .default([]),
  clientsRefuseBy: Time.nullish(),
});
export type KeyImpact = z.infer<typeof KeyImpactSchema>;

/** A revocation that was published. */
export const KeyRevokedSchema = KeyImpactSchema.extend({
  published: Versions,
  /** The change that others must sign. */
  openChange: z.string().optional(),
});
export type KeyRevoked = z.infer<typeof KeyRevokedSchema>;

const FleetItemSchema = KeyImpactSchema.extend({
  repository: z.string(),
  verdict: z.enum(['safe', 'needSignatures', 'break']),
});
export type FleetImpactItem = z.infer<typeof FleetItemSchema>;

/** A page of what it would do in every repository that lists the key and that the caller may read. */
export const FleetImpactSchema = z.object({
  key: z.string(),
  signer: z.string().nullish(),
  repositories: z.object({
    total: z.int(),
    safe: z.int(),
    needSignatures: z.int(),
    break: z.int(),
    denied: z.int().default(0),
  }),
  tags: z.object({ onlyThisKey: z.int() }).optional(),
  openChanges: z.array(z.string()).default([]),
  clientsRefuseBy: Time.nullish(),
  items: z.array(FleetItemSchema).max(1_000),
  next: z.string().nullish(),
});
export type FleetImpact = z.infer<typeof FleetImpactSchema>;

/** Repositories that need somebody, as far as one page goes, and counts over all. */
export const AttentionSchema = z.object({
  items: z
    .array(
      z.object({
        repository: z.string(),
        problems: z.array(
          z.object({
            code: z.string(),
            role: z.string().optional(),
            dialect: z.string().optional(),
            expires: z.string().optional(),
            heldBy: z.array(z.string()).optional(),
            fix: z.string(),
          }),
        ),
      }),
    )
    .max(1_000),
  next: z.string().nullish(),
  summary: z.object({ repositories: z.int(), pendingChanges: z.int() }),
});
export type Attention = z.infer<typeof AttentionSchema>;

/** A revocation in many repositories, as far as it has come. */
export const JobSchema = z.object({
  job: z.string(),
  state: z.enum(['running', 'finished']),
  done: z.int(),
  total: z.int(),
  published: z.int(),
  changes: z.array(z.string()),
  refused: z.array(z.object({ repository: z.string(), code: z.string(), message: z.string() })),
  hidden: z.int().default(0),
});
export type Job = z.infer<typeof JobSchema>;
