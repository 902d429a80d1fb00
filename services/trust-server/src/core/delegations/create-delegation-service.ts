/** The use cases of `DelegationService`. */
import type { DelegationService } from '../../delegation-service.ts';
import type { Call } from '../../service.ts';
import type { DialectParts } from '../dialect-changes/dialect-parts.ts';
import { toOutcome } from '../edits/carried-outcome.ts';
import type { Carried, EditPlan } from '../edits/edit-plan.ts';
import { currentVersions } from '../publish/intent-answer.ts';
import type { Published, Versions } from '../publish/publication.ts';
import { assertActive } from '../publish/publisher.ts';
import { delegationsOf, readView } from '../read/repository-view.ts';
import { headsIn, readHeads } from '../store/metadata.ts';
import { lockLive, type RepositoryRow } from '../store/repositories.ts';
import { guarded } from '../trust-errors.ts';
import { putDelegation } from './put-delegation.ts';
import { toDelegationAnswer } from './read-delegations.ts';
import { removeDelegation } from './remove-delegation.ts';
import { readSigners } from './signer-names.ts';

export interface DelegationServiceParts extends DialectParts {
  /** Told after the commit. */
  readonly onPublished: (row: RepositoryRow, published: Published) => void;
}

export function createDelegationService(parts: DelegationServiceParts): DelegationService {
  const { database, now } = parts;
  const { db } = database;
  const settle = (carried: Carried | undefined): void => {
    if (carried?.outcome === 'published') parts.onPublished(carried.row, carried.published);
  };

  return {
    listDelegations: (repository, { limit, after }) =>
      guarded(async () => {
        const view = await readView(parts, db, repository);
        const names = delegationsOf(view);
        const from = after === undefined ? 0 : names.indexOf(after) + 1;
        const page = names.slice(from, from + limit);
        const signers = await readSigners(db, view.row);
        const items = page.map((name) => toDelegationAnswer(view, name, signers));
        const last = from + limit < names.length ? page.at(-1) : undefined;
        return { items, ...(last === undefined ? {} : { next: last }) };
      }),
    readDelegation: (repository, name) =>
      guarded(async () => {
        const view = await readView(parts, db, repository);
        return toDelegationAnswer(view, name, await readSigners(db, view.row));
      }),
    putDelegation: (call, repository, name, body) =>
      guarded(async () => {
        const request = requestFor('PUT', repository, name, body);
        const { done, versions } = await database.transaction(async (tx) => {
          const row = assertActive(repository, await lockLive(tx, repository));
          const put = await putDelegation(parts, tx, row, call, { name, body, request });
          return { done: put, versions: currentVersions(headsIn(await readHeads(tx, row), 'tuf')) };
        });
        const { carried, keysAdded, keysRemoved, tagsGone, tagCount } = done;
        settle(carried);
        const toBody = async (published: Versions) => ({
          published: { ...published },
          changed: {
            keysAdded: [...keysAdded],
            keysRemoved: [...keysRemoved],
            tagsResigned: Object.hasOwn(published, name) && carried !== undefined ? tagCount : 0,
            tagsNowBelowThreshold: [],
            tagsGone: [...tagsGone],
          },
        });
        if (carried !== undefined) return await toOutcome(call, carried, now(), toBody);
        const body_ = await toBody(versions);
        return { outcome: 'done', body: body_, ...dryImpact(call, versions) };
      }),
    removeDelegation: (call, repository, name) =>
      guarded(async () => {
        const request = requestFor('DELETE', repository, name, null);
        const gone = await database.transaction(async (tx) => {
          const row = assertActive(repository, await lockLive(tx, repository));
          return await removeDelegation(parts, tx, row, call, { name, request });
        });
        settle(gone.carried);
        return await toOutcome(call, gone.carried, now(), async (published) => ({
          name,
          published: { ...published },
          changed: { keysRemoved: [...gone.keysRemoved], tagsGone: [...gone.tagsGone] },
          stillServed: [...gone.stillServed],
        }));
      }),
  };
}

function requestFor(method: string, repository: string, name: string, body: unknown): EditPlan['request'] {
  return { method, path: `/v2/${repository}/_trust/delegations/${encodeURIComponent(name)}`, body };
}

function dryImpact(call: Call, versions: Versions) {
  return call.dryRun === true ? { impact: { diff: [], versions: { ...versions } } } : {};
}
