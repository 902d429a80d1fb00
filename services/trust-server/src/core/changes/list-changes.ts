/** Pages of changes, newest first: of one repository, or of all that a caller may read. */
import type { Queries } from '@vidimus/database';
import type { Change, ChangeState } from '../../schemas/index.ts';
import { type ChangeFilter, type Page, type PageRequest, TrustError } from '../../service.ts';
import { pageAllChanges, pageChanges, readChange, readChanges } from '../store/changes.ts';
import { lastIncarnation, readLive } from '../store/repositories.ts';
import { stateOf, toChange } from './change-answer.ts';
import { waitsFor } from './waits-for.ts';

/** Changes looked at for one page of those that were asked for. */
const maxScanned = 5_000;
/** Changes whose documents are in memory together. */
const maxRead = 20;
/** Base64 of documents in one page of all repositories; the last change may exceed it. */
const maxPageChars = 16_000_000;

/** Answers for a repository whose creation waits, and for one that has ended. @throws TrustError REPOSITORY_UNKNOWN */
export async function listChanges(
  queries: Queries,
  repository: string,
  filter: ChangeFilter,
  page: PageRequest,
  nowMs: number,
): Promise<Page<Change>> {
  if ((await lastIncarnation(queries, repository)) === 0) {
    throw new TrustError('REPOSITORY_UNKNOWN', `there is no repository ${repository}`, { repository });
  }
  const managed = await managedKeys(queries, repository);
  const items: Change[] = [];
  let before = page.after;
  for (let scanned = 0; scanned < maxScanned; ) {
    const found = await pageChanges(queries, repository, page.limit + 1, before);
    scanned += found.length;
    for (const row of found) {
      if (items.length === page.limit) return { items, ...(before === undefined ? {} : { next: before }) };
      before = row.id;
      if (filter.state !== undefined && stateOf(row, nowMs) !== filter.state) continue;
      const change = toChange(row, managed, nowMs);
      if (isWanted(change, filter)) items.push(change);
    }
    if (found.length <= page.limit) return { items };
  }
  return { items, ...(before === undefined ? {} : { next: before }) };
}

/** Of all repositories that `mayRead` admits, ended ones too. A page may be short and still have a next one. */
export async function listAllChanges(
  queries: Queries,
  { mayRead, ...filter }: ChangeFilter & { readonly mayRead: (repository: string) => boolean },
  page: PageRequest,
  nowMs: number,
): Promise<Page<Change>> {
  const managed = new Map<string, ReadonlySet<string>>();
  const items: Change[] = [];
  let chars = 0;
  let before = page.after;
  const next = (): Page<Change> => ({ items, ...(before === undefined ? {} : { next: before }) });
  for (let scanned = 0; scanned < maxScanned; ) {
    const found = await pageAllChanges(queries, storedState(filter.state), page.limit + 1, before);
    scanned += found.length;
    // What the caller may not read is not even fetched.
    for (const group of inGroups(found, mayRead)) {
      const rows = new Map((await readChanges(queries, group.readable)).map((row) => [row.id, row]));
      for (const id of group.ids) {
        if (items.length === page.limit || chars > maxPageChars) return next();
        before = id;
        const row = rows.get(id);
        if (row === undefined) continue;
        if (filter.state !== undefined && stateOf(row, nowMs) !== filter.state) continue;
        const keys = managed.get(row.repository) ?? (await managedKeys(queries, row.repository));
        managed.set(row.repository, keys);
        const change = toChange(row, keys, nowMs);
        if (!isWanted(change, filter)) continue;
        items.push(change);
        for (const { toSign } of change.documents) chars += toSign.length;
      }
    }
    if (found.length <= page.limit) return { items };
  }
  return next();
}

/** @throws TrustError CHANGE_UNKNOWN, also for a change of another repository */
export async function findChange(
  queries: Queries,
  repository: string,
  id: string,
  nowMs: number,
): Promise<Change> {
  const change = await readChange(queries, repository, id);
  if (change === undefined) {
    throw new TrustError('CHANGE_UNKNOWN', `there is no change ${id} in ${repository}`, { change: id });
  }
  return toChange(change, await managedKeys(queries, repository), nowMs);
}

function isWanted(change: Change, { waitingFor }: ChangeFilter): boolean {
  return waitingFor === undefined || waitsFor(change, waitingFor);
}

/** As the database has it: one whose time is over may still be written down as open. */
function storedState(state: ChangeState | undefined): readonly ChangeState[] | undefined {
  if (state === undefined) return undefined;
  return state === 'expired' ? ['expired', 'open'] : [state];
}

interface Group {
  readonly ids: readonly string[];
  readonly readable: readonly string[];
}

function* inGroups(
  found: readonly { readonly id: string; readonly repository: string }[],
  mayRead: (repository: string) => boolean,
): Generator<Group> {
  for (let at = 0; at < found.length; at += maxRead) {
    const part = found.slice(at, at + maxRead);
    const readable = part.filter(({ repository }) => mayRead(repository));
    yield { ids: part.map(({ id }) => id), readable: readable.map(({ id }) => id) };
  }
}

async function managedKeys(queries: Queries, repository: string): Promise<ReadonlySet<string>> {
  return new Set((await readLive(queries, repository))?.settings.managed);
}
