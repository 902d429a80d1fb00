/**
 * What a repository was created with, beyond its metadata. What is new here is optional: rows of before have none of
 * it, and a program of before refuses what it does not know.
 */
import type { DialectName } from '@vidimus/tuf';
import { z } from 'zod';

const dayMs = 86_400_000;
/** Clients of Notary v1 warn of all that ends within half a year, and its server signs for three. */
const notaryLifetimeMs = 1_095 * dayMs;

const settingsSchema = z.strictObject({
  /** Hex SHA-256 of the normalised creation request: the same request again is not a conflict. */
  request: z.string(),
  digestRetentionMs: z.int().min(0),
  /** Lifetime of new versions by role, milliseconds. */
  lifetimesMs: z.record(z.string(), z.int().min(1)),
  /** Threshold of the role `revocations`, which root does not name. */
  revocationsThreshold: z.int().min(1),
  /** Key ids whose private half the service holds; all others are a client's. */
  managed: z.array(z.string()),
  /** Made by an upload of a Notary client, who holds root and targets; absent: over REST. */
  origin: z.literal('notary').optional(),
  /** The `tuf` dialect repeats what was published in the other one, and vouches for nothing itself. */
  mirrored: z.literal(true).optional(),
  /** The root of the mirrored dialect lists other keys than the one that it repeats, which has moved on. */
  outdatedRoot: z.literal(true).optional(),
  /** Restored from a backup of that moment: read-only until it is known how far it had come. */
  restored: z.strictObject({ backup: z.string() }).optional(),
  /** Versions of roles that are new here begin above this, because a restore does not know which there were. */
  versionFloor: z.int().min(1).optional(),
  /** Brought over from another Notary server: until that is final it is read-only here, since the other one signs. */
  migration: z
    .strictObject({
      final: z.boolean(),
      /** The last record of the source's change feed that is here, by the source's id. */
      changes: z.int().min(0),
    })
    .optional(),
});

/** What an edit changes of them. */
export const settingsPartSchema = settingsSchema
  .pick({ lifetimesMs: true, revocationsThreshold: true })
  .partial();
export type SettingsPart = Readonly<z.infer<typeof settingsPartSchema>>;

export type RepositorySettings = Readonly<z.infer<typeof settingsSchema>>;

/** Reads the column `settings`. */
export function parseSettings(value: unknown): RepositorySettings {
  return settingsSchema.parse(value);
}

/**
 * Lifetimes of new versions by role, milliseconds, as a dialect has them: in `notary` the timestamp alone says how fresh
 * everything below root is.
 */
export function lifetimesIn(
  { lifetimesMs }: Pick<RepositorySettings, 'lifetimesMs'>,
  dialect: DialectName,
): ReadonlyMap<string, number> {
  const lifetimes = new Map(Object.entries(lifetimesMs));
  if (dialect === 'tuf') return lifetimes;
  for (const role of new Set(['targets', 'snapshot', ...lifetimes.keys()])) {
    if (role === 'root' || role === 'timestamp') continue;
    lifetimes.set(role, Math.max(lifetimes.get(role) ?? 0, notaryLifetimeMs));
  }
  return lifetimes;
}
