/** Puts the core together: the use cases of `TrustService` over one database and one key store. */
import type { Database, Queries } from '@vidimus/database';
import type { RemoteKeyStore, WrappedKeyStore } from '@vidimus/key-store';
import { DIRECTORY_NAME } from '@vidimus/reference';
import type { NotaryService } from '../notary-service.ts';
import type { Change, Impact, RepositorySummary } from '../schemas/index.ts';
import {
  type Call,
  type Done,
  type Outcome,
  type Pending,
  type Readiness,
  TrustError,
  type TrustService,
} from '../service.ts';
import { type ApprovalRule, createApprovalRules } from './approvals/approval-rules.ts';
import { approveChange } from './approvals/approve-change.ts';
import { finishAllBegun, finishOwnBegun } from './approvals/finish-begun.ts';
import { createRefusalRecorder, refusalWindowMs } from './audit/record-refusals.ts';
import { toChange } from './changes/change-answer.ts';
import { type Creation, create } from './changes/create.ts';
import { repositoryRoles } from './changes/creation-request.ts';
import { endRepository } from './changes/end-repository.ts';
import { findChange, listAllChanges, listChanges } from './changes/list-changes.ts';
import { rejectChange, type SignedChange, signChange } from './changes/sign-change.ts';
import { createDelegationService } from './delegations/create-delegation-service.ts';
import { addDialects } from './dialect-changes/add-dialects.ts';
import { createDirectoryService } from './directory/create-directory-service.ts';
import { type Background, createBackground } from './freshness/background.ts';
import { createFreshness, type FreshnessObserver, type TickResult } from './freshness/freshness.ts';
import { createIds } from './ids.ts';
import { importNotary, toNotaryImport } from './import/import-notary.ts';
import { printTime } from './instants.ts';
import { createJobRunner } from './jobs/run-jobs.ts';
import { createWorkLoop } from './jobs/work-loop.ts';
import { createKeyService } from './key-revocation/create-key-service.ts';
import { revocationWork } from './key-revocation/revoke-everywhere.ts';
import { createManagedKeys } from './keys/managed-keys.ts';
import { indexMissing } from './keys-index/index-missing.ts';
import { createNotaryService } from './notary/create-notary-service.ts';
import { createStateReader } from './notary/stored-state.ts';
import { PUBLISHED_CHANNEL, parseAnnouncement } from './publish/announce.ts';
import type { ListedTag } from './publish/board.ts';
import { createDocumentReader } from './publish/current-documents.ts';
import { toOutcome } from './publish/intent-answer.ts';
import {
  type AskedEdit,
  type Intent,
  type IntentAnswer,
  type IntentRequest,
  othersSign,
} from './publish/intents.ts';
import { proposeIntent } from './publish/propose-intent.ts';
import type { Published } from './publish/publication.ts';
import { createPublisher } from './publish/publisher.ts';
import { readFleetAudit, readRepositoryAudit, readTagHistory } from './read/audit.ts';
import { createMetadataCache } from './read/metadata-cache.ts';
import { delegationsOf, readView, rolesOf } from './read/repository-view.ts';
import { listRepositories, readSummary, toRoleAnswer } from './read/summary.ts';
import { findTarget, listRevocations, listTags, readRevocation, readTag, toTagEntry } from './read/tags.ts';
import { recoverRepository } from './recovery/recover-repository.ts';
import { createRoleService } from './rotation/create-role-service.ts';
import { createUpkeep, type RotationSchedule } from './rotation/upkeep.ts';
import type { Incarnation } from './store/metadata.ts';
import { TAG_ROLE } from './store/tags.ts';
import { createTokenService } from './tokens/create-token-service.ts';
import { guarded } from './trust-errors.ts';

/** How often the database is asked whether it is there, at most. */
const readinessMaxAgeMs = 1_000;

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
    },
    schedule: parts.schedule,
    ...(observer?.roundFailed === undefined ? {} : { onError: observer.roundFailed }),
  });
  let cancelFlush: (() => void) | undefined;
  let unlisten: (() => Promise<void>) | undefined;
  const checkReadiness = createReadiness(database, background, now);

  const edit = async <Body>(
    call: Call,
    repository: string,
    asked: AskedEdit,
    intent: Intent,
    toBody: (answer: IntentAnswer) => Body,
  ): Promise<Outcome<Body>> => {
    const request = { call, intent, asked };
    const answer = await publisher.submit(repository, request);
    if (answer === othersSign) return await propose(request, repository, toBody);
    if (answer.change === undefined || !answer.changesNothing) {
      return done(call, toBody(answer), answer.impact);
    }
    return pending(call, toChange(answer.change.change, answer.change.managed, now()));
  };
  const propose = async <Body>(
    request: IntentRequest,
    repository: string,
    toBody: (answer: IntentAnswer) => Body,
  ): Promise<Outcome<Body>> =>
    await guarded(async () => {
      const { call } = request;
      const { verdict, carried, versions } = await proposeIntent(common, repository, request);
      if (carried?.outcome === 'published') onPublished(carried.row, carried.published);
      const opened = carried?.outcome === 'published' ? undefined : carried?.change;
      if (carried !== undefined && carried.outcome !== 'published' && opened !== undefined) {
        return pending(call, toChange(opened, carried.managed, now()));
      }
      const made = carried?.outcome === 'published' ? carried.published.versions : versions;
      const answer = toOutcome(verdict, made);
      if (answer instanceof TrustError) throw answer;
      return done(call, toBody(answer), answer.impact);
    });
  const summarise = (repository: string): Promise<RepositorySummary> =>
    readSummary(readers, db, repository, now());
  const settled = ({ change, managed, published, ended }: SignedChange): Change => {
    if (published !== undefined) onPublished(published.row, published.published);
    if (ended !== undefined) cache.announced({ ...ended, versions: {} });
    return toChange(change, managed, now());
  };

  return {
    ...notary,
    ...createDelegationService(common),
    ...createDirectoryService(common),
    ...createRoleService(common),
    ...createKeyService({ ...common, jobs }),
    ...createTokenService({ database, now, newId, randomBytes: parts.randomBytes }),
    readMetadata: (repository, name) => cache.read(repository, name),
    findTarget: (repository, tag, sha256) => guarded(() => findTarget(db, repository, tag, sha256)),

    readRepository: (repository) => guarded(() => summarise(repository)),
    createRepository: (call, repository, body) =>
      guarded(async () => {
        const creation = await create(common, call, repository, body);
        if (creation.outcome === 'change') {
          const change = toChange(creation.change, creation.managed, now());
          return call.dryRun === true
            ? { outcome: 'change', change, impact: impactOf(change) }
            : { outcome: 'change', change };
        }
        if (creation.outcome === 'dryRun') {
          return {
            ...done(call, proposed(creation), { diff: [], versions: { ...creation.versions } }),
            created: true,
          };
        }
        if (creation.outcome === 'created') onPublished(creation.row, creation.published);
        return {
          outcome: 'done',
          body: await summarise(repository),
          created: creation.outcome === 'created',
        };
      }),
    importRepository: (call, repository, body) =>
      guarded(async () => {
        const summaries = (queries: Queries) => readSummary(readers, queries, repository, now());
        const importing = { ...common, states, summarise: summaries };
        const { summary, created } = await importNotary(importing, call, repository, toNotaryImport(body));
        return { ...done(call, summary, { diff: [], versions: { ...summary.versions } }), created };
      }),
    addDialects: (call, repository, body) =>
      guarded(async () => {
        const added = await addDialects(common, call, repository, body);
        if (added.outcome === 'change') {
          const change = toChange(added.change, added.managed, now());
          return call.dryRun === true
            ? { outcome: 'change', change, impact: impactOf(change) }
            : { outcome: 'change', change };
        }
        if (added.outcome === 'published') onPublished(added.row, added.published);
        const summary = await summarise(repository);
        if (added.outcome !== 'dryRun') return done(call, summary, { diff: [], versions: {} });
        const impact = { diff: [], versions: { ...added.versions } };
        return done(call, { ...summary, dialects: [...added.dialects] }, impact);
      }),
    recoverRepository: (call, repository, body) =>
      guarded(async () => {
        const { row, published } = await recoverRepository(common, call, repository, body);
        if (published !== undefined) onPublished(row, published);
        const summary = await summarise(repository);
        return done(call, summary, { diff: [], versions: { ...(published?.versions ?? {}) } });
      }),
    endRepository: (call, repository) =>
      guarded(async () => {
        const ending = await endRepository(common, call, repository);
        if (ending.outcome === 'change') return pending(call, toChange(ending.change, new Set(), now()));
        const { endedAtMs } = ending;
        const { incarnation } = ending.row;
        if (call.dryRun !== true) cache.announced({ repository, incarnation, versions: {} });
        const body = { repository, incarnation, endedAt: printTime(endedAtMs) };
        return done(call, body, { diff: [], versions: {} });
      }),

    listTags: (repository, page) => guarded(() => listTags(db, repository, page)),
    readTag: (repository, tag) => guarded(() => readTag(readers, db, repository, tag)),
    readTagHistory: (repository, tag, page) => guarded(() => readTagHistory(db, repository, tag, page)),
    putTag: async (call, repository, tag, body) => {
      const { role, ...entry } = body;
      return await edit(
        call,
        repository,
        askedFor('PUT', repository, ['tags', tag], body),
        { kind: 'tags', role: role ?? TAG_ROLE, sign: [{ tag, ...entry }], revoke: [] },
        ({ versions }) => ({
          ...toTagEntry({ tag, ...entry, ...(role === undefined ? {} : { listedBy: role }) }),
          versions: { ...versions },
          published: { ...versions },
        }),
      );
    },
    deleteTag: (call, repository, tag, role) =>
      edit(
        call,
        repository,
        askedFor('DELETE', repository, ['tags', tag], role === undefined ? null : { role }),
        { kind: 'tags', role, sign: [], revoke: [tag] },
        ({ versions, stillServed }) => ({ tag, ...toldServed(stillServed), published: { ...versions } }),
      ),
    editTags: async (call, repository, body) => {
      const { role, sign = [], revoke = [] } = body;
      return await edit(
        call,
        repository,
        askedFor('POST', repository, ['tags'], body),
        { kind: 'tags', role: role ?? TAG_ROLE, sign, revoke },
        ({ versions, stillServed }) => ({
          signed: sign.map(({ tag }) => tag),
          revoked: [...revoke],
          ...toldServed(stillServed),
          published: { ...versions },
        }),
      );
    },

    listRoles: (repository) =>
      guarded(async () => {
        const view = await readView(readers, db, repository);
        return [...rolesOf(view.dialect), ...delegationsOf(view)].map((role) => toRoleAnswer(view, role));
      }),
    readRole: (repository, role) =>
      guarded(async () => toRoleAnswer(await readView(readers, db, repository), role)),

    listRevocations: (repository, page) => guarded(() => listRevocations(readers, db, repository, page)),
    readRevocation: (repository, digest) => guarded(() => readRevocation(readers, db, repository, digest)),
    revokeDigest: async (call, repository, digest, { reason, link, scope }) => {
      if (scope === 'organisation' && repository !== DIRECTORY_NAME) {
        throw new TrustError('BODY_INVALID', 'organisation-wide revocations are signed in the directory', {
          scope,
        });
      }
      const intent: Intent = { kind: 'revokeDigest', digest, reason, link };
      const body = { reason, ...(link === undefined ? {} : { link }) };
      const asked = askedFor('PUT', repository, ['revocations', digest], body);
      return await edit(call, repository, asked, intent, ({ versions, tags, stillServed, change }) => ({
        published: { ...versions },
        tags: [...tags],
        stillServed: [...stillServed],
        ...(change === undefined ? {} : { openChange: change.change.id }),
      }));
    },
    liftRevocation: (call, repository, digest) =>
      edit(
        call,
        repository,
        askedFor('DELETE', repository, ['revocations', digest], null),
        { kind: 'liftDigest', digest },
        ({ versions }) => ({ digest, published: { ...versions } }),
      ),

    listChanges: (repository, filter, page) =>
      guarded(() => listChanges(db, repository, filter, page, now())),
    listAllChanges: (filter, page) => guarded(() => listAllChanges(db, filter, page, now())),
    readChange: (repository, id) => guarded(() => findChange(db, repository, id, now())),
    signChange: (call, repository, id, body) =>
      guarded(async () => settled(await signChange(common, call, repository, id, body))),
    approveChange: (call, repository, id) =>
      guarded(async () => settled(await approveChange(common, call, repository, id))),
    rejectChange: (call, repository, id) =>
      guarded(async () => settled(await rejectChange(common, call, repository, id))),

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
    listRepositories: (filter, page) => guarded(() => listRepositories(db, filter, page, now())),
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

function done<Body>(call: Call, body: Body, impact: Impact): Done<Body> {
  return call.dryRun === true ? { outcome: 'done', body, impact } : { outcome: 'done', body };
}

/** An edit that waits for signatures. */
function pending(call: Call, change: Change): Pending {
  return call.dryRun === true
    ? { outcome: 'change', change, impact: impactOf(change) }
    : { outcome: 'change', change };
}

/** What a change would publish of itself; what the service adds at publication has no version yet. */
function impactOf({ diff, documents }: Change): Impact {
  return { diff, versions: Object.fromEntries(documents.map(({ role, version }) => [role, version])) };
}

/** What a change says was asked for: a path without a query, each segment percent-encoded. */
function askedFor(method: string, repository: string, segments: readonly string[], body: unknown): AskedEdit {
  const path = segments.map((segment) => `/${encodeURIComponent(segment)}`).join('');
  return { method, path: `/v2/${repository}/_trust${path}`, body };
}

function toldServed(stillServed: IntentAnswer['stillServed']): { readonly stillServed?: ListedTag[] } {
  return stillServed.length === 0 ? {} : { stillServed: [...stillServed] };
}

/** The summary of a repository that a dry run did not make: its keys would be others. */
function proposed({ row, keys, versions }: Extract<Creation, { outcome: 'dryRun' }>): RepositorySummary {
  const managed = new Set(row.settings.managed);
  const roles = repositoryRoles.map((role) => {
    const { keys: listed, threshold } = keys[role];
    const own = listed.filter(({ keyId }) => managed.has(keyId)).length;
    const others = listed.length - own;
    const custody =
      others === 0 ? ('managed' as const) : own === 0 ? ('client' as const) : ('mixed' as const);
    const independentCustodians = others + (own > 0 ? 1 : 0);
    return [role, { custody, threshold, keyIds: [] as string[], independentCustodians }] as const;
  });
  const { lifetimesMs } = row.settings;
  const expiries = Object.entries(lifetimesMs).map(([role, ms]) => [role, printTime(row.createdAtMs + ms)]);
  return {
    repository: row.repository,
    incarnation: row.incarnation,
    dialects: [...row.dialects],
    createdAt: printTime(row.createdAtMs),
    versions: { ...versions },
    expires: Object.fromEntries(expiries),
    roles: Object.fromEntries(roles),
    delegations: [],
    tagCount: 0,
    rootSha256: '',
    openChanges: 0,
    problems: [],
  };
}

/** Probes come often: the database is asked at most once a second. */
function createReadiness(
  database: Database,
  background: Background,
  now: () => number,
): () => Promise<Readiness> {
  let checkedMs = Number.NEGATIVE_INFINITY;
  let last: Promise<string> = Promise.resolve('unknown');
  return async () => {
    if (Math.abs(now() - checkedMs) >= readinessMaxAgeMs) {
      checkedMs = now();
      last = database.ping().then(
        () => 'ok',
        () => 'unavailable',
      );
    }
    const reached = await last;
    const fresh = background.isReady() ? 'ok' : 'renewing what is past half-life';
    return {
      ready: reached === 'ok' && fresh === 'ok',
      checks: { database: reached, freshness: fresh },
    };
  };
}
