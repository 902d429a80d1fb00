/** A job as `GET /v2/_trust/jobs/<id>` shows it. */
import type { Job } from '../../schemas/index.ts';
import { printTime } from '../instants.ts';
import type { JobItem, JobRow } from './job-rows.ts';

/** Counts are of all repositories; names only of those that the reader may see. */
export function toJob(row: JobRow, items: readonly JobItem[], mayRead: (repository: string) => boolean): Job {
  const outcomes = items.flatMap(({ outcome }) => (outcome === undefined ? [] : [outcome]));
  const visible = items.filter(({ repository }) => mayRead(repository));
  return {
    job: row.id,
    kind: row.kind,
    state: row.state,
    createdAt: printTime(row.createdAtMs),
    ...(row.finishedAtMs === undefined ? {} : { finishedAt: printTime(row.finishedAtMs) }),
    done: outcomes.length,
    total: items.length,
    published: outcomes.filter(({ state }) => state === 'published').length,
    changes: visible.flatMap(({ outcome }) =>
      outcome !== undefined && 'change' in outcome && outcome.change !== undefined ? [outcome.change] : [],
    ),
    refused: visible.flatMap(({ repository, outcome }) =>
      outcome?.state === 'refused' ? [{ repository, code: outcome.code, message: outcome.message }] : [],
    ),
    hidden: items.length - visible.length,
  };
}
