/** Step 2 for every repository that was read, one after the other: what stops one does not stop the next. */
import { CliError } from '../../cli-error.ts';
import { openPublisher } from '../../client/open-client.ts';
import { repositorySettings } from '../../client/repository-settings.ts';
import type { Context } from '../../context.ts';
import { exitCodes } from '../../exit-codes.ts';
import { toCliError } from '../../failures.ts';
import { createKeyRing } from '../../trust-dir/open-key.ts';
import type { TrustDirectory } from '../../trust-dir/trust-directory.ts';
import { heldKeys } from './describe-repository.ts';
import { isOfOneRepository, type Moved, moveRepository } from './move-repository.ts';
import { openOurServer } from './our-server.ts';
import type { Stock } from './take-stock.ts';

export type Outcome =
  | { readonly repository: string; readonly moved: Moved }
  | { readonly repository: string; readonly failure: CliError };

export interface Removal {
  /** With the server to move to as `--server`. */
  readonly context: Context;
  readonly stocks: readonly Stock[];
  readonly trustDirectories: readonly TrustDirectory[];
  /** What was read came from the old server just now, not from a directory. */
  readonly isLive: boolean;
}

/** By repository, in order; none for those that could not be read. */
export async function moveAll(removal: Removal): Promise<ReadonlyMap<string, Outcome>> {
  const { context, stocks } = removal;
  const finder = { held: heldKeys(removal.trustDirectories), open: createKeyRing(context) };
  const outcomes = new Map<string, Outcome>();
  let stopped: CliError | undefined;
  for (const stock of stocks) {
    if (stock.state === 'failed') continue;
    const { repository } = stock;
    // A server that is gone, or does not know us, is not asked a thousand times.
    const outcome =
      stopped === undefined
        ? await moveOne(removal, stock, finder)
        : { repository, failure: notTried(stopped) };
    if ('failure' in outcome && !isOfOneRepository(outcome.failure)) stopped = outcome.failure;
    outcomes.set(repository, outcome);
  }
  return outcomes;
}

async function moveOne(
  { context, isLive }: Removal,
  { repository, collected }: Exclude<Stock, { state: 'failed' }>,
  finder: Parameters<typeof moveRepository>[0]['finder'],
): Promise<Outcome> {
  const { world, terminal } = context;
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
    const failure = toCliError(error);
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
