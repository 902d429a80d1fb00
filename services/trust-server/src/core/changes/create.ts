/** `PUT …/_trust`: a repository at once when the service holds root, otherwise a change that its keepers sign. */
import { sha256Hex, toBase64 } from '@vidimus/crypto';
import { type Database, lockUntilCommit, type Queries } from '@vidimus/database';
import {
  createRepository,
  type Draft,
  type EditTerms,
  type Key,
  type RepositoryKeys,
  type Root,
  tufDialect,
} from '@vidimus/tuf';
import type { CreateRepository } from '../../schemas.ts';
import { type Call, TrustError } from '../../service.ts';
import { appendEvents } from '../audit/append-events.ts';
import { EMPTY_LOG } from '../audit/event-chain.ts';
import { printTime, toWholeSecond } from '../instants.ts';
import type { ManagedKey, ManagedKeys } from '../keys/managed-keys.ts';
import { assertBaseOf } from '../publish/assert-base.ts';
import type { Published, Versions } from '../publish/publication.ts';
import { type ChangeRow, insertChange, readDeadChanges, readOpenChanges } from '../store/changes.ts';
import { highestVersions } from '../store/metadata.ts';
import { insertRepository, lastIncarnation, lockLive, type RepositoryRow } from '../store/repositories.ts';
import { stateOf } from './change-answer.ts';
import { type CreationRequest, needsClient, repositoryRoles, toCreationRequest } from './creation-request.ts';
import { endPending } from './end-pending.ts';
import { assertAllCustodians, publishFirst } from './first-publish.ts';

/** CONTRACTS C5. */
const changeLifetimeMs = 7 * 86_400_000;

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
  readonly keys: RepositoryKeys;
  readonly managed: readonly ManagedKey[];
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
  assertAllCustodians(made.keys, managed);
  const isChange = needsClient(request.roles);
  const row = toRow(context, (await lastIncarnation(tx, repository)) + 1, managed, nowMs);
  const terms: EditTerms = {
    repository,
    nowMs,
    lifetimesMs: new Map(Object.entries(row.settings.lifetimesMs)),
    highest: await highestVersions(tx, repository, 'tuf'),
  };
  // Also checks keys, thresholds and lifetimes, before anything is stored.
  const { root } = createRepository(made.keys, terms);
  if (call.dryRun === true && !isChange) {
    const next = (role: string): [string, number] => [role, (terms.highest.get(role) ?? 0) + 1];
    return { outcome: 'dryRun', row, root, versions: Object.fromEntries(repositoryRoles.map(next)) };
  }
  const instead = await readDeadChanges(tx, repository);
  const change = isChange ? toChangeRow(parts, context, row, root, instead, nowMs) : undefined;
  if (change !== undefined && call.dryRun === true) return { outcome: 'change', change, managed };

  await insertRepository(tx, row);
  await parts.keys.store(tx, row, made.managed);
  const by = { actor: call.actor, requestId: call.requestId, result: 'done' as const };
  if (change === undefined) {
    const event = { ...by, action: 'repository.create', after: { root: request.sha256 } };
    const published = await publishFirst(parts, tx, row, { keys: made.keys, terms, event });
    return { outcome: 'created', row: { ...row, activatedAtMs: nowMs, log: published.log }, published };
  }
  await insertChange(tx, change);
  await appendEvents(parts, tx, row, [{ ...by, action: 'change.open', change: change.id }], nowMs);
  return { outcome: 'change', change, managed };
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

async function makeKeys(keys: ManagedKeys, repository: string, { roles }: CreationRequest): Promise<Made> {
  const managed: ManagedKey[] = [];
  const sets = new Map<string, { keys: readonly Key[]; threshold: number }>();
  for (const role of repositoryRoles) {
    const { managedKeys, clientKeys, threshold } = roles[role];
    const own: ManagedKey[] = [];
    while (own.length < managedKeys) own.push(await keys.make(repository, 'tuf', role));
    managed.push(...own);
    sets.set(role, { keys: [...clientKeys, ...own.map(({ key }) => key)], threshold });
  }
  const of = (role: string) => sets.get(role) ?? { keys: [], threshold: 0 };
  return {
    managed,
    keys: {
      root: of('root'),
      targets: of('targets'),
      snapshot: of('snapshot'),
      timestamp: of('timestamp'),
      revocations: of('revocations'),
    },
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
    dialects: ['tuf'],
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
  root: Draft<Root>,
  dead: readonly ChangeRow[],
  nowMs: number,
): ChangeRow {
  const message = tufDialect.encode(root);
  const { keyIds, threshold } = root.roles.root;
  return {
    id: parts.newId(),
    repository,
    incarnation: row.incarnation,
    state: 'open',
    kind: 'create',
    edit: { method: 'PUT', path: `/v2/${repository}/_trust`, body },
    times: { issued: printTime(nowMs), expires: { root: printTime(root.expires) } },
    documents: [
      {
        dialect: 'tuf',
        role: 'root',
        version: root.version,
        toSign: toBase64(message),
        sha256: sha256Hex(message),
        thresholds: [{ of: 'role', threshold, keyIds: [...keyIds] }],
      },
    ],
    summary: `create ${repository}`,
    diff: [{ role: 'root', what: `create with ${keyIds.length} keys, threshold ${threshold}` }],
    base: {},
    insteadOf: deadFor(dead, 'root', root.version),
    createdBy: call.actor,
    createdAtMs: toWholeSecond(nowMs),
    // A root that has expired cannot be published: its change is over by then.
    expiresAtMs: Math.min(toWholeSecond(nowMs) + changeLifetimeMs, root.expires),
    signatures: [],
  };
}

/** Changes that proposed another document for the same version and came to nothing. */
function deadFor(dead: readonly ChangeRow[], role: string, version: number): readonly string[] {
  return dead
    .filter(({ documents }) => documents.some((entry) => entry.role === role && entry.version === version))
    .map(({ id }) => id);
}
