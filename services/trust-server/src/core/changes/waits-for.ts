/**
 * Whether a change waits for a caller. The service knows which keys may sign, not whose they are: so it waits for
 * everybody who may post signatures and has posted none for a document that lacks some, and for everybody who may
 * approve, is not its author and has not approved. Which of the keys are at hand only the caller can say.
 */
import type { Change } from '../../schemas/index.ts';
import type { Cosigner } from '../../service.ts';

export function waitsFor(
  { repository, state, documents, approvals, createdBy }: Change,
  caller: Cosigner,
): boolean {
  if (state !== 'open') return false;
  const { actor } = caller;
  const lacksSignature = documents.some(
    ({ missing, signatures }) => missing > 0 && signatures.every(({ by }) => by !== actor),
  );
  if (lacksSignature && caller.maySign(repository)) return true;
  const lacksApproval =
    approvals !== undefined &&
    approvals.missing > 0 &&
    createdBy !== actor &&
    approvals.by.every((approval) => approval.actor !== actor);
  return lacksApproval && caller.mayApprove(repository);
}
