/** Step 2 for every repository that was read: what stops one does not stop the next. */
import { CliError } from '../../cli-error.ts';
import { openPublisher } from '../../client/open-client.ts';
import { repositorySettings } from '../../client/repository-settings.ts';
import type { Context } from '../../context.ts';
import { exitCodes } from '../../exit-codes.ts';
import { toCliError } from '../../failures.ts';
import { createKeyRing } from '../../trust-dir/open-key.ts';
import type { TrustDirectory } from '../../trust-dir/trust-directory.ts';
import type { Collected } from './collect-documents.ts';
import { heldKeys } from './describe-repository.ts';
import type { KeyFinder } from './find-keys.ts';
import { isOfOneRepository, type Moved, moveRepository } from './move-repository.ts';
import { openOurServer } from './our-server.ts';
import { withWayOut } from './unreachable.ts';

export type Outcome =
  | { readonly repository: string; readonly moved: Moved }
  | { readonly repository: string; readonly failure: CliError };

export interface Removal {
  /** With the server to move to as `--server`. */
  readonly context: Context;
  readonly trustDirectories: readonly TrustDirectory[];
  /** What is read comes from the old server just now, not from a directory. */
  readonly isLive: boolean;
}

/** Moves repositories; the next is asked for when the one before is done. */
export function createMover(removal: Removal): (collected: Collected) => Promise<Outcome> {
  const { context, trustDirectories } = removal;
  const finder = { held: heldKeys(trustDirectories), open: createKeyRing(context) };
  let stopped: CliError | undefined;
  return async (collected) => {
    const { repository } = collected;
    // A server that is gone, or does not know us, is not asked a thousand times.
    if (stopped !== undefined) return { repository, failure: notTried(stopped) };
    const outcome = await moveOne(removal, collected, finder);
    if ('failure' in outcome && !isOfOneRepository(outcome.failure)) stopped = outcome.failure;
    return outcome;
  };
}

async function moveOne(
  { context, isLive }: Removal,
  collected: Collected,
  finder: KeyFinder,
): Promise<Outcome> {
  const { world, terminal } = context;
  const { repository } = collected;
  const server = openOurServer(repositorySettings(context, repository), world.environment);
  const publisher = openPublisher(context, repository);
  try {
    const { now, random } = world;
    const { progress } = terminal;
    const moved = await moveRepository({
      collected,
      finder,
      server,
      publisher,
      isLive,
      now,
      random,
      progress,
    });
    return { repository, moved };
  } catch (error) {
    const failure = withWayOut(toCliError(error), 'to');
    if (failure.exit === exitCodes.internal) throw error;
    return { repository, failure };
  } finally {
    server.close();
    publisher.close();
  }
}

function notTried({ code, exit, message, hint }: CliError): CliError {
  return new CliError(code, exit, `not tried: ${message}`, hint);
}
