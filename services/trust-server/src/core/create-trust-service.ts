/** Puts the core together: the use cases of `TrustService` over one database and one key store. */
import type { Database } from '@vidimus/database';
import type { RemoteKeyStore, WrappedKeyStore } from '@vidimus/key-store';
import type { NotaryService } from '../notary-service.ts';
import type { TrustService } from '../service.ts';
import { type ApprovalRule, createApprovalRules } from './approvals/approval-rules.ts';
import { finishAllBegun, finishOwnBegun } from './approvals/finish-begun.ts';
import { createRefusalRecorder, refusalWindowMs } from './audit/record-refusals.ts';
import { createChangeService } from './changes/create-change-service.ts';
import { createRepositoryService } from './changes/create-repository-service.ts';
import { createDelegationService } from './delegations/create-delegation-service.ts';
import { createDirectoryService } from './directory/create-directory-service.ts';
import { type Background, createBackground } from './freshness/background.ts';
import { createFreshness, type FreshnessObserver, type TickResult } from './freshness/freshness.ts';
import { createIds } from './ids.ts';
import { createJobRunner } from './jobs/run-jobs.ts';
import { createWorkLoop } from './jobs/work-loop.ts';
import { createKeyService } from './key-revocation/create-key-service.ts';
import { revocationWork } from './key-revocation/revoke-everywhere.ts';
import { createManagedKeys } from './keys/managed-keys.ts';
import { indexMissing } from './keys-index/index-missing.ts';
import { createNotaryService } from './notary/create-notary-service.ts';
import { createStateReader } from './notary/stored-state.ts';
import { PUBLISHED_CHANNEL, parseAnnouncement } from './publish/announce.ts';
import { createTagService } from './publish/create-tag-service.ts';
import { createDocumentReader } from './publish/current-documents.ts';
import type { Published } from './publish/publication.ts';
import { createPublisher } from './publish/publisher.ts';
import { readFleetAudit, readRepositoryAudit } from './read/audit.ts';
import { createMetadataCache } from './read/metadata-cache.ts';
import { createOutlook, type Outlook, readOutlook } from './read/outlook.ts';
import { delegationsOf, readView, rolesOf } from './read/repository-view.ts';
import { toRoleAnswer } from './read/summary.ts';
import { findTarget } from './read/tags.ts';
import { createReadiness } from './readiness.ts';
import { createRoleService } from './rotation/create-role-service.ts';
import { createUpkeep, type RotationSchedule } from './rotation/upkeep.ts';
import type { Incarnation } from './store/metadata.ts';
import { createTokenService } from './tokens/create-token-service.ts';
import { guarded } from './trust-errors.ts';

export interface TrustServiceParts {
  readonly database: Database;
  readonly keyStore: WrappedKeyStore;
  /** A signer of its own, where new keys are made; those that are wrapped stay where they are. */
  readonly remoteKeys?: RemoteKeyStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly randomBytes: (length: number) => Uint8Array;
  /** Runs something later; returns how to call it off. */
  readonly schedule: (work: () => void, delayMs: number) => () => void;
  readonly freshnessIntervalMs?: number;
  /** Roles whose managed keys are replaced when they are so many milliseconds old. Default: none. */
  readonly rotation?: RotationSchedule;
  /** Bytes of metadata files kept in memory. */
  readonly cacheBytes?: number;
  /** The two-person rule: what another person must agree to; nothing when absent. */
  readonly approvals?: readonly ApprovalRule[];
  /** Hears what metrics count and logs tell. */
  readonly observer?: TrustObserver;
}

export interface TrustObserver extends FreshnessObserver {
  /** The database could not be asked; what was known is served. */
  readonly stale?: (error: unknown) => void;
  /** A round of freshness could not begin. */
  readonly roundFailed?: (error: unknown) => void;
  /** That a call was refused could not be written into the log of events. */
  readonly unrecorded?: (error: unknown) => void;
  /** What is ahead over all repositories, looked at now and then. */
  readonly outlook?: (outlook: Outlook) => void;
}

/** The service with its background work. */
export interface RunningTrustService extends TrustService, NotaryService {
  /** Listens to other replicas, renews what is past half-life, then goes on doing so. @throws TrustError */
  start(): Promise<void>;
  /** Lets running publishes and renewals end. */
  stop(): Promise<void>;
  /** One round of renewal, for tests and for tools. */
  renew(): Promise<TickResult>;
  /** Works on jobs until nothing waits, for tests and for tools. */
  runJobs(): Promise<void>;
}

export function createTrustService(parts: TrustServiceParts): RunningTrustService {
  const { database, now, observer } = parts;
  const { db } = database;
  const newId = createIds({ now, randomBytes: parts.randomBytes });
  const reader = createDocumentReader();
  const keys = createManagedKeys({
    keyStore: parts.keyStore,
    randomBytes: parts.randomBytes,
    now,
    ...(parts.remoteKeys === undefined ? {} : { remote: parts.remoteKeys }),
  });
  const cache = createMetadataCache({
    database,
    now,
    ...(parts.cacheBytes === undefined ? {} : { maxBytes: parts.cacheBytes }),
    ...(observer?.stale === undefined ? {} : { onStale: observer.stale }),
  });
  const onPublished = (at: Incarnation, published: Published): void => {
    reader.remember(at, published.files);
    cache.published(at, published);
  };
  const states = createStateReader();
  const approvals = createApprovalRules(parts.approvals ?? []);
  const common = { database, reader, states, keys, now, newId, onPublished, approvals };
  const publisher = createPublisher(common);
  const readers = { reader, states };
  const notary = createNotaryService({ ...common, cache });
  const upkeep = createUpkeep({
    ...common,
    schedule: parts.rotation ?? new Map(),
    ...(observer?.failed === undefined ? {} : { onFailed: observer.failed }),
  });
  const freshness = createFreshness({ ...common, upkeep, ...(observer === undefined ? {} : { observer }) });
  const background: Background = createBackground({
    freshness,
    schedule: parts.schedule,
    ...(parts.freshnessIntervalMs === undefined ? {} : { intervalMs: parts.freshnessIntervalMs }),
    ...(observer?.roundFailed === undefined ? {} : { onError: observer.roundFailed }),
  });
  const refusals = createRefusalRecorder({
    ...common,
    ...(observer?.unrecorded === undefined ? {} : { onError: observer.unrecorded }),
  });
  const jobs = createJobRunner({
    ...common,
    work: { 'key-revocation': revocationWork(common, onPublished) },
    ...(observer?.roundFailed === undefined ? {} : { onError: observer.roundFailed }),
  });
  const told = { onPublished, ...(observer?.failed === undefined ? {} : { failed: observer.failed }) };
  const look = createOutlook({
    read: () => readOutlook(db, reader.certificates, now()),
    now,
    tell: observer?.outlook,
  });
  const work = createWorkLoop({
    first: async () => {
      await indexMissing({
        database,
        ...(observer?.failed === undefined ? {} : { onDamaged: observer.failed }),
      });
      await finishAllBegun(common, told);
      await jobs.resume();
    },
    again: async () => {
      await jobs.run();
      await finishOwnBegun(common, told);
      await keys.destroyRetired(database);
      await look();
    },
    schedule: parts.schedule,
    ...(observer?.roundFailed === undefined ? {} : { onError: observer.roundFailed }),
  });
  let cancelFlush: (() => void) | undefined;
  let unlisten: (() => Promise<void>) | undefined;
  const checkReadiness = createReadiness(database, background, now);

  return {
    ...notary,
    ...createDelegationService(common),
    ...createDirectoryService(common),
    ...createRoleService(common),
    ...createKeyService({ ...common, jobs }),
    ...createRepositoryService({ ...common, cache, readers }),
    ...createTagService({ ...common, publisher, readers }),
    ...createChangeService({ ...common, cache }),
    ...createTokenService({ database, now, newId, randomBytes: parts.randomBytes }),
    readMetadata: (repository, name) => cache.read(repository, name),
    findTarget: (repository, tag, sha256) => guarded(() => findTarget(db, repository, tag, sha256)),

    listRoles: (repository) =>
      guarded(async () => {
        const view = await readView(readers, db, repository);
        return [...rolesOf(view.dialect), ...delegationsOf(view)].map((role) => toRoleAnswer(view, role));
      }),
    readRole: (repository, role) =>
      guarded(async () => toRoleAnswer(await readView(readers, db, repository), role)),

    readAudit: (scope, page) =>
      guarded(() =>
        'repository' in scope
          ? readRepositoryAudit(db, scope.repository, page)
          : readFleetAudit(db, scope.mayRead, page),
      ),
    recordRefusal: async (refusal) => {
      await refusals.record(refusal);
      cancelFlush ??= parts.schedule(() => {
        cancelFlush = undefined;
        void refusals.flush();
      }, refusalWindowMs);
    },
    readiness: checkReadiness,

    start: () =>
      guarded(async () => {
        unlisten = await database.listen(PUBLISHED_CHANNEL, {
          onNotify: (payload) => {
            const announcement = parseAnnouncement(payload);
            if (announcement === undefined) cache.forget();
            else cache.announced(announcement);
          },
          onGap: () => cache.forget(),
        });
        await background.start();
        work.start();
      }),
    stop: async () => {
      cancelFlush?.();
      await refusals.flush('all');
      await background.stop();
      await jobs.stop();
      await work.stop();
      await publisher.idle();
      await unlisten?.();
    },
    renew: () => guarded(() => freshness.tick()),
    runJobs: () => jobs.resume(),
  };
}
