/** Takes a key out of every role of one repository that lists it, in one transaction. */

import { isDeepStrictEqual } from 'node:util';
import type { Queries } from '@vidimus/database';
import type { KeyRevoked, RevokeKey } from '../../schemas/index.ts';
import { type Call, type Outcome, TrustError } from '../../service.ts';
import { approvalsFor } from '../approvals/approval-rules.ts';
import { toChange } from '../changes/change-answer.ts';
import { carryOut } from '../edits/carry-out.ts';
import type { EditParts, EditPlan } from '../edits/edit-plan.ts';
import { endChange } from '../edits/end-change.ts';
import { insertRevokedKey } from '../keys-index/key-rows.ts';
import type { Published } from '../publish/publication.ts';
import type { ChangeRow } from '../store/changes.ts';
import type { RepositoryRow } from '../store/repositories.ts';
import { type Examined, examine } from './examine.ts';
import { foretell } from './foretell.ts';
import { planResign, planRevocation, requestOf } from './plan-revocation.ts';
import { wayOut } from './print-impact.ts';
import { assertReplacement, toReplacement } from './replacement.ts';

export interface RevokedIn {
  readonly outcome: Outcome<KeyRevoked>;
  /** Publishes of this transaction, oldest first. */
  readonly published: readonly { readonly row: RepositoryRow; readonly published: Published }[];
}

/**
 * The caller holds the lock of `row`, and has looked at If-Match.
 * @param inJob - one of many repositories: `force` is for those that need it
 * @throws TrustError KEY_UNKNOWN, KEY_INVALID, CUSTODY_INVALID, WOULD_BREAK, IMPACT_CHANGED and as `carryOut`; TufError
 */
export async function revokeIn(
  parts: EditParts,
  tx: Queries,
  row: RepositoryRow,
  call: Call,
  id: string,
  body: RevokeKey,
  inJob?: 'job',
): Promise<RevokedIn> {
  const nowMs = parts.now();
  const replacement = toReplacement(body.replacement);
  const examined = await examine(tx, row, id, wishOf(body, replacement), nowMs);
  await assertReplacement(tx, examined, replacement);
  assertExpected(examined, body);
  assertUsable(examined);
  if (inJob === undefined) assertNeeded(examined, body, replacement);
  const waiting = examined.open.find((change) => isSame(change, examined, body));
  if (waiting !== undefined) return answerChange(waiting, examined, nowMs);
  assertNoOther(examined, call);

  if (call.dryRun === true) return await dryRun(parts, tx, call, examined, body, nowMs);
  const plan = await planFor(parts, call, examined, body);
  // One person alone must not keep another one's key from signing.
  if (approvalsFor(parts.approvals, row.repository, call.actor, plan) === 0) {
    await insertRevokedKey(tx, parts.newId(), {
      material: examined.material,
      repository: row.repository,
      reason: body.reason,
      ...(body.compromisedSince === undefined
        ? {}
        : { compromisedSinceMs: Date.parse(body.compromisedSince) }),
      revokedAtMs: nowMs,
      actor: call.actor,
    });
  }
  let current = row;
  for (const change of examined.ending) {
    current = await endChange(parts, tx, current, change, 'stale', call, nowMs);
  }
  const carried = await carryOut(parts, tx, current, call, plan);
  if (carried.outcome === 'change') return answerChange(carried.change, examined, nowMs);
  if (carried.outcome !== 'published') throw new TrustError('INTERNAL', 'a revocation came out as a dry run');
  const done = [{ row: carried.row, published: carried.published }];
  const published = { ...carried.published.versions };
  if (examined.foretold.unsigned.length === 0) {
    return { outcome: { outcome: 'done', body: { ...examined.impact, published } }, published: done };
  }
  const resign = await carryOut(parts, tx, carried.row, call, planResign(examined, body));
  if (resign.outcome !== 'change') throw new TrustError('INTERNAL', 'what others must sign was published');
  const answer = { ...examined.impact, published, openChange: resign.change.id };
  return { outcome: { outcome: 'done', body: answer }, published: done };
}

/** What waits for somebody's approval waits as a whole: the holders of its roles sign meanwhile. */
async function planFor(parts: EditParts, call: Call, examined: Examined, body: RevokeKey): Promise<EditPlan> {
  const plan = await planRevocation(parts.keys, examined, body);
  const { row, foretold } = examined;
  if (foretold.kept.length === 0 || approvalsFor(parts.approvals, row.repository, call.actor, plan) === 0) {
    return plan;
  }
  const whole = { ...examined, foretold: { ...foretold, kept: [], unsigned: [] } };
  return await planRevocation(parts.keys, whole, body);
}

export function wishOf(
  { threshold, force = false }: Pick<RevokeKey, 'threshold' | 'force'>,
  replacement: ReturnType<typeof toReplacement>,
) {
  return {
    force,
    ...(threshold === undefined ? {} : { threshold }),
    ...(replacement === undefined ? {} : { replacement }),
  };
}

/** What somebody was shown must be what happens. @throws TrustError IMPACT_CHANGED */
function assertExpected({ impact }: Examined, { expect }: RevokeKey): void {
  const broken = impact.usable ? 0 : 1;
  if (expect === undefined || expect.break === broken) return;
  throw new TrustError(
    'IMPACT_CHANGED',
    'the revocation would do something else now: look at its impact again',
    {
      impact,
    },
  );
}

/** @throws TrustError WOULD_BREAK */
function assertUsable({ row: { repository }, impact }: Examined): void {
  if (impact.usable) return;
  const roles = impact.roles.filter(({ breaks }) => breaks).map(({ role }) => role);
  throw new TrustError(
    'WOULD_BREAK',
    `without key ${impact.key} nobody could sign ${roles.join(', ')} of ${repository}: ${wayOut(impact)}`,
    { repository, wayOut: wayOut(impact), impact },
  );
}

/** A key to all doors is asked for only where one is locked. @throws TrustError BODY_INVALID */
function assertNeeded(
  { question, trees }: Examined,
  { force }: RevokeKey,
  replacement: ReturnType<typeof toReplacement>,
): void {
  if (force !== true) return;
  const { roles } = foretell(trees, { ...question, force: false, ...(replacement && { replacement }) });
  if (roles.some(({ breaks }) => breaks !== undefined)) return;
  throw new TrustError('BODY_INVALID', 'force is not needed: nothing would break without it', { force });
}

/** The same revocation was asked for before, and waits for its signatures. */
function isSame(change: ChangeRow, examined: Examined, body: RevokeKey): boolean {
  const asked: unknown = JSON.parse(JSON.stringify(requestOf(examined, body)));
  return change.kind === 'key' && isDeepStrictEqual(change.edit, asked);
}

/** Another key's revocation that waits is not put aside for this one. @throws TrustError CHANGE_CONFLICT */
function assertNoOther({ open, foretold }: Examined, { supersede }: Call): void {
  const awaited = new Set([...foretold.awaited, ...foretold.unsigned].map(({ role }) => role));
  const other = open.find(
    ({ id, kind, documents }) =>
      kind === 'key' && id !== supersede && documents.some(({ role }) => awaited.has(role)),
  );
  if (other === undefined) return;
  throw new TrustError('CHANGE_CONFLICT', `change ${other.id} waits already: ${other.summary}`, {
    change: other.id,
  });
}

function answerChange(change: ChangeRow, { row }: Examined, nowMs: number): RevokedIn {
  const managed = new Set(row.settings.managed);
  return { outcome: { outcome: 'change', change: toChange(change, managed, nowMs) }, published: [] };
}

async function dryRun(
  parts: EditParts,
  tx: Queries,
  call: Call,
  examined: Examined,
  body: RevokeKey,
  nowMs: number,
): Promise<RevokedIn> {
  const plan = await planFor(parts, call, examined, body);
  const carried = await carryOut(parts, tx, examined.row, call, plan);
  if (carried.outcome !== 'dryRun') throw new TrustError('INTERNAL', 'a dry run came out as something else');
  const { change, versions, managed } = carried;
  const impact = { diff: [...plan.diff], versions: { ...versions } };
  if (change !== undefined) {
    return {
      outcome: { outcome: 'change', change: toChange(change, managed, nowMs), impact },
      published: [],
    };
  }
  return {
    outcome: { outcome: 'done', body: { ...examined.impact, published: { ...versions } }, impact },
    published: [],
  };
}
