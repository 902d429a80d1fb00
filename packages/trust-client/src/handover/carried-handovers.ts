/**
 * Hand-overs that an anchor file carries: whoever gave this machine the file vouches for them, so nobody is asked. A
 * statement that does not fit is passed over with a warning, and the refresh then judges by what was trusted before.
 */
import { sha256Hex } from '@vidimus/crypto';
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
    // What was left long ago, is over, or leads to where this machine began, is nobody's news at every refresh.
    if (wasAccepted(place.kept, file) || place.now >= file.handover.expires) continue;
    const began = beginningOf(place);
    if (began === undefined || sha256Hex(began) === to.sha256) continue;
    try {
      await acceptHandover(place, await checkHandover(place, statement));
    } catch (error) {
      if (!isJudgement(error)) throw error;
      // It leaves another root than the one trusted here: it is meant for other machines.
      if (error.code === 'ROOT_CHAIN') continue;
      warn('HANDOVER_IGNORED', { reason: error.message, from: from.version, to: to.version });
      continue;
    }
    warn('HANDOVER_ACCEPTED', { from: from.version, to: to.version });
    const kept = await reread(repository);
    place = { ...place, kept, chosen: chooseAnchor({ ...place, kept, firstUseConfirmed: false }) };
  }
  return place;
}

/** The root with which the chain of this machine begins, empty where keys are pinned; undefined: none is taken up yet. */
function beginningOf({ chosen: { anchor } }: RepositoryPlace): Uint8Array | undefined {
  const own = anchor.kind === 'named' ? anchor.from : anchor;
  if (own === undefined || own.kind === 'firstUse') return undefined;
  return own.kind === 'root' ? own.bytes : new Uint8Array();
}

const judged: ReadonlySet<TrustClientErrorCode> = new Set(['ANCHOR_MISMATCH', 'UNREACHABLE', 'UNUSABLE']);

/** Refused for what it says; whether an outage matters is the refresh's to judge. */
function isJudgement(error: unknown): error is TufError | TrustClientError {
  return error instanceof TufError || (error instanceof TrustClientError && judged.has(error.code));
}
