/** Pages of the audit log, newest first. */
import type { Queries } from '@vidimus/database';
import type { AuditEvent } from '../../schemas/index.ts';
import { type Page, type PageRequest, TrustError } from '../../service.ts';
import {
  type EventPlace,
  pageAllEvents,
  pageEvents,
  pageTagEvents,
  type StoredEvent,
} from '../store/events.ts';
import { lastIncarnation } from '../store/repositories.ts';

/** Events looked at for one page of what a caller may read. */
const maxScanned = 20_000;

/** All incarnations of a repository. @throws TrustError REPOSITORY_UNKNOWN */
export async function readRepositoryAudit(
  queries: Queries,
  repository: string,
  page: PageRequest,
): Promise<Page<AuditEvent>> {
  await assertKnown(queries, repository);
  return toPage(await pageEvents(queries, repository, page.limit + 1, parsePlace(page.after)), page.limit);
}

/** Empty for a tag that never was. @throws TrustError REPOSITORY_UNKNOWN */
export async function readTagHistory(
  queries: Queries,
  repository: string,
  tag: string,
  page: PageRequest,
): Promise<Page<AuditEvent>> {
  await assertKnown(queries, repository);
  const before = parsePlace(page.after);
  return toPage(await pageTagEvents(queries, repository, tag, page.limit + 1, before), page.limit);
}

/** Events of all repositories that the caller may read; those of the service itself have an empty name. */
export async function readFleetAudit(
  queries: Queries,
  mayRead: (repository: string) => boolean,
  page: PageRequest,
): Promise<Page<AuditEvent>> {
  const items: AuditEvent[] = [];
  let before = parseTimePlace(page.after);
  for (let scanned = 0; scanned < maxScanned; ) {
    const found = await pageAllEvents(queries, page.limit + 1, before);
    scanned += found.length;
    for (const { event, atMs } of found) {
      if (items.length === page.limit) return { items, ...(before && { next: printTimePlace(before) }) };
      before = { atMs, id: event.id };
      if (mayRead(event.repository)) items.push(event);
    }
    if (found.length <= page.limit) return { items };
  }
  return { items, ...(before && { next: printTimePlace(before) }) };
}

/** @throws TrustError REPOSITORY_UNKNOWN; a repository that has ended keeps its history */
async function assertKnown(queries: Queries, repository: string): Promise<void> {
  if ((await lastIncarnation(queries, repository)) > 0) return;
  throw new TrustError('REPOSITORY_UNKNOWN', `there is no repository ${repository}`, { repository });
}

function toPage(found: readonly StoredEvent[], limit: number): Page<AuditEvent> {
  const kept = found.slice(0, limit);
  const last = found.length > limit ? kept.at(-1) : undefined;
  return {
    items: kept.map(({ event }) => event),
    ...(last === undefined ? {} : { next: `${last.incarnation}.${last.seq}` }),
  };
}

function parsePlace(after: string | undefined): EventPlace | undefined {
  if (after === undefined) return undefined;
  const [, incarnation, seq] = /^([0-9]{1,9})\.([0-9]{1,15})$/.exec(after) ?? [];
  if (incarnation === undefined) throw new TrustError('BODY_INVALID', 'the cursor is not one of ours');
  return { incarnation: Number(incarnation), seq: Number(seq) };
}

interface TimePlace {
  readonly atMs: number;
  readonly id: string;
}

function printTimePlace({ atMs, id }: TimePlace): string {
  return `${atMs}.${id}`;
}

function parseTimePlace(after: string | undefined): TimePlace | undefined {
  if (after === undefined) return undefined;
  const [, atMs, id] = /^([0-9]{1,15})\.([0-9A-Z]{1,64})$/.exec(after) ?? [];
  if (id === undefined) throw new TrustError('BODY_INVALID', 'the cursor is not one of ours');
  return { atMs: Number(atMs), id };
}
