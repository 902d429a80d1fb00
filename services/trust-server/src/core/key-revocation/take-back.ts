/** A revocation that other people had to agree to is in force from the moment when it is carried out. */
import type { Queries } from '@vidimus/database';
import { z } from 'zod';
import { parsePlan } from '../edits/stored-plan.ts';
import { insertRevokedKey } from '../keys-index/key-rows.ts';
import type { ChangeRow } from '../store/changes.ts';

/** As its event tells it. */
const toldSchema = z.object({
  material: z.string(),
  reason: z.string(),
  compromisedSince: z.iso.datetime().optional(),
});

/** One that nobody had to agree to was written down when it was asked for: a stolen key does not wait for signatures. */
export async function takeBackApproved(
  { newId }: { readonly newId: () => string },
  tx: Queries,
  { kind, approvals = 0, plan, repository, createdBy }: ChangeRow,
  nowMs: number,
): Promise<void> {
  if (kind !== 'key' || approvals === 0) return;
  const { material, reason, compromisedSince } = toldSchema.parse(parsePlan(plan)?.event.after);
  await insertRevokedKey(tx, newId(), {
    material,
    repository,
    reason,
    ...(compromisedSince === undefined ? {} : { compromisedSinceMs: Date.parse(compromisedSince) }),
    revokedAtMs: nowMs,
    actor: createdBy,
  });
}
