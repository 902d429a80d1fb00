/** `POST …/roles/<role>/rotations` and `PATCH …/roles/<role>`. */
import type { Call } from '../../service.ts';
import { finishBegun, finishCarried } from '../approvals/finish-begun.ts';
import type { DialectParts } from '../dialect-changes/dialect-parts.ts';
import { carryOut } from '../edits/carry-out.ts';
import type { Carried } from '../edits/edit-plan.ts';
import { assertBaseOf } from '../publish/assert-base.ts';
import { assertActive } from '../publish/publisher.ts';
import { lockLive } from '../store/repositories.ts';
import { planRotation, type RotationRequest } from './plan-rotation.ts';

/** `same`: the role is already as it was asked for. */
export type Rotated = Carried | { readonly outcome: 'same' };

/** @throws TrustError as `carryOut`, and REPOSITORY_UNKNOWN, ROLE_UNKNOWN, VERSION_CONFLICT */
export async function rotateRole(
  parts: DialectParts,
  call: Call,
  repository: string,
  request: RotationRequest,
): Promise<Rotated> {
  if (call.dryRun !== true) await finishBegun(parts, call, repository);
  const rotated = await parts.database.transaction(async (tx): Promise<Rotated> => {
    const row = assertActive(repository, await lockLive(tx, repository));
    await assertBaseOf(tx, row, call.ifMatch);
    const plan = await planRotation(parts, tx, row, request);
    return plan === undefined ? { outcome: 'same' } : await carryOut(parts, tx, row, call, plan);
  });
  return rotated.outcome === 'same' ? rotated : await finishCarried(parts, call, repository, rotated);
}
