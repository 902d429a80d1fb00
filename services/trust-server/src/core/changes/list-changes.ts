/** Pages of changes, newest first. */
import type { Queries } from '@vidimus/database';
import type { Change } from '../../schemas/index.ts';
import { type ChangeFilter, type Page, type PageRequest, TrustError } from '../../service.ts';
import { pageChanges, readChange } from '../store/changes.ts';
import { lastIncarnation, readLive } from '../store/repositories.ts';
import { stateOf, toChange } from './change-answer.ts';

/** Changes looked at for one page of one state. */
const maxScanned = 5_000;

/** Answers for a repository whose creation waits, and for one that has ended. @throws TrustError REPOSITORY_UNKNOWN */
export async function listChanges(
  queries: Queries,
  repository: string,
  { state }: ChangeFilter,
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
    for (const change of found) {
      if (items.length === page.limit) return { items, ...(before === undefined ? {} : { next: before }) };
      before = change.id;
      if (state === undefined || stateOf(change, nowMs) === state)
        items.push(toChange(change, managed, nowMs));
    }
    if (found.length <= page.limit) return { items };
  }
  return { items, ...(before === undefined ? {} : { next: before }) };
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

async function managedKeys(queries: Queries, repository: string): Promise<ReadonlySet<string>> {
  return new Set((await readLive(queries, repository))?.settings.managed);
}
