/** What the REST API answers about keys, roles, delegations and jobs (CONTRACTS C3, C5). Members added later are ignored. */
import { z } from 'zod';

const Versions = z.record(z.string(), z.int());
const Time = z.string();
const Custody = z.enum(['managed', 'client', 'mixed']);

const RoleSchema = z.object({
  custody: Custody,
  threshold: z.int(),
  keyIds: z.array(z.string()),
  independentCustodians: z.int().optional(),
});

/** `GET /roles/<role>`. */
export const RoleDetailSchema = RoleSchema.extend({
  role: z.string(),
  version: z.int(),
  expires: Time,
  expiresAfter: z.string(),
  paths: z.array(z.string()).optional(),
  terminating: z.boolean().optional(),
});
export type RoleDetail = z.infer<typeof RoleDetailSchema>;

/** A rotation, a change of lifetime or threshold that took effect. */
export const RotatedSchema = z.object({ published: Versions, role: RoleSchema.optional() });
export type Rotated = z.infer<typeof RotatedSchema>;

/** A delegation that was written or taken away. */
export const DelegatedSchema = z.object({
  published: Versions,
  changed: z
    .object({
      keysAdded: z.array(z.string()),
      keysRemoved: z.array(z.string()),
      tagsResigned: z.int().optional(),
      tagsNowBelowThreshold: z.array(z.string()).optional(),
    })
    .optional(),
});
export type Delegated = z.infer<typeof DelegatedSchema>;

/** One key of one repository, or of all. */
export const KeyDetailSchema = z.object({
  keyId: z.string(),
  aliases: z.array(z.string()).default([]),
  type: z.string(),
  custody: Custody,
  signer: z.string().nullish(),
  roles: z.array(z.union([z.string(), z.looseObject({ role: z.string() })])),
  createdAt: Time.nullish(),
  lastUsed: Time.nullish(),
  revokedAt: Time.nullish(),
});
export type KeyDetail = z.infer<typeof KeyDetailSchema>;

/** What the revocation of a key would do, or did, in one repository. */
export const ImpactSchema = z.object({
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
  needs: z.string(),
  clientsRefuseBy: Time.nullish(),
  published: Versions.optional(),
});
export type KeyImpact = z.infer<typeof ImpactSchema>;

const FleetItemSchema = z.object({
  repository: z.string(),
  verdict: z.string().optional(),
  role: z.string().optional(),
  roles: z
    .array(
      z.object({ role: z.string(), threshold: z.int(), keysLeft: z.int(), breaks: z.boolean().optional() }),
    )
    .default([]),
  tagsOnlyByThisKey: z.array(z.string()).default([]),
  missing: z.int().optional(),
  mayStillSign: z.array(z.string()).default([]),
  openChanges: z.array(z.string()).default([]),
});

/** The same over every repository that lists the key and that the caller may read. */
export const FleetImpactSchema = z.object({
  key: z.string(),
  signer: z.string().nullish(),
  repositories: z.object({ total: z.int(), safe: z.int(), needSignatures: z.int(), break: z.int() }),
  openChanges: z.array(z.string()).default([]),
  clientsRefuseBy: Time.nullish(),
  items: z.array(FleetItemSchema),
  next: z.string().nullish(),
});
export type FleetImpact = z.infer<typeof FleetImpactSchema>;
export type FleetImpactItem = z.infer<typeof FleetItemSchema>;

const RefusedItem = z.union([
  z.string(),
  z.looseObject({ repository: z.string(), code: z.string().optional(), message: z.string().optional() }),
]);

/** A revocation in many repositories, as far as it has come. */
export const JobSchema = z.object({
  job: z.string(),
  state: z.string(),
  done: z.int().default(0),
  total: z.int().default(0),
  published: z.int().default(0),
  changes: z.array(z.string()).default([]),
  refused: z.array(RefusedItem).default([]),
});
export type Job = z.infer<typeof JobSchema>;
