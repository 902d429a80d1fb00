/** Somebody agrees to a change of somebody else; with the last signature and approval it is carried out. */
import { areIndependent } from '@vidimus/access';
import type { Queries } from '@vidimus/database';
import type { ApproveChange } from '../../schemas/index.ts';
import { type Call, TrustError } from '../../service.ts';
import { appendEvents } from '../audit/append-events.ts';
import { assertChange, assertOpen, type ChangeParts, type SignedChange } from '../changes/sign-change.ts';
import { toWholeSecond } from '../instants.ts';
import { assertBaseOf } from '../publish/assert-base.ts';
import { type ChangeRow, insertSignature } from '../store/changes.ts';
import { lockLive } from '../store/repositories.ts';
import { insertApproval } from './approval-rows.ts';
import { checkApprovals } from './approval-signatures.ts';
import { completeChange } from './complete-change.ts';

/**
 * A change that asks for no approval, or has the caller's, is answered as it is.
 * Its signatures go to a signer of its own that demands them. Whoever has approved without may add them.
 * @throws TrustError DENIED, SIGNATURE_INVALID, CHANGE_CLOSED, CHANGE_UNKNOWN
 */
export async function approveChange(
  parts: ChangeParts,
  call: Call,
  repository: string,
  id: string,
  { signatures = [] }: ApproveChange = {},
): Promise<SignedChange> {
  const approved = await parts.database.transaction(async (tx): Promise<SignedChange> => {
    const row = await lockLive(tx, repository);
    const change = await assertChange(tx, repository, id);
    await assertBaseOf(tx, row, call.ifMatch);
    const managed = new Set(row?.settings.managed);
    const before = change.approvedBy ?? [];
    const nowMs = parts.now();
    const hasApproved = before.some(({ actor }) => actor === call.actor);
    const fresh =
      hasApproved && change.state !== 'open' ? [] : checkApprovals(change, signatures, call, nowMs);
    if ((change.approvals ?? 0) === 0 || (hasApproved && fresh.length === 0)) return { change, managed };
    const open = assertOpen(change, row, nowMs);
    if (!hasApproved) await assertAnother(tx, change, call.actor);
    const approval = { actor: call.actor, atMs: toWholeSecond(nowMs) };
    const next: ChangeRow = {
      ...change,
      approvedBy: hasApproved ? before : [...before, approval],
      signatures: [...change.signatures, ...fresh],
    };
    if (call.dryRun === true) return { change: next, managed };
    if (!hasApproved) await insertApproval(tx, id, approval);
    for (const signature of fresh) await insertSignature(tx, id, signature);
    const { actor, requestId } = call;
    const event = {
      action: 'change.approve',
      actor,
      requestId,
      result: 'done' as const,
      change: id,
      ...(fresh.length === 0 ? {} : { after: { signedWith: [...new Set(fresh.map(({ keyId }) => keyId))] } }),
    };
    const moved = await appendEvents(parts, tx, open, [event], nowMs);
    // Whoever comes last, it is the author's doing: the log says who agreed.
    return await completeChange(parts, tx, moved, next, { actor: change.createdBy, requestId }, nowMs);
  });
  if (approved.change.state !== 'stale') return approved;
  // Thrown only now: that the change is stale has been written down.
  throw new TrustError('CHANGE_CLOSED', `change ${id} is stale`, { change: id, state: 'stale' });
}

/** One person must not be two, by way of a second token either. @throws TrustError DENIED */
async function assertAnother(tx: Queries, change: ChangeRow, actor: string): Promise<void> {
  const others = [change.createdBy, ...(change.approvedBy ?? []).map((approval) => approval.actor)];
  for (const other of others) {
    if (await areIndependent(tx, other, actor)) continue;
    const whose = other === change.createdBy ? 'its author' : 'somebody who has approved it';
    const why =
      other === actor
        ? `you are ${whose}`
        : `your token and that of ${whose} may be in one hand: one token made both`;
    throw new TrustError('DENIED', `change ${change.id} needs the approval of another person: ${why}`, {
      change: change.id,
    });
  }
}
