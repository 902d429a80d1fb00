/**
 * Hand-overs that an anchor file carries: whoever gave this machine the file vouches for them, so nobody is asked. A
 * statement that does not fit is passed over with a warning, and the refresh then judges by what was trusted before.
 */
import { readHandover, TufError } from '@vidimus/tuf';
import type { AnchorFile } from '../anchor/anchor-file.ts';
import { chooseAnchor } from '../anchor/choose-anchor.ts';
import type { Warn } from '../drive.ts';
import { TrustClientError, type TrustClientErrorCode } from '../errors.ts';
import type { RepositoryPlace } from '../refresh-repository.ts';
import { acceptHandover, checkHandover, wasAccepted } from './accept-handover.ts';

/** The place as it is once what the anchor file carries has been accepted. */
export async function acceptCarried(
  found: RepositoryPlace,
  warn: Warn,
  reread: (repository: string) => Promise<AnchorFile | undefined>,
): Promise<RepositoryPlace> {
  let place = found;
  const carried = [...(found.kept?.handovers ?? []), ...(found.consulted?.file.handovers ?? [])];
  for (const statement of carried) {
    const file = readHandover(statement);
    const { repository, dialect, from, to } = file.handover;
    if (repository !== place.repository || dialect !== place.dialect) continue;
    // What was left long ago, or is over, is nobody's news at every refresh.
    if (wasAccepted(place.kept, file) || place.now >= file.handover.expires) continue;
    try {
      await acceptHandover(place, await checkHandover(place, statement));
    } catch (error) {
      if (!isJudgement(error)) throw error;
      warn('HANDOVER_IGNORED', { reason: error.message, from: from.version, to: to.version });
      continue;
    }
    warn('HANDOVER_ACCEPTED', { from: from.version, to: to.version });
    const kept = await reread(repository);
    place = { ...place, kept, chosen: chooseAnchor({ ...place, kept, firstUseConfirmed: false }) };
  }
  return place;
}

const judged: ReadonlySet<TrustClientErrorCode> = new Set(['ANCHOR_MISMATCH', 'UNREACHABLE', 'UNUSABLE']);

/** Refused for what it says; whether an outage matters is the refresh's to judge. */
function isJudgement(error: unknown): error is TufError | TrustClientError {
  return error instanceof TufError || (error instanceof TrustClientError && judged.has(error.code));
}
