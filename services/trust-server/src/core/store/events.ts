/** Rows of `trust_events` and what leads to them by tag and by role: append-only. */
import type { JsonValue } from '@vidimus/canonical-json';
import { type Queries, trustEventRoles, trustEvents, trustEventTags } from '@vidimus/database';
import { and, desc, eq, isNull, lt, or, type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import type { AuditEvent } from '../../schemas/index.ts';
import type { ChainedEvent } from '../audit/event-chain.ts';
import { printTime } from '../instants.ts';
import type { Incarnation } from './metadata.ts';
import type { LogHead } from './repositories.ts';

const rowsPerInsert = 1_000;

/** An event as read, with what pages continue from. */
export interface StoredEvent {
  readonly event: AuditEvent;
  readonly incarnation: number;
  readonly seq: number;
  readonly atMs: number;
}

const columns = {
  id: trustEvents.id,
  repository: trustEvents.repository,
  incarnation: trustEvents.incarnation,
  seq: trustEvents.seq,
  at: trustEvents.at,
  action: trustEvents.action,
  actor: trustEvents.actor,
  requestId: trustEvents.requestId,
  change: trustEvents.change,
  versions: trustEvents.versions,
  before: trustEvents.before,
  after: trustEvents.after,
  result: trustEvents.result,
  prevHash: trustEvents.prevHash,
  hash: trustEvents.hash,
};

const versionsSchema = z.record(z.string(), z.int());
const resultSchema = z.enum(['done', 'refused']);

/** Whose chain events continue: an incarnation's, or the service's own. */
export type Chain = Incarnation | { readonly repository: null; readonly incarnation: null };

/** Appends events; the caller holds the chain's lock and, of a repository, moves its log head. */
export async function insertEvents(
  tx: Queries,
  { repository, incarnation }: Chain,
  events: readonly ChainedEvent[],
  atMs: number,
): Promise<void> {
  const statements: PromiseLike<unknown>[] = [];
  for (let from = 0; from < events.length; from += rowsPerInsert) {
    const stored = tx.insert(trustEvents).values(
      events.slice(from, from + rowsPerInsert).map(({ body, seq, prevHash, hash }) => ({
        id: body.id,
        repository,
        incarnation,
        seq,
        at: new Date(atMs),
        action: body.action,
        actor: body.actor,
        requestId: body.requestId,
        change: body.change ?? null,
        versions: body.versions ?? null,
        before: orNull(body.before),
        after: orNull(body.after),
        result: body.result,
        prevHash,
        hash,
      })),
    );
    statements.push(stored);
  }
  if (repository !== null) {
    const at = { repository, incarnation };
    const tags = events.flatMap(({ seq, tags: names }) => names.map((tag) => ({ ...at, tag, seq })));
    for (let from = 0; from < tags.length; from += rowsPerInsert) {
      statements.push(tx.insert(trustEventTags).values(tags.slice(from, from + rowsPerInsert)));
    }
    const roles = events.flatMap(({ seq, roles: names }) => names.map((role) => ({ ...at, role, seq })));
    for (let from = 0; from < roles.length; from += rowsPerInsert) {
      statements.push(tx.insert(trustEventRoles).values(roles.slice(from, from + rowsPerInsert)));
    }
  }
  // Sent in this order over one connection, in one round trip: a tag's entry refers to its event.
  await Promise.all(statements);
}

/** Where the service's own chain ends; undefined before its first event. */
export async function readServiceHead(tx: Queries): Promise<LogHead | undefined> {
  const [row] = await tx
    .select({ size: trustEvents.seq, hash: trustEvents.hash })
    .from(trustEvents)
    .where(and(isNull(trustEvents.repository), isNull(trustEvents.incarnation)))
    // In the order of the index: a null is no constant to the planner.
    .orderBy(desc(trustEvents.repository), desc(trustEvents.incarnation), desc(trustEvents.seq))
    .limit(1);
  return row;
}

/** Place in a repository's events, all incarnations. */
export interface EventPlace {
  readonly incarnation: number;
  readonly seq: number;
}

/** Events of one repository, newest first. */
export async function pageEvents(
  queries: Queries,
  repository: string,
  limit: number,
  before: EventPlace | undefined,
): Promise<readonly StoredEvent[]> {
  const rows = await queries
    .select(columns)
    .from(trustEvents)
    .where(and(eq(trustEvents.repository, repository), before && older(before)))
    .orderBy(desc(trustEvents.incarnation), desc(trustEvents.seq))
    .limit(limit);
  return rows.map(toStored);
}

/** The last event of one kind in an incarnation. */
export async function lastEventOf(
  queries: Queries,
  { repository, incarnation }: Incarnation,
  action: string,
): Promise<StoredEvent | undefined> {
  const [row] = await queries
    .select(columns)
    .from(trustEvents)
    .where(
      and(
        eq(trustEvents.repository, repository),
        eq(trustEvents.incarnation, incarnation),
        eq(trustEvents.action, action),
      ),
    )
    .orderBy(desc(trustEvents.seq))
    .limit(1);
  return row === undefined ? undefined : toStored(row);
}

/**
 * Everything that touched a tag, newest first: what was done to it; what was done, since it is there, to keys,
 * thresholds and paths of the roles that ever vouched for it; and revocations of digests that it ever named.
 */
export async function pageTagEvents(
  queries: Queries,
  repository: string,
  tag: string,
  limit: number,
  before: EventPlace | undefined,
): Promise<readonly StoredEvent[]> {
  const own = queries.$with('own').as(
    queries
      .select({
        incarnation: trustEvents.incarnation,
        seq: trustEvents.seq,
        before: sql`${trustEvents.before}`.as('said_before'),
        after: sql`${trustEvents.after}`.as('said_after'),
      })
      .from(trustEventTags)
      .innerJoin(
        trustEvents,
        and(
          eq(trustEvents.repository, trustEventTags.repository),
          eq(trustEvents.incarnation, trustEventTags.incarnation),
          eq(trustEvents.seq, trustEventTags.seq),
        ),
      )
      .where(and(eq(trustEventTags.repository, repository), eq(trustEventTags.tag, tag))),
  );
  const rows = await queries
    .with(own)
    .select(columns)
    .from(trustEvents)
    .where(
      and(
        eq(trustEvents.repository, repository),
        before && older(before),
        sql`(${trustEvents.incarnation}, ${trustEvents.seq}) in (
          select incarnation, seq from own
          union select t.incarnation, t.seq from trust_event_tags t
            where t.repository = ${repository} and t.tag in (
              select entry ->> 'digest' from own, jsonb_array_elements(${listOf(sql`said_before`)} || ${listOf(sql`said_after`)}) entry
              where entry ->> 'tag' = ${tag})
          union select r.incarnation, r.seq from trust_event_roles r
            where r.repository = ${repository} and r.role in (
              select 'root' union select 'targets'
              union select coalesce(entry ->> 'role', said_after ->> 'role', said_before ->> 'role')
                from own, jsonb_array_elements(${listOf(sql`said_before`)} || ${listOf(sql`said_after`)}) entry
                where entry ->> 'tag' = ${tag}
              union select jsonb_array_elements_text(${listOf(sql`said_before`, 'path')} || ${listOf(sql`said_after`, 'path')}) from own)
            and r.seq >= (select min(o.seq) from own o where o.incarnation = r.incarnation))`,
      ),
    )
    .orderBy(desc(trustEvents.incarnation), desc(trustEvents.seq))
    .limit(limit);
  return rows.map(toStored);
}

/** A member of what an event says, if it is a list; else an empty one. */
function listOf(said: SQL, member = 'tags'): SQL {
  return sql`case jsonb_typeof(${said} -> ${member}::text) when 'array' then ${said} -> ${member}::text else '[]'::jsonb end`;
}

/** Events of all repositories and of the service, newest first; `before` is time and id of the last one seen. */
export async function pageAllEvents(
  queries: Queries,
  limit: number,
  before: { readonly atMs: number; readonly id: string } | undefined,
): Promise<readonly StoredEvent[]> {
  const at = before && new Date(before.atMs);
  const rows = await queries
    .select(columns)
    .from(trustEvents)
    .where(
      before && at && or(lt(trustEvents.at, at), and(eq(trustEvents.at, at), lt(trustEvents.id, before.id))),
    )
    .orderBy(desc(trustEvents.at), desc(trustEvents.id))
    .limit(limit);
  return rows.map(toStored);
}

function older(before: EventPlace): SQL | undefined {
  return or(
    lt(trustEvents.incarnation, before.incarnation),
    and(eq(trustEvents.incarnation, before.incarnation), lt(trustEvents.seq, before.seq)),
  );
}

/** A column of type jsonb would store the JSON value null as SQL null anyway. */
function orNull(value: JsonValue | undefined): JsonValue {
  return value ?? null;
}

interface RawEvent {
  readonly id: string;
  readonly repository: string | null;
  readonly incarnation: number | null;
  readonly seq: number;
  readonly at: Date;
  readonly action: string;
  readonly actor: string;
  readonly requestId: string | null;
  readonly change: string | null;
  readonly versions: unknown;
  readonly before: unknown;
  readonly after: unknown;
  readonly result: string;
  readonly prevHash: string;
  readonly hash: string;
}

function toStored(row: RawEvent): StoredEvent {
  const atMs = row.at.getTime();
  return {
    incarnation: row.incarnation ?? 0,
    seq: row.seq,
    atMs,
    event: {
      id: row.id,
      at: printTime(atMs),
      action: row.action,
      actor: row.actor,
      repository: row.repository ?? '',
      requestId: row.requestId ?? '',
      ...(row.change === null ? {} : { change: row.change }),
      ...(row.versions === null ? {} : { versions: versionsSchema.parse(row.versions) }),
      ...(row.before === null ? {} : { before: row.before }),
      ...(row.after === null ? {} : { after: row.after }),
      result: resultSchema.parse(row.result),
      hash: row.hash,
      prevHash: row.prevHash,
      seq: row.seq,
      ...(row.incarnation === null ? {} : { incarnation: row.incarnation }),
    },
  };
}
