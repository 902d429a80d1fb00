/** Rows of `trust_tags`: what current metadata vouches for, kept beside the signed bytes for people's questions. */
import type { JsonObject } from '@vidimus/canonical-json';
import { type Queries, trustTags } from '@vidimus/database';
import { and, asc, eq, gt, inArray, type SQL, sql } from 'drizzle-orm';
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

/**
 * Writes rows over those of the same tag. The time, actor and change of a tag are about its digest: they stay while
 * that does.
 */
export async function writeTags(
  tx: Queries,
  { repository, incarnation }: Incarnation,
  rows: readonly TagRow[],
): Promise<void> {
  if (rows.length === 0) return;
  const given = rows.map(({ sinceMs, ...row }) => ({ ...row, since: new Date(sinceMs) }));
  await tx.execute(sql`insert into trust_tags as t (repository, incarnation, role, tag, digest, size, media_type,
      platforms, custom, since, since_version, actor, change, listed_by)
    select ${repository}, ${incarnation}::int, ${TAG_ROLE}, tag, digest, size, "mediaType", platforms, custom, since,
      "sinceVersion", actor, change, "listedBy"
    from json_to_recordset(${JSON.stringify(given)}::text::json) as g(tag text, digest text, size int8,
      "mediaType" text, platforms jsonb, custom jsonb, since timestamptz, "sinceVersion" int8, actor text,
      change text, "listedBy" text)
    on conflict (repository, incarnation, role, tag) do update set digest = excluded.digest, size = excluded.size,
      media_type = excluded.media_type, platforms = excluded.platforms, custom = excluded.custom,
      listed_by = excluded.listed_by,
      since = case when t.digest = excluded.digest then t.since else excluded.since end,
      since_version = case when t.digest = excluded.digest then t.since_version else excluded.since_version end,
      actor = case when t.digest = excluded.digest then t.actor else excluded.actor end,
      change = case when t.digest = excluded.digest then t.change else excluded.change end`);
}

/** Takes rows away. */
export async function deleteTags(
  tx: Queries,
  { repository, incarnation }: Incarnation,
  names: readonly string[],
): Promise<void> {
  if (names.length === 0) return;
  await tx.execute(sql`delete from trust_tags where repository = ${repository} and incarnation = ${incarnation}
    and role = ${TAG_ROLE} and tag in (select json_array_elements_text(${JSON.stringify(names)}::text::json))`);
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
