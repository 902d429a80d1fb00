/** The use cases of a repository as a whole: summary, creation, import, dialects, restore, end; and of all of them. */
import type { Queries } from '@vidimus/database';
import type { RepositorySummary } from '../../schemas/index.ts';
import type { TrustService } from '../../service.ts';
import { addDialects } from '../dialect-changes/add-dialects.ts';
import type { DialectParts } from '../dialect-changes/dialect-parts.ts';
import { importNotary, toNotaryImport } from '../import/import-notary.ts';
import { printTime } from '../instants.ts';
import { done, pending } from '../outcomes.ts';
import type { Published } from '../publish/publication.ts';
import type { MetadataCache } from '../read/metadata-cache.ts';
import type { Readers } from '../read/repository-view.ts';
import { listRepositories, readSummary } from '../read/summary.ts';
import { recoverRepository } from '../recovery/recover-repository.ts';
import type { Incarnation } from '../store/metadata.ts';
import { guarded } from '../trust-errors.ts';
import { toChange } from './change-answer.ts';
import { type Creation, create } from './create.ts';
import { repositoryRoles } from './creation-request.ts';
import { endRepository } from './end-repository.ts';

export type RepositoryService = Pick<
  TrustService,
  | 'readRepository'
  | 'createRepository'
  | 'importRepository'
  | 'addDialects'
  | 'recoverRepository'
  | 'endRepository'
  | 'listRepositories'
>;

export function createRepositoryService(
  parts: DialectParts & {
    readonly cache: MetadataCache;
    readonly readers: Readers;
    readonly onPublished: (at: Incarnation, published: Published) => void;
  },
): RepositoryService {
  const { cache, now, onPublished, readers, states } = parts;
  const { db } = parts.database;
  const summarise = (repository: string): Promise<RepositorySummary> =>
    readSummary(readers, db, repository, now());

  return {
    readRepository: (repository) => guarded(() => summarise(repository)),
    createRepository: (call, repository, body) =>
      guarded(async () => {
        const creation = await create(parts, call, repository, body);
        if (creation.outcome === 'change') {
          return pending(call, toChange(creation.change, creation.managed, now()));
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
        const importing = { ...parts, states, summarise: summaries };
        const { summary, created } = await importNotary(importing, call, repository, toNotaryImport(body));
        return { ...done(call, summary, { diff: [], versions: { ...summary.versions } }), created };
      }),
    addDialects: (call, repository, body) =>
      guarded(async () => {
        const added = await addDialects(parts, call, repository, body);
        if (added.outcome === 'change') {
          return pending(call, toChange(added.change, added.managed, now()));
        }
        if (added.outcome === 'published') onPublished(added.row, added.published);
        const summary = await summarise(repository);
        if (added.outcome !== 'dryRun') return done(call, summary, { diff: [], versions: {} });
        const impact = { diff: [], versions: { ...added.versions } };
        return done(call, { ...summary, dialects: [...added.dialects] }, impact);
      }),
    recoverRepository: (call, repository, body) =>
      guarded(async () => {
        const { row, published } = await recoverRepository(parts, call, repository, body);
        if (published !== undefined) onPublished(row, published);
        const summary = await summarise(repository);
        return done(call, summary, { diff: [], versions: { ...(published?.versions ?? {}) } });
      }),
    endRepository: (call, repository) =>
      guarded(async () => {
        const ending = await endRepository(parts, call, repository);
        if (ending.outcome === 'change') return pending(call, toChange(ending.change, new Set(), now()));
        const { endedAtMs } = ending;
        const { incarnation } = ending.row;
        if (call.dryRun !== true) cache.announced({ repository, incarnation, versions: {} });
        const body = { repository, incarnation, endedAt: printTime(endedAtMs) };
        return done(call, body, { diff: [], versions: {} });
      }),
    listRepositories: (filter, page) =>
      guarded(() => listRepositories(db, readers.reader.certificates, filter, page, now())),
  };
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
