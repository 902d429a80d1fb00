/** `PUT …/_trust`: a repository at once when the service holds root, otherwise a change that its keepers sign. */
import { type Database, lockUntilCommit, type Queries } from '@vidimus/database';
import {
  type DialectName,
  type Draft,
  type EditTerms,
  type Key,
  type RepositoryKeys,
  type Root,
  type Targets,
  toRoleKeys,
} from '@vidimus/tuf';
import type { CreateRepository } from '../../schemas/index.ts';
import { type Call, TrustError } from '../../service.ts';
import { appendEvents } from '../audit/append-events.ts';
import { EMPTY_LOG } from '../audit/event-chain.ts';
import { baseName } from '../edits/change-base.ts';
import { assertNotRevoked } from '../edits/custody.ts';
import { toDocument } from '../edits/open-change.ts';
import { printTime, toWholeSecond } from '../instants.ts';
import type { ManagedKey, ManagedKeys } from '../keys/managed-keys.ts';
import { assertBaseOf } from '../publish/assert-base.ts';
import { isSignable, type Published, type Versions } from '../publish/publication.ts';
import { readVersionFloor } from '../recovery/version-floor.ts';
import {
  type ChangeRow,
  insertChange,
  readDeadChanges,
  readOpenChanges,
  type StoredDocument,
} from '../store/changes.ts';
import { highestVersions } from '../store/metadata.ts';
import { insertRepository, lastIncarnation, lockLive, type RepositoryRow } from '../store/repositories.ts';
import { lifetimesIn } from '../store/repository-settings.ts';
import { isOf, stateOf } from './change-answer.ts';
import { printCreation } from './creation-plan.ts';
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
      /** Of the main dialect. */
      readonly keys: RepositoryKeys;
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
  readonly targets: ReadonlyMap<string, Draft<Targets>>;
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
  const brought = repositoryRoles.flatMap((role) => request.roles[role].clientKeys.map(({ key }) => key));
  await assertNotRevoked(tx, { repository }, brought);
  const isChange = repositoryRoles.some((role) => needsClient(request.roles[role]));
  const row = toRow(context, (await lastIncarnation(tx, repository)) + 1, managed, nowMs);
  // Also checks keys, thresholds and lifetimes, before anything is stored.
  const drafts: Part[] = [];
  for (const dialectKeys of made.keys) drafts.push(await toPart(tx, row, dialectKeys, nowMs));
  const [main] = drafts;
  if (main === undefined) throw new TrustError('INTERNAL', 'a repository without a dialect');
  if (call.dryRun === true && !isChange) {
    const next = (role: string): [string, number] => [role, (main.terms.highest.get(role) ?? 0) + 1];
    const versions = Object.fromEntries(repositoryRoles.map(next));
    return { outcome: 'dryRun', row, keys: main.keys, versions };
  }
  const roles = repositoryRoles.map((role) => ({ role }));
  const instead = await readDeadChanges(tx, repository, roles);
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
  return { ...keys, terms, ...firstDocuments(keys, terms) };
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
  const documents = drafts.flatMap((part) => toDocuments(part, row));
  const expires = expiriesOf(drafts, documents, row.dialects);
  return {
    id: parts.newId(),
    repository,
    incarnation: row.incarnation,
    state: 'open',
    kind: 'create',
    edit: { method: 'PUT', path: `/v2/${repository}/_trust`, body },
    times: {
      issued: printTime(nowMs),
      expires: Object.fromEntries(Array.from(expires, ([name, ms]) => [name, printTime(ms)])),
    },
    documents,
    summary: `create ${repository}`,
    diff: drafts.flatMap((part) => toDiff(part, documents, drafts.length === 1)),
    base: {},
    insteadOf: deadFor(dead, documents),
    createdBy: call.actor,
    createdAtMs: toWholeSecond(nowMs),
    expiresAtMs: changeExpiry(nowMs, Math.min(...expires.values())),
    plan: printCreation(drafts),
    signatures: [],
  };
}

/** Root, whoever signs it: who signs what it names wants to see it. Of the others those that a client must sign. */
function toDocuments({ dialect, root, targets, keys }: Part, row: RepositoryRow): readonly StoredDocument[] {
  const managed = new Set(row.settings.managed);
  const others = [...targets].flatMap(([role, draft]) => {
    if (role !== 'targets' && role !== 'revocations') return [];
    const roleKeys = toRoleKeys(role, keys[role]);
    if (isSignable(roleKeys, managed)) return [];
    return [toDocument({ dialect }, { role, draft, thresholds: [{ of: 'role', ...roleKeys }] })];
  });
  return [toRootDocument({ dialect, root }), ...others];
}

/** In `notary` targets lives longer; root lives equally long in both. */
function expiriesOf(
  drafts: readonly Part[],
  documents: readonly StoredDocument[],
  dialects: RepositoryRow['dialects'],
): ReadonlyMap<string, number> {
  const expires = new Map<string, number>();
  for (const { dialect, role } of documents) {
    const part = drafts.find((each) => each.dialect === dialect);
    const draft = role === 'root' ? part?.root : part?.targets.get(role);
    const name = role === 'root' ? role : baseName(dialects, dialect, role);
    if (draft !== undefined) expires.set(name, Math.min(draft.expires, expires.get(name) ?? draft.expires));
  }
  return expires;
}

function toDiff(
  { dialect, keys }: Part,
  documents: readonly StoredDocument[],
  isAlone: boolean,
): ChangeRow['diff'] {
  const where = isAlone ? '' : ` in the dialect ${dialect}`;
  return repositoryRoles
    .filter((role) => documents.some((each) => isOf(each, { dialect, role })))
    .map((role) => {
      const { keys: listed, threshold } = keys[role];
      const what = role === 'root' ? 'create' : `sign the first ${role}`;
      return { role, what: `${what}${where} with ${listed.length} keys, threshold ${threshold}` };
    });
}
