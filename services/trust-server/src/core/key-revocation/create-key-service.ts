/** Puts the use cases of keys together. */
import type { KeyService } from '../../key-service.ts';
import { finishBegun } from '../approvals/finish-begun.ts';
import { toChange } from '../changes/change-answer.ts';
import type { DialectParts } from '../dialect-changes/dialect-parts.ts';
import { readItems, readJob } from '../jobs/job-rows.ts';
import { toJob } from '../jobs/print-job.ts';
import { assertJob, type JobRunner } from '../jobs/run-jobs.ts';
import { listKeys, readFleetKey, readKey } from '../keys-index/read-keys.ts';
import { assertBaseOf } from '../publish/assert-base.ts';
import type { Published } from '../publish/publication.ts';
import { assertActive } from '../publish/publisher.ts';
import { readActive } from '../read/repository-view.ts';
import { lockLive, type RepositoryRow } from '../store/repositories.ts';
import { guarded } from '../trust-errors.ts';
import { examine } from './examine.ts';
import { fleetImpact, pageOf } from './fleet-impact.ts';
import { assertReplacement, toReplacement } from './replacement.ts';
import { revokeEverywhere } from './revoke-everywhere.ts';
import { revokeIn, wishOf } from './revoke-key.ts';

export interface KeyServiceParts extends DialectParts {
  readonly jobs: JobRunner;
  /** Told after each commit, before the caller is answered. */
  readonly onPublished: (row: RepositoryRow, published: Published) => void;
}

export function createKeyService(parts: KeyServiceParts): KeyService {
  const { database, now, jobs, onPublished } = parts;
  const { db } = database;
  return {
    listKeys: (repository, page) => guarded(() => listKeys(db, repository, page)),
    readKey: (repository, id) => guarded(() => readKey(db, repository, id)),
    readKeyImpact: (repository, id, wish) =>
      guarded(async () => {
        const row = await readActive(db, repository);
        const replacement = toReplacement(wish.replacement);
        const examined = await examine(db, row, id, wishOf(wish, replacement), now());
        await assertReplacement(db, examined, replacement);
        return examined.impact;
      }),
    revokeKey: (call, repository, id, body) =>
      guarded(async () => {
        if (call.dryRun !== true) await finishBegun(parts, call, repository);
        const { outcome, published } = await database.transaction(async (tx) => {
          const row = assertActive(repository, await lockLive(tx, repository));
          await assertBaseOf(tx, row, call.ifMatch);
          return await revokeIn(parts, tx, row, call, id, body);
        });
        for (const each of published) onPublished(each.row, each.published);
        if (outcome.outcome !== 'change' || call.dryRun === true) return outcome;
        const begun = await finishBegun(parts, call, repository);
        const done = begun.find(({ change }) => change.id === outcome.change.id);
        if (done?.published === undefined) return outcome;
        onPublished(done.published.row, done.published.published);
        return { ...outcome, change: toChange(done.change, done.managed, now()) };
      }),
    readFleetKey: (id, mayRead, page) => guarded(() => readFleetKey(db, id, mayRead, page)),
    readFleetImpact: (id, wish, mayRead, page) =>
      guarded(async () => pageOf(await fleetImpact(db, id, wish, mayRead, now()), page)),
    revokeKeyEverywhere: (call, id, body, reach) =>
      guarded(async () => {
        const done = await revokeEverywhere(parts, call, id, body, reach);
        if ('impact' in done) return done;
        const answer = toJob(done.job, await readItems(db, done.job.id), reach.mayAccess);
        if (done.job.state === 'running') jobs.nudge(done.job.id);
        return { job: answer };
      }),
    readJob: (id, mayRead) =>
      guarded(async () => toJob(assertJob(id, await readJob(db, id)), await readItems(db, id), mayRead)),
  };
}
