/** `PUT …/_trust`: a repository at once when the service holds root, otherwise a change that its keepers sign. */
import { type Database, lockUntilCommit, type Queries } from '@vidimus/database';
import type { DialectName, Draft, EditTerms, Key, RepositoryKeys, Root } from '@vidimus/tuf';
import type { CreateRepository } from '../../schemas/index.ts';
import { type Call, TrustError } from '../../service.ts';
import { appendEvents } from '../audit/append-events.ts';
import { EMPTY_LOG } from '../audit/event-chain.ts';
import { printTime, toWholeSecond } from '../instants.ts';
import type { ManagedKey, ManagedKeys } from '../keys/managed-keys.ts';
import { assertBaseOf } from '../publish/assert-base.ts';
import type { Published, Versions } from '../publish/publication.ts';
import { readVersionFloor } from '../recovery/version-floor.ts';
import { type ChangeRow, insertChange, readDeadChanges, readOpenChanges } from '../store/changes.ts';
import { highestVersions } from '../store/metadata.ts';
import { insertRepository, lastIncarnation, lockLive, type RepositoryRow } from '../store/repositories.ts';
import { lifetimesIn } from '../store/repository-settings.ts';
import { stateOf } from './change-answer.ts';
import {
  type CreationRequest,
  clientKeysIn,
  needsClient,
  type RepositoryRole,
  repositoryRoles,
  toCreationRequest,
} from './creation-request.ts';
import { endPending } from './end-pending.ts';
import { type DialectKeys, firstDocuments } from './first-documents.ts';
import { assertAllCustodians, publishFirst } from './first-publish.ts';
import { changeExpiry, deadFor, toRootDocument } from './proposed-root.ts';

export interface CreateParts {
  readonly database: Database;
  readonly keys: ManagedKeys;
  readonly now: () => number;
  readonly newId: () => string;
}

export type Creation =
  /** Published now. */
  | { readonly outcome: 'created'; readonly row: RepositoryRow; readonly published: Published }
  /** It is there already, made by the same request. */
  | { readonly outcome: 'same'; readonly row: RepositoryRow }
  | { readonly outcome: 'change'; readonly change: ChangeRow; readonly managed: ReadonlySet<string> }
  /** A dry run: what would be published. */
  | {
      readonly outcome: 'dryRun';
      readonly row: RepositoryRow;
      readonly root: Draft<Root>;
      readonly versions: Versions;
    };

/** @throws TrustError REPOSITORY_EXISTS, CHANGE_CONFLICT, CUSTODY_INVALID, KEY_INVALID, THRESHOLD_INVALID */
export async function create(
  parts: CreateParts,
  call: Call,
  repository: string,
  body: CreateRepository,
): Promise<Creation> {
  const request = toCreationRequest(body);
  if (request.roles.root.managedKeys > 0 && !parts.keys.isAvailable('root')) {
    throw new TrustError('SIGNER_UNAVAILABLE', 'managed roots need the root master key, which is not here', {
      role: 'root',
    });
  }
  const made = await makeKeys(parts.keys, repository, request);
  return await parts.database.transaction(async (tx) => {
    // There may be no row to lock yet: two creations of one name wait for each other here.
    await lockUntilCommit(tx, `trust_repositories.create ${repository}`);
    return await createIn(parts, tx, { call, repository, body, request, made });
  });
}

interface Made {
  /** By dialect, `tuf` first. */
  readonly keys: readonly DialectKeys[];
  readonly managed: readonly ManagedKey[];
}

/** One dialect of a repository that is about to be made. */
interface Part extends DialectKeys {
  readonly terms: EditTerms;
  /** As it will be signed. */
  readonly root: Draft<Root>;
}

interface Context {
  readonly call: Call;
  readonly repository: string;
  readonly body: CreateRepository;
  readonly request: CreationRequest;
  readonly made: Made;
}

async function createIn(parts: CreateParts, tx: Queries, context: Context): Promise<Creation> {
  const { call, repository, request, made } = context;
  const nowMs = parts.now();
  const present = await lockLive(tx, repository);
  await assertBaseOf(tx, present, call.ifMatch);
  const standing = present && (await settlePresent(parts, tx, present, context, nowMs));
  if (standing !== undefined) return standing;

  const managed = new Set(made.managed.map(({ key }) => key.keyId));
  for (const dialectKeys of made.keys) assertAllCustodians(dialectKeys, managed);
  const isChange = needsClient(request.roles);
  const row = toRow(context, (await lastIncarnation(tx, repository)) + 1, managed, nowMs);
  // Also checks keys, thresholds and lifetimes, before anything is stored.
  const drafts: Part[] = [];
  for (const dialectKeys of made.keys) drafts.push(await toPart(tx, row, dialectKeys, nowMs));
  const [main] = drafts;
  if (main === undefined) throw new TrustError('INTERNAL', 'a repository without a dialect');
  if (call.dryRun === true && !isChange) {
    const next = (role: string): [string, number] => [role, (main.terms.highest.get(role) ?? 0) + 1];
    const versions = Object.fromEntries(repositoryRoles.map(next));
    return { outcome: 'dryRun', row, root: main.root, versions };
  }
  const instead = await readDeadChanges(tx, repository);
  const change = isChange ? toChangeRow(parts, context, row, drafts, instead, nowMs) : undefined;
  if (change !== undefined && call.dryRun === true) return { outcome: 'change', change, managed };

  await insertRepository(tx, row);
  await parts.keys.store(tx, row, made.managed);
  const by = { actor: call.actor, requestId: call.requestId, result: 'done' as const };
  if (change === undefined) {
    const event = { ...by, action: 'repository.create', after: { root: request.sha256 } };
    const firsts = drafts.map(({ dialect, keys, terms }) => ({ dialect, keys, terms }));
    const published = await publishFirst(parts, tx, row, { parts: firsts, event, nowMs });
    return { outcome: 'created', row: { ...row, activatedAtMs: nowMs, log: published.log }, published };
  }
  await insertChange(tx, change);
  await appendEvents(parts, tx, row, [{ ...by, action: 'change.open', change: change.id }], nowMs);
  return { outcome: 'change', change, managed };
}

/** @throws TufError EDIT_INVALID; TrustError KEY_INVALID */
async function toPart(tx: Queries, row: RepositoryRow, keys: DialectKeys, nowMs: number): Promise<Part> {
  const terms = await firstTerms(tx, row, keys.dialect, nowMs);
  return { ...keys, terms, root: firstDocuments(keys, terms).root };
}

/** The circumstances of a first publish in one dialect: above what earlier incarnations had. */
export async function firstTerms(
  tx: Queries,
  row: RepositoryRow,
  dialect: DialectName,
  nowMs: number,
): Promise<EditTerms> {
  const floor = await readVersionFloor(tx);
  const highest = new Map(await highestVersions(tx, row.repository, dialect, floor));
  // Clients of Notary v1 take a first root of version 1 or 2; none of them follows across incarnations.
  if (dialect === 'notary') highest.set('root', 0);
  const lifetimesMs = lifetimesIn(row.settings, dialect);
  return { repository: row.repository, nowMs, lifetimesMs, highest, floor };
}

/** What a live incarnation means for the request: the same again, a conflict, or (undefined) a free place. */
async function settlePresent(
  parts: CreateParts,
  tx: Queries,
  present: RepositoryRow,
  { call, repository, request }: Context,
  nowMs: number,
): Promise<Creation | undefined> {
  const isSame = present.settings.request === request.sha256;
  if (present.activatedAtMs !== undefined) {
    if (isSame) return { outcome: 'same', row: present };
    throw new TrustError('REPOSITORY_EXISTS', `${repository} exists with other settings`, { repository });
  }
  const [open] = await readOpenChanges(tx, present);
  if (open === undefined || stateOf(open, nowMs) === 'expired') {
    if (call.dryRun !== true) await endPending(parts, tx, present, open, 'expired', call, nowMs);
    return undefined;
  }
  if (isSame) return { outcome: 'change', change: open, managed: new Set(present.settings.managed) };
  if (call.supersede !== open.id) {
    throw new TrustError('CHANGE_CONFLICT', `change ${open.id} already proposes to create ${repository}`, {
      change: open.id,
    });
  }
  if (call.dryRun !== true) await endPending(parts, tx, present, open, 'rejected', call, nowMs);
  return undefined;
}

/** Every key is made for one dialect alone. */
async function makeKeys(
  keys: ManagedKeys,
  repository: string,
  { dialects, roles }: CreationRequest,
): Promise<Made> {
  const managed: ManagedKey[] = [];
  const made: DialectKeys[] = [];
  for (const dialect of dialects) {
    const sets = new Map<RepositoryRole, { keys: readonly Key[]; threshold: number }>();
    for (const role of repositoryRoles) {
      const request = roles[role];
      // Its clients know no such role.
      const wanted = dialect === 'notary' && role === 'revocations' ? 0 : request.managedKeys;
      const own: ManagedKey[] = [];
      while (own.length < wanted) own.push(await keys.make(repository, dialect, role));
      managed.push(...own);
      const all = [...clientKeysIn(request, dialect), ...own.map(({ key }) => key)];
      sets.set(role, { keys: all, threshold: request.threshold });
    }
    made.push({ dialect, keys: toRepositoryKeys(sets) });
  }
  return { managed, keys: made };
}

type KeySet = RepositoryKeys[RepositoryRole];

function toRepositoryKeys(sets: ReadonlyMap<RepositoryRole, KeySet>): RepositoryKeys {
  const of = (role: RepositoryRole): KeySet => sets.get(role) ?? { keys: [], threshold: 0 };
  return {
    root: of('root'),
    targets: of('targets'),
    snapshot: of('snapshot'),
    timestamp: of('timestamp'),
    revocations: of('revocations'),
  };
}

function toRow(
  { repository, request }: Context,
  incarnation: number,
  managed: ReadonlySet<string>,
  nowMs: number,
): RepositoryRow {
  return {
    repository,
    incarnation,
    dialects: [...request.dialects],
    settings: {
      request: request.sha256,
      digestRetentionMs: request.digestRetentionMs,
      lifetimesMs: Object.fromEntries(repositoryRoles.map((role) => [role, request.roles[role].lifetimeMs])),
      revocationsThreshold: request.roles.revocations.threshold,
      managed: [...managed],
    },
    createdAtMs: nowMs,
    tagCount: 0,
    log: EMPTY_LOG,
  };
}

function toChangeRow(
  parts: CreateParts,
  { call, repository, body }: Context,
  row: RepositoryRow,
  drafts: readonly Part[],
  dead: readonly ChangeRow[],
  nowMs: number,
): ChangeRow {
  const documents = drafts.map(({ dialect, root }) => toRootDocument({ dialect, root }));
  const expires = Math.min(...drafts.map(({ root }) => root.expires));
  return {
    id: parts.newId(),
    repository,
    incarnation: row.incarnation,
    state: 'open',
    kind: 'create',
    edit: { method: 'PUT', path: `/v2/${repository}/_trust`, body },
    times: { issued: printTime(nowMs), expires: { root: printTime(expires) } },
    documents,
    summary: `create ${repository}`,
    diff: drafts.map(({ dialect, root: { roles } }) => {
      const { keyIds, threshold } = roles.root;
      const where = drafts.length === 1 ? '' : ` in the dialect ${dialect}`;
      return { role: 'root', what: `create${where} with ${keyIds.length} keys, threshold ${threshold}` };
    }),
    base: {},
    insteadOf: deadFor(dead, documents),
    createdBy: call.actor,
    createdAtMs: toWholeSecond(nowMs),
    expiresAtMs: changeExpiry(nowMs, expires),
    signatures: [],
  };
}
