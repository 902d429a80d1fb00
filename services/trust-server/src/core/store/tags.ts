/** Rows of `trust_tags`: what current metadata vouches for, kept beside the signed bytes for people's questions. */
import type { JsonObject } from '@vidimus/canonical-json';
import { type Queries, trustTags } from '@vidimus/database';
import { type AnyColumn, and, asc, eq, gt, inArray, type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Incarnation } from './metadata.ts';

/** Tags are the business of top-level targets, whatever its layout: `role` is `targets` also when a bin lists them. */
export const TAG_ROLE = 'targets';

export interface TagRow {
  readonly tag: string;
  /** `sha256:<hex>` */
  readonly digest: string;
  readonly size: number;
  readonly mediaType?: string;
  readonly platforms?: readonly string[];
  readonly custom?: JsonObject;
  readonly sinceMs: number;
  /** Version of the listing role that first named this digest. */
  readonly sinceVersion: number;
  readonly actor: string;
  readonly change?: string;
  /** The delegated role that lists it, where top-level targets does not. */
  readonly listedBy?: string;
}

const namesPerQuery = 5_000;
const rowsPerInsert = 2_000;

const columns = {
  tag: trustTags.tag,
  digest: trustTags.digest,
  size: trustTags.size,
  mediaType: trustTags.mediaType,
  platforms: trustTags.platforms,
  custom: trustTags.custom,
  since: trustTags.since,
  sinceVersion: trustTags.sinceVersion,
  actor: trustTags.actor,
  change: trustTags.change,
  listedBy: trustTags.listedBy,
};

const platformsSchema = z.array(z.string());
const customSchema = z.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
);

const of = ({ repository, incarnation }: Incarnation): SQL | undefined =>
  and(
    eq(trustTags.repository, repository),
    eq(trustTags.incarnation, incarnation),
    eq(trustTags.role, TAG_ROLE),
  );

/** The rows of these names, as far as there are any. */
export async function readTags(
  queries: Queries,
  at: Incarnation,
  names: readonly string[],
): Promise<readonly TagRow[]> {
  const rows: TagRow[] = [];
  for (let from = 0; from < names.length; from += namesPerQuery) {
    const lot = names.slice(from, from + namesPerQuery);
    const found = await queries
      .select(columns)
      .from(trustTags)
      .where(and(of(at), inArray(trustTags.tag, lot)));
    rows.push(...found.map(toTag));
  }
  return rows;
}

/** Every row of an incarnation. */
export async function readAllTags(queries: Queries, at: Incarnation): Promise<readonly TagRow[]> {
  const rows = await queries.select(columns).from(trustTags).where(of(at));
  return rows.map(toTag);
}

/** Every tag that names one of these digests. */
export async function readTagsOfDigests(
  queries: Queries,
  at: Incarnation,
  digests: readonly string[],
): Promise<readonly TagRow[]> {
  if (digests.length === 0) return [];
  const rows = await queries
    .select(columns)
    .from(trustTags)
    .where(and(of(at), inArray(trustTags.digest, [...digests])));
  return rows.map(toTag);
}

/** Tags in the order of their bytes, after `after`. */
export async function pageTags(
  queries: Queries,
  at: Incarnation,
  limit: number,
  after: string | undefined,
): Promise<readonly TagRow[]> {
  const rows = await queries
    .select(columns)
    .from(trustTags)
    .where(and(of(at), after === undefined ? undefined : gt(trustTags.tag, after)))
    .orderBy(asc(trustTags.tag))
    .limit(limit);
  return rows.map(toTag);
}

/** The time, actor and change of a tag are about its digest: they stay while that does. */
const withDigest = (column: AnyColumn): SQL =>
  sql`case when ${trustTags.digest} = excluded.digest then ${column} else excluded.${sql.identifier(column.name)} end`;

/** Writes rows over those of the same tag. */
export async function writeTags(tx: Queries, at: Incarnation, rows: readonly TagRow[]): Promise<void> {
  for (let from = 0; from < rows.length; from += rowsPerInsert) {
    await tx
      .insert(trustTags)
      .values(
        rows.slice(from, from + rowsPerInsert).map((row) => ({
          repository: at.repository,
          incarnation: at.incarnation,
          role: TAG_ROLE,
          tag: row.tag,
          digest: row.digest,
          size: row.size,
          mediaType: row.mediaType ?? null,
          platforms: row.platforms ?? null,
          // drizzle asks values for their constructor, which strictly parsed JSON does not have.
          custom: row.custom === undefined ? null : { ...row.custom },
          since: new Date(row.sinceMs),
          sinceVersion: row.sinceVersion,
          actor: row.actor,
          change: row.change ?? null,
          listedBy: row.listedBy ?? null,
        })),
      )
      .onConflictDoUpdate({
        target: [trustTags.repository, trustTags.incarnation, trustTags.role, trustTags.tag],
        set: {
          digest: sql`excluded.digest`,
          size: sql`excluded.size`,
          mediaType: sql`excluded.media_type`,
          platforms: sql`excluded.platforms`,
          custom: sql`excluded.custom`,
          since: withDigest(trustTags.since),
          sinceVersion: withDigest(trustTags.sinceVersion),
          actor: withDigest(trustTags.actor),
          change: withDigest(trustTags.change),
          listedBy: sql`excluded.listed_by`,
        },
      });
  }
}

/** Takes rows away. */
export async function deleteTags(tx: Queries, at: Incarnation, names: readonly string[]): Promise<void> {
  for (let from = 0; from < names.length; from += namesPerQuery) {
    await tx
      .delete(trustTags)
      .where(and(of(at), inArray(trustTags.tag, names.slice(from, from + namesPerQuery))));
  }
}

interface RawTag {
  readonly tag: string;
  readonly digest: string;
  readonly size: number;
  readonly mediaType: string | null;
  readonly platforms: unknown;
  readonly custom: unknown;
  readonly since: Date;
  readonly sinceVersion: number;
  readonly actor: string;
  readonly change: string | null;
  readonly listedBy: string | null;
}

function toTag(row: RawTag): TagRow {
  return {
    tag: row.tag,
    digest: row.digest,
    size: row.size,
    ...(row.mediaType === null ? {} : { mediaType: row.mediaType }),
    ...(row.platforms === null ? {} : { platforms: platformsSchema.parse(row.platforms) }),
    ...(row.custom === null ? {} : { custom: customSchema.parse(row.custom) }),
    sinceMs: row.since.getTime(),
    sinceVersion: row.sinceVersion,
    actor: row.actor,
    ...(row.change === null ? {} : { change: row.change }),
    ...(row.listedBy === null ? {} : { listedBy: row.listedBy }),
  };
}
