/** Keys: where they are listed, what their revocation would break, and the revocation itself (CONTRACTS C5). */
import { z } from '@hono/zod-openapi';
import {
  dialectSchema,
  keyEntrySchema,
  keyIdSchema,
  reasonSchema,
  thresholdSchema,
  timeSchema,
  versionsSchema,
} from './primitives.ts';

const keyShape = {
  keyId: keyIdSchema,
  /** Other ids of the same key: of the other dialect, of its certificate, of the public key itself. */
  aliases: z.array(keyIdSchema),
  type: z.string(),
  custody: z.enum(['managed', 'client']),
  /** Rests on the server's word. */
  signer: z.string().optional(),
  /** That list it now. */
  roles: z.array(z.string()),
  dialects: z.array(dialectSchema),
  /** That listed it before. */
  formerRoles: z.array(z.string()),
  createdAt: timeSchema,
  /** Null: nothing that is current or was collected is signed by it. */
  lastUsed: timeSchema.nullable(),
  revokedAt: timeSchema.optional(),
  reason: z.string().optional(),
} as const;
/** One key of a repository. */
export const keySchema = z.object(keyShape).openapi('Key');
export type KeyDetail = z.infer<typeof keySchema>;
/** One key wherever it is listed. */
export const fleetKeySchema = z
  .object({
    ...keyShape,
    repositories: z.object({ total: z.int().min(0) }),
    items: z.array(z.object({ repository: z.string(), roles: z.array(z.string()) })),
    next: z.string().nullable(),
  })
  .openapi('FleetKey');
export type FleetKey = Omit<z.infer<typeof fleetKeySchema>, 'next'>;

export const needsSchema = z.enum(['nothing', 'replacement', 'threshold', 'force']);
export type Needs = z.infer<typeof needsSchema>;
const roleImpactSchema = z.object({
  role: z.string(),
  dialects: z.array(dialectSchema),
  /** Afterwards. */
  threshold: z.int().min(1),
  keysLeft: z.int().min(0),
  breaks: z.boolean(),
});
/** What the revocation of a key would do, and what one did. */
export const keyImpactSchema = z
  .object({
    key: keyIdSchema,
    signer: z.string().optional(),
    roles: z.array(roleImpactSchema),
    /** Refused by clients from their next refresh on, until others sign them. */
    tagsOnlyByThisKey: z.array(z.string()),
    /** Open changes that carry its signature, or wait for it: they become stale. */
    openChanges: z.array(z.string()),
    usable: z.boolean(),
    needs: needsSchema,
    /** Roles that others must sign anew. */
    waitsFor: z.array(
      z.object({ role: z.string(), missing: z.int().min(0), mayStillSign: z.array(z.string()) }),
    ),
    /** When the last client that holds older metadata stops to believe it. */
    clientsRefuseBy: timeSchema,
  })
  .openapi('KeyImpact');
export type KeyImpact = z.infer<typeof keyImpactSchema>;

export const verdictSchema = z.enum(['safe', 'needSignatures', 'break']);
export type Verdict = z.infer<typeof verdictSchema>;
const fleetImpactItemSchema = keyImpactSchema
  .extend({ repository: z.string(), verdict: verdictSchema })
  .openapi('FleetImpactItem');
export type FleetImpactItem = z.infer<typeof fleetImpactItemSchema>;
const countsSchema = z.object({
  total: z.int().min(0),
  safe: z.int().min(0),
  needSignatures: z.int().min(0),
  break: z.int().min(0),
  /** Among `total`: those that the caller may not touch. */
  denied: z.int().min(0),
});
export type ImpactCounts = z.infer<typeof countsSchema>;
export const fleetImpactSchema = z
  .object({
    key: keyIdSchema,
    signer: z.string().optional(),
    repositories: countsSchema,
    tags: z.object({ onlyThisKey: z.int().min(0) }),
    openChanges: z.array(z.string()),
    clientsRefuseBy: timeSchema.nullable(),
    items: z.array(fleetImpactItemSchema),
    next: z.string().nullable(),
  })
  .openapi('FleetKeyImpact');
export type FleetImpact = Omit<z.infer<typeof fleetImpactSchema>, 'next'>;

/** Body of a revocation, in one repository or in all. */
export const revokeKeySchema = z
  .strictObject({
    reason: reasonSchema,
    compromisedSince: z.iso.datetime({ precision: 0 }).optional(),
    replacement: keyEntrySchema.optional(),
    /** Of every role that lists the key; absent: as it is. */
    threshold: thresholdSchema.optional(),
    /** Lower thresholds that nobody could meet any more to the keys that are left; let the key sign its own end. */
    force: z.boolean().optional(),
    expect: z.strictObject({ break: z.int().min(0) }).optional(),
  })
  .openapi('RevokeKey');
export type RevokeKey = z.infer<typeof revokeKeySchema>;
/** What a revocation that was published answers. */
export const keyRevokedSchema = keyImpactSchema
  .extend({
    published: versionsSchema,
    /** The change that others must sign: until then clients refuse what it signs. */
    openChange: z.string().optional(),
  })
  .openapi('KeyRevoked');
export type KeyRevoked = z.infer<typeof keyRevokedSchema>;
