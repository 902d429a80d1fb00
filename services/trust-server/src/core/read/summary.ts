/** `GET …/_trust`, `/roles` and the fleet's list. */
import { sha256Hex } from '@vidimus/crypto';
import { type Queries, trustChanges, trustHeads, trustRepositories, trustRoleKeys } from '@vidimus/database';
import { toPathGlob } from '@vidimus/notary';
import { BINS_ROLE, type Delegation, type DialectName } from '@vidimus/tuf';
import { and, asc, eq, gt, inArray, isNotNull, isNull, or, sql } from 'drizzle-orm';
import type {
  FleetSummary,
  RepositoryRow as RepositoryAnswer,
  RepositorySummary,
  Role,
} from '../../schemas/index.ts';
import { type Page, type PageRequest, type RepositoryFilter, TrustError } from '../../service.ts';
import { stateOf } from '../changes/change-answer.ts';
import { isSignersRole } from '../delegations/delegation-tree.ts';
import { notMirrored, readSource } from '../dialect-changes/mirror-source.ts';
import { mainDialect, parseDialect } from '../dialects.ts';
import { printDuration, printTime } from '../instants.ts';
import { readStillListed } from '../keys-index/key-rows.ts';
import { headOf } from '../publish/current-documents.ts';
import { readOpenChanges } from '../store/changes.ts';
import { type Head, readFile } from '../store/metadata.ts';
import { lifetimesIn, parseSettings, type RepositorySettings } from '../store/repository-settings.ts';
import type { CertificateEnds, NotaryRoot } from './certificate-ends.ts';
import { withHolders } from './holders.ts';
import { findProblems, type RoleLife } from './problems.ts';
import {
  delegationsOf,
  type Readers,
  type RepositoryView,
  readView,
  roleState,
  rolesOf,
  shownRoles,
  topLevelRoles,
} from './repository-view.ts';

/** @throws TrustError REPOSITORY_UNKNOWN */
export async function readSummary(
  readers: Readers,
  queries: Queries,
  repository: string,
  nowMs: number,
): Promise<RepositorySummary> {
  const view = await readView(readers, queries, repository);
  const { row, heads, dialect } = view;
  const roles = rolesOf(dialect);
  const rootFile = await readFile(queries, row, dialect, 'root', headOf(heads, 'root').version);
  if (rootFile === undefined) throw new TrustError('INTERNAL', 'the root file is missing');
  const open = (await readOpenChanges(queries, row)).filter((change) => stateOf(change, nowMs) === 'open');
  const notaryRoot = (dialect === 'notary' ? heads : view.beside).get('root');
  const ends = await readers.reader.certificates.read(
    queries,
    notaryRoot === undefined ? [] : [{ repository, sha256: notaryRoot.sha256 }],
  );
  const summary: RepositorySummary = {
    repository,
    incarnation: row.incarnation,
    dialects: [...row.dialects],
    ...(row.settings.mirrored === true ? { mirrored: true as const } : {}),
    createdAt: printTime(row.activatedAtMs ?? row.createdAtMs),
    versions: Object.fromEntries(roles.map((role) => [role, headOf(heads, role).version])),
    expires: Object.fromEntries(roles.map((role) => [role, printTime(headOf(heads, role).expiresMs)])),
    roles: Object.fromEntries(
      roles.flatMap((role) => {
        const state = roleState(view, role);
        return state === undefined ? [] : [[role, state]];
      }),
    ),
    delegations: delegationsOf(view).map((role) => toRoleAnswer(view, role)),
    tagCount: row.tagCount,
    rootSha256: sha256Hex(rootFile.bytes),
    openChanges: open.length,
    problems: [
      ...findProblems({
        repository,
        nowMs,
        roles: livesOf(view),
        rootIsOnline: headOf(heads, 'root').resignAfterMs !== undefined,
        openChanges: open.map(({ id }) => id),
        rootIsOutdated: row.settings.outdatedRoot === true,
        restoredFrom: row.settings.restored?.backup,
        revokedKeys: (await readStillListed(queries, repository)).get(repository),
        certificate: certificateOf(ends.get(repository), row.settings),
        ...(row.settings.mirrored === true
          ? { notMirrored: notMirrored(await readSource(readers.states, queries, row)) }
          : {}),
      }),
    ],
  };
  const [told = summary] = await withHolders(queries, [summary]);
  return told;
}

function certificateOf(
  endsMs: number | undefined,
  { origin }: RepositorySettings,
): { readonly endsMs: number; readonly isForeign: boolean } | undefined {
  return endsMs === undefined ? undefined : { endsMs, isForeign: origin === 'notary' };
}

function livesOf(view: RepositoryView): readonly RoleLife[] {
  const { row, heads, beside, dialect } = view;
  const own = [
    ...rolesOf(dialect).map((role) => headOf(heads, role)),
    ...delegationsOf(view).flatMap((role) => heads.get(role) ?? []),
  ];
  const others = topLevelRoles.flatMap((role) => beside.get(role) ?? []);
  return [...own, ...others].map((head) => toLife(head, row));
}

/** @throws TrustError ROLE_UNKNOWN */
export function toRoleAnswer(view: RepositoryView, role: string): Role {
  const state = roleState(view, role);
  const delegated = delegationTo(view, role);
  const head = delegated !== undefined && isUnsigned(view, role) ? undefined : view.heads.get(role);
  if (state === undefined || (head === undefined && delegated === undefined)) {
    throw new TrustError('ROLE_UNKNOWN', `there is no role ${role}`, { role });
  }
  return {
    role,
    ...state,
    ...(head === undefined ? {} : { version: head.version, expires: printTime(head.expiresMs) }),
    expiresAfter: printDuration(lifetimeOf(view.row.settings, role, view.dialect)),
    ...pathsOf(delegated),
    ...(delegated === undefined ? {} : { terminating: delegated.terminating }),
  };
}

/** Nobody has signed a file of it under the keys that it has now. */
function isUnsigned({ dialect, delegated }: RepositoryView, role: string): boolean {
  return (dialect === 'notary' || isSignersRole(role)) && delegated?.has(role) !== true;
}

function delegationTo({ targets, delegated }: RepositoryView, role: string): Delegation | undefined {
  for (const document of [targets, ...(delegated?.values() ?? [])]) {
    const found = document?.delegations?.roles.find(({ name }) => name === role);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** As the `tuf` dialect writes them, whichever dialect they stand in. */
function pathsOf(delegation: Delegation | undefined): { readonly paths?: string[] } {
  const { paths, pathPrefixes } = delegation ?? {};
  if (paths !== undefined) return { paths: [...paths] };
  // A prefix that no glob means is shown as it is.
  return pathPrefixes === undefined
    ? {}
    : { paths: pathPrefixes.map((prefix) => toPathGlob(prefix) ?? prefix) };
}

type FleetFilter = RepositoryFilter & { readonly mayRead: (repository: string) => boolean };

/** Active repositories with their problems; counts are over all that the filter chose. */
export async function listRepositories(
  queries: Queries,
  certificates: CertificateEnds,
  filter: FleetFilter,
  page: PageRequest,
  nowMs: number,
): Promise<Page<RepositoryAnswer> & { readonly summary: FleetSummary }> {
  const { rows, open } = await readFleetProblems(queries, certificates, filter, nowMs);
  const { problem } = filter;
  const chosen = rows.filter(
    ({ problems }) =>
      problem === undefined || problems.some(({ code }) => problem === 'any' || code === problem),
  );
  const from = page.after ?? '';
  const items = chosen.filter(({ repository }) => repository > from).slice(0, page.limit + 1);
  const last = items.length > page.limit ? items[page.limit - 1] : undefined;
  const names = (code: string): number =>
    rows.filter(({ problems }) => problems.some((found) => found.code === code)).length;
  return {
    items: await withHolders(queries, items.slice(0, page.limit)),
    ...(last === undefined ? {} : { next: last.repository }),
    summary: {
      repositories: rows.length,
      ok: rows.filter(({ problems }) => problems.length === 0).length,
      expiring: names('ROLE_EXPIRING') + names('ROLE_EXPIRED'),
      pendingChanges: [...open.values()].reduce((sum, ids) => sum + ids.length, 0),
    },
  };
}

export interface FleetProblems {
  /** In the order of their names. */
  readonly rows: readonly RepositoryAnswer[];
  /** Ids of open changes by repository, of those that wait to be created, too. */
  readonly open: ReadonlyMap<string, readonly string[]>;
}

/** Every active repository that the filter chose; one query for each kind of fact, however many there are. */
export async function readFleetProblems(
  queries: Queries,
  certificates: CertificateEnds,
  filter: Omit<FleetFilter, 'problem'>,
  nowMs: number,
): Promise<FleetProblems> {
  const repositories = await readFleet(queries, filter);
  const lives = await readLives(queries, filter);
  const open = await readOpen(queries, filter, nowMs);
  const stillListed = await readStillListed(queries);
  const ends = await certificates.read(queries, notaryRoots(repositories, lives));
  const rows = repositories.map(({ repository, dialects, settings }) => {
    const roles = lives.get(repository) ?? [];
    const problems = findProblems({
      repository,
      nowMs,
      roles: roles.map((head) => toLife(head, { dialects, settings })),
      rootIsOnline: roles.some(({ role, resignAfterMs }) => role === 'root' && resignAfterMs !== undefined),
      openChanges: open.get(repository) ?? [],
      rootIsOutdated: settings.outdatedRoot === true,
      restoredFrom: settings.restored?.backup,
      revokedKeys: stillListed.get(repository),
      certificate: certificateOf(ends.get(repository), settings),
      ...(filter.expiringWithinMs === undefined ? {} : { expiringWithinMs: filter.expiringWithinMs }),
    });
    return { repository, dialects: [...dialects], problems: [...problems] } satisfies RepositoryAnswer;
  });
  return { rows, open };
}

function notaryRoots(
  repositories: readonly FleetRow[],
  lives: ReadonlyMap<string, readonly Life[]>,
): readonly NotaryRoot[] {
  return repositories.flatMap(({ repository }) =>
    (lives.get(repository) ?? [])
      .filter(({ dialect, role }) => dialect === 'notary' && role === 'root')
      .map(({ sha256 }) => ({ repository, sha256 })),
  );
}

const startsWith = (filter: FleetFilter) =>
  filter.prefix === undefined
    ? undefined
    : sql`starts_with(${trustRepositories.repository}, ${filter.prefix})`;

const active = (filter: FleetFilter) =>
  and(isNull(trustRepositories.endedAt), isNotNull(trustRepositories.activatedAt), startsWith(filter));

interface FleetRow {
  readonly repository: string;
  readonly dialects: readonly DialectName[];
  readonly settings: RepositorySettings;
}

async function readFleet(queries: Queries, filter: FleetFilter): Promise<readonly FleetRow[]> {
  const rows = await queries
    .select({
      repository: trustRepositories.repository,
      dialects: trustRepositories.dialects,
      settings: trustRepositories.settings,
    })
    .from(trustRepositories)
    .where(active(filter))
    .orderBy(asc(trustRepositories.repository));
  return rows
    .filter(({ repository }) => filter.mayRead(repository))
    .map(({ repository, dialects, settings }) => ({
      repository,
      dialects: dialects.map(parseDialect),
      settings: parseSettings(settings),
    }));
}

async function readLives(
  queries: Queries,
  filter: FleetFilter,
): Promise<ReadonlyMap<string, readonly Life[]>> {
  const rows = await queries
    .select({
      repository: trustHeads.repository,
      dialect: trustHeads.dialect,
      role: trustHeads.role,
      version: trustHeads.version,
      sha256: trustHeads.sha256,
      expiresAt: trustHeads.expiresAt,
      resignAfter: trustHeads.resignAfter,
    })
    .from(trustHeads)
    .innerJoin(
      trustRepositories,
      and(
        eq(trustRepositories.repository, trustHeads.repository),
        eq(trustRepositories.incarnation, trustHeads.incarnation),
      ),
    )
    .where(and(active(filter), or(inArray(trustHeads.role, [...shownRoles]), isSigners)));
  const lives = new Map<string, Life[]>();
  for (const { repository, dialect, role, version, sha256, expiresAt, resignAfter } of rows) {
    const known = lives.get(repository) ?? [];
    known.push({
      dialect: parseDialect(dialect),
      role,
      version,
      sha256,
      expiresMs: expiresAt.getTime(),
      ...(resignAfter === null ? {} : { resignAfterMs: resignAfter.getTime() }),
    });
    lives.set(repository, known);
  }
  return lives;
}

/** Roles that somebody is still delegated; bins are a matter of layout. */
const isSigners = sql`${trustHeads.role} <> ${BINS_ROLE} and ${trustHeads.role} !~ '^b[0-9]+-' and exists (
  select 1 from ${trustRoleKeys} l where l.repository = ${trustHeads.repository}
    and l.incarnation = ${trustHeads.incarnation} and l.dialect = ${trustHeads.dialect}
    and l.role = ${trustHeads.role} and l.until is null)`;

type Life = Head;

/** Open changes by repository, those that would create one included. */
async function readOpen(
  queries: Queries,
  filter: FleetFilter,
  nowMs: number,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const rows = await queries
    .select({ id: trustChanges.id, repository: trustChanges.repository })
    .from(trustChanges)
    .where(
      and(
        eq(trustChanges.state, 'open'),
        gt(trustChanges.expiresAt, new Date(nowMs)),
        filter.prefix === undefined
          ? undefined
          : sql`starts_with(${trustChanges.repository}, ${filter.prefix})`,
      ),
    );
  const open = new Map<string, string[]>();
  for (const { id, repository } of rows) {
    if (filter.mayRead(repository)) open.set(repository, [...(open.get(repository) ?? []), id]);
  }
  return open;
}

function toLife(head: Life, { dialects, settings }: Pick<FleetRow, 'dialects' | 'settings'>): RoleLife {
  return {
    role: head.role,
    ...(head.dialect === mainDialect(dialects) ? {} : { dialect: head.dialect }),
    expiresMs: head.expiresMs,
    lifetimeMs: lifetimeOf(settings, head.role, head.dialect),
    renewed: head.resignAfterMs !== undefined,
  };
}

/** Lifetime of new versions, milliseconds. */
export function lifetimeOf(settings: RepositorySettings, role: string, dialect: DialectName): number {
  const lifetimes = lifetimesIn(settings, dialect);
  return lifetimes.get(role) ?? lifetimes.get('targets') ?? 0;
}
