/** `PATCH …/_trust`: gives a repository a dialect it lacks, at once where the service can sign that, else as a change. */
import type { Queries } from '@vidimus/database';
import { type AddDialects, addDialectsSchema } from '../../schemas/index.ts';
import { type Call, TrustError } from '../../service.ts';
import { appendEvents } from '../audit/append-events.ts';
import { stateOf } from '../changes/change-answer.ts';
import { endChange } from '../edits/end-change.ts';
import { assertBaseOf } from '../publish/assert-base.ts';
import type { Published, Versions } from '../publish/publication.ts';
import { assertActive } from '../publish/publisher.ts';
import { type ChangeRow, insertChange, readDeadChanges, readOpenChanges } from '../store/changes.ts';
import { headsIn, readHeads } from '../store/metadata.ts';
import { lockLive, type RepositoryRow } from '../store/repositories.ts';
import { prepareMirror, prepareNextRoot } from './add-mirror.ts';
import { notaryAddition, prepareNotary } from './add-notary.ts';
import type { DialectParts } from './dialect-parts.ts';
import { fingerprintOf, missingDialect } from './dialects-request.ts';
import type { Prepared } from './prepared.ts';
import { toProposal } from './propose.ts';
import { publishAddition } from './publish-addition.ts';

export type DialectsOutcome =
  /** It has them. */
  | { readonly outcome: 'same' }
  | { readonly outcome: 'published'; readonly row: RepositoryRow; readonly published: Published }
  | { readonly outcome: 'change'; readonly change: ChangeRow; readonly managed: ReadonlySet<string> }
  /** A dry run: what would be published. */
  | { readonly outcome: 'dryRun'; readonly dialects: RepositoryRow['dialects']; readonly versions: Versions };

/**
 * @throws TrustError REPOSITORY_UNKNOWN, BODY_INVALID, CHANGE_CONFLICT, DIALECT_INEXPRESSIBLE, DIALECTS_DISAGREE,
 * CUSTODY_INVALID, THRESHOLD_INVALID, KEY_INVALID, WOULD_BREAK; TufError EDIT_INVALID
 */
export async function addDialects(
  parts: DialectParts,
  call: Call,
  repository: string,
  body: AddDialects,
): Promise<DialectsOutcome> {
  return await parts.database.transaction(async (tx) => {
    const row = assertActive(repository, await lockLive(tx, repository));
    await assertBaseOf(tx, row, call.ifMatch);
    const nowMs = parts.now();
    const missing = missingDialect(row.dialects, body);
    if (missing === undefined && row.settings.outdatedRoot !== true) return { outcome: 'same' };
    const open = await settleOpen(parts, tx, row, call, body, nowMs);
    if ('change' in open) return { outcome: 'change', ...open };
    const prepare =
      missing === 'notary' ? prepareNotary : missing === 'tuf' ? prepareMirror : prepareNextRoot;
    const prepared = await prepare(parts, tx, open.row, body, nowMs);
    const asked: Asked = { call, body, row: open.row, nowMs };
    const approvals = parts.approvals.needed(repository, ['root']);
    if (prepared.byClients) return await propose(parts, tx, asked, prepared, approvals);
    if (approvals === 0) return await publishNow(parts, tx, asked, prepared);
    throw new TrustError(
      'DENIED',
      'another person must agree to a root here, and the service alone signs this one',
    );
  });
}

interface Asked {
  readonly call: Call;
  readonly body: AddDialects;
  readonly row: RepositoryRow;
  readonly nowMs: number;
}

type Open =
  /** The same was asked for and waits. */
  | { readonly change: ChangeRow; readonly managed: ReadonlySet<string> }
  /** The place is free. */
  | { readonly row: RepositoryRow };

/** There is one open change a role: the same one, one that is over or is superseded, or a conflict. */
async function settleOpen(
  parts: DialectParts,
  tx: Queries,
  row: RepositoryRow,
  call: Call,
  body: AddDialects,
  nowMs: number,
): Promise<Open> {
  const [change] = (await readOpenChanges(tx, row)).filter(({ documents }) =>
    documents.some(({ role }) => role === 'root'),
  );
  if (change === undefined) return { row };
  const isOver = stateOf(change, nowMs) === 'expired';
  const isSame =
    change.kind === 'dialects' &&
    fingerprintOf(addDialectsSchema.parse(change.edit.body)) === fingerprintOf(body);
  if (!isOver && isSame) return { change, managed: new Set(row.settings.managed) };
  if (!isOver && call.supersede !== change.id) {
    throw new TrustError('CHANGE_CONFLICT', `change ${change.id} already proposes another root`, {
      change: change.id,
    });
  }
  if (call.dryRun === true) return { row };
  return { row: await endChange(parts, tx, row, change, isOver ? 'expired' : 'rejected', call, nowMs) };
}

async function publishNow(
  parts: DialectParts,
  tx: Queries,
  { call, row, nowMs }: Asked,
  { first, made, root }: Prepared,
): Promise<DialectsOutcome> {
  if (first === undefined) throw new TrustError('INTERNAL', 'a dialect without keys');
  if (call.dryRun === true) {
    const timestamp = headsIn(await readHeads(tx, row), 'tuf').get('timestamp')?.version ?? 0;
    return { outcome: 'dryRun', dialects: ['tuf', 'notary'], versions: { timestamp: timestamp + 1 } };
  }
  await parts.keys.store(tx, row, made);
  const owned = withManaged(row, made);
  const event = {
    action: 'repository.dialects',
    actor: call.actor,
    requestId: call.requestId,
    result: 'done' as const,
    before: { dialects: [...row.dialects] },
    after: { dialects: ['tuf', 'notary'], rootKeys: [...root.roles.root.keyIds] },
  };
  const addition = await notaryAddition(parts, tx, owned, first, event, nowMs);
  return { outcome: 'published', ...(await publishAddition(parts, tx, owned, addition)) };
}

async function propose(
  parts: DialectParts,
  tx: Queries,
  { call, body, row, nowMs }: Asked,
  prepared: Prepared,
  approvals: number,
): Promise<DialectsOutcome> {
  const dead = await readDeadChanges(tx, row.repository, [{ role: 'root' }]);
  const proposal = toProposal(row, { ...prepared, id: parts.newId(), call, body, dead, nowMs });
  const change: ChangeRow = { ...proposal, approvals };
  const { settings } = withManaged(row, prepared.made);
  const outcome = { outcome: 'change', change, managed: new Set(settings.managed) } as const;
  if (call.dryRun === true) return outcome;
  await parts.keys.store(tx, row, prepared.made);
  await insertChange(tx, change);
  const event = { action: 'change.open', actor: call.actor, requestId: call.requestId, change: change.id };
  await appendEvents(parts, tx, row, [{ ...event, result: 'done' }], nowMs, { settings });
  return outcome;
}

function withManaged(row: RepositoryRow, made: Prepared['made']): RepositoryRow {
  const managed = [...row.settings.managed, ...made.map(({ key }) => key.keyId)];
  return { ...row, settings: { ...row.settings, managed } };
}
