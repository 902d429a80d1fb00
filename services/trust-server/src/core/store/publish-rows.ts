/**
 * What a publish writes, as one statement: files and which are current, events and their index by tag, the row of the
 * repository, and the announcement. Rows come as JSON, so that the statement is the same for any number of them and
 * the server plans it once.
 */
import { type Queries, queryRows, type Row } from '@vidimus/database';
import { sql } from 'drizzle-orm';
import type { ChainedEvent } from '../audit/event-chain.ts';
import { type Announcement, PUBLISHED_CHANNEL, printAnnouncement } from '../publish/announce.ts';
import type { Incarnation, MetadataRow } from './metadata.ts';
import type { RepositoryMove } from './repositories.ts';

export interface PublishRows {
  readonly files: readonly MetadataRow[];
  readonly events: readonly ChainedEvent[];
  /** When the events happened, milliseconds since 1970. */
  readonly atMs: number;
  /** What moves on the repository's row. */
  readonly move: RepositoryMove;
  /** Told to all replicas when the transaction commits. */
  readonly announcement: Announcement;
}

/**
 * Stores it; the caller holds the repository's lock. Foreign keys are looked at when the statement ends, so that the
 * order of its parts, which PostgreSQL leaves open, does not matter.
 */
export function writePublish(
  tx: Queries,
  { repository, incarnation }: Incarnation,
  { files, events, atMs, move, announcement }: PublishRows,
): Promise<readonly Row[]> {
  const at = new Date(atMs);
  return queryRows(
    tx,
    sql`with files as materialized (
      select * from json_to_recordset(${JSON.stringify(files.map(toFile))}::text::json) as f(
        dialect text, role text, version int8, bytes text, sha256 text,
        issued_at timestamptz, expires_at timestamptz, resign_after timestamptz)
    ), stored as (
      insert into trust_metadata
        (repository, incarnation, dialect, role, version, bytes, sha256, issued_at, expires_at)
      select ${repository}, ${incarnation}::int, dialect, role, version, decode(bytes, 'base64'), sha256,
        issued_at, expires_at from files
    ), heads as (
      insert into trust_heads
        (repository, incarnation, dialect, role, version, sha256, expires_at, resign_after)
      select ${repository}, ${incarnation}::int, dialect, role, version, sha256, expires_at, resign_after from files
      on conflict (repository, incarnation, dialect, role) do update set version = excluded.version,
        sha256 = excluded.sha256, expires_at = excluded.expires_at, resign_after = excluded.resign_after
    ), events as (
      insert into trust_events (id, repository, incarnation, seq, at, action, actor, request_id, change,
        versions, before, after, result, prev_hash, hash)
      select id, ${repository}, ${incarnation}::int, seq, ${at.toISOString()}::timestamptz, action, actor,
        "requestId", change, versions, before, after, result, "prevHash", hash
      from json_to_recordset(${JSON.stringify(events.map(toEvent))}::text::json) as e(
        id text, seq int8, action text, actor text, "requestId" text, change text,
        versions jsonb, before jsonb, after jsonb, result text, "prevHash" text, hash text)
    ), tags as (
      insert into trust_event_tags (repository, incarnation, tag, seq)
      select ${repository}, ${incarnation}::int, tag, seq
      from json_to_recordset(${JSON.stringify(events.flatMap(toEventTags))}::text::json) as t(tag text, seq int8)
    ), roles as (
      insert into trust_event_roles (repository, incarnation, role, seq)
      select ${repository}, ${incarnation}::int, role, seq
      from json_to_recordset(${JSON.stringify(events.flatMap(toEventRoles))}::text::json) as t(role text, seq int8)
    ), moved as (
      update trust_repositories as r set log_size = m.log_size, log_hash = m.log_hash,
        tag_count = coalesce(m.tag_count, r.tag_count), activated_at = coalesce(m.activated_at, r.activated_at),
        ended_at = coalesce(m.ended_at, r.ended_at), dialects = coalesce(m.dialects, r.dialects),
        settings = coalesce(m.settings, r.settings)
      from json_to_record(${JSON.stringify(toMove(move))}::text::json) as m(log_size int8, log_hash text, tag_count int,
        activated_at timestamptz, ended_at timestamptz, dialects text[], settings jsonb)
      where r.repository = ${repository} and r.incarnation = ${incarnation}::int
    ) select pg_notify(${PUBLISHED_CHANNEL}, ${printAnnouncement(announcement)})`,
  );
}

function toFile(row: MetadataRow): object {
  const { dialect, role, version, bytes, sha256, issuedMs, expiresMs, resignAfterMs } = row;
  return {
    dialect,
    role,
    version,
    bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'),
    sha256,
    issued_at: new Date(issuedMs),
    expires_at: new Date(expiresMs),
    resign_after: orAbsent(resignAfterMs),
  };
}

function toEvent({ body, seq, prevHash, hash }: ChainedEvent): object {
  return { ...body, seq, prevHash, hash };
}

function toEventTags({ seq, tags }: ChainedEvent): readonly object[] {
  return tags.map((tag) => ({ tag, seq }));
}

function toEventRoles({ seq, roles }: ChainedEvent): readonly object[] {
  return roles.map((role) => ({ role, seq }));
}

function toMove({ log, tagCount, activatedAtMs, endedAtMs, dialects, settings }: RepositoryMove): object {
  return {
    log_size: log.size,
    log_hash: log.hash,
    tag_count: tagCount,
    activated_at: orAbsent(activatedAtMs),
    ended_at: orAbsent(endedAtMs),
    dialects,
    settings,
  };
}

/** A member that is undefined is not written, and a column that is not there is null. */
function orAbsent(ms: number | undefined): Date | undefined {
  return ms === undefined ? undefined : new Date(ms);
}
