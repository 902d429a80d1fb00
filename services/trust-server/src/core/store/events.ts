/** Rows of `trust_events` and their index by tag: append-only. */
import type { JsonValue } from '@vidimus/canonical-json';
import { type Queries, trustEvents, trustEventTags } from '@vidimus/database';
import { and, desc, eq, isNotNull, lt, or, type SQL } from 'drizzle-orm';
import { z } from 'zod';
import type { AuditEvent } from '../../schemas/index.ts';
import type { ChainedEvent } from '../audit/event-chain.ts';
import { printTime } from '../instants.ts';
import type { Incarnation } from './metadata.ts';

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
  hash: trustEvents.hash,
};

const versionsSchema = z.record(z.string(), z.int());
const resultSchema = z.enum(['done', 'refused']);

/** Appends events; the caller holds the repository's lock and moves its log head. */
export async function insertEvents(
  tx: Queries,
  { repository, incarnation }: Incarnation,
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
  const tags = events.flatMap(({ seq, tags: names }) =>
    names.map((tag) => ({ repository, incarnation, tag, seq })),
  );
  for (let from = 0; from < tags.length; from += rowsPerInsert) {
    statements.push(tx.insert(trustEventTags).values(tags.slice(from, from + rowsPerInsert)));
  }
  // Sent in this order over one connection, in one round trip: a tag's entry refers to its event.
  await Promise.all(statements);
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

/** Events that speak of a tag, newest first. */
export async function pageTagEvents(
  queries: Queries,
  repository: string,
  tag: string,
  limit: number,
  before: EventPlace | undefined,
): Promise<readonly StoredEvent[]> {
  const rows = await queries
    .select(columns)
    .from(trustEventTags)
    .innerJoin(
      trustEvents,
      and(
        eq(trustEvents.repository, trustEventTags.repository),
        eq(trustEvents.incarnation, trustEventTags.incarnation),
        eq(trustEvents.seq, trustEventTags.seq),
      ),
    )
    .where(
      and(
        eq(trustEventTags.repository, repository),
        eq(trustEventTags.tag, tag),
        before &&
          or(
            lt(trustEventTags.incarnation, before.incarnation),
            and(eq(trustEventTags.incarnation, before.incarnation), lt(trustEventTags.seq, before.seq)),
          ),
      ),
    )
    .orderBy(desc(trustEventTags.incarnation), desc(trustEventTags.seq))
    .limit(limit);
  return rows.map(toStored);
}

/** Events of all repositories, newest first; `before` is time and id of the last one seen. */
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
      and(
        isNotNull(trustEvents.repository),
        before &&
          at &&
          or(lt(trustEvents.at, at), and(eq(trustEvents.at, at), lt(trustEvents.id, before.id))),
      ),
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
    },
  };
}
