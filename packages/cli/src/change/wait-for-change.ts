/** Waits until others have signed, or not. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Change, PublishClient } from '@vidimus/trust-client';
import type { Context } from '../context.ts';

/** Between two questions; less where the whole wait is short. */
const pollMs = 2_000;
const leastPolls = 10;

/** The change when it is no longer open, or as it is when the time is over or the person ends the command. */
export async function waitForChange(
  context: Context,
  publisher: PublishClient,
  change: Change,
  waitMs: number,
): Promise<Change> {
  const stop = new AbortController();
  void context.world.stopped.then(() => stop.abort());
  const interval = Math.min(pollMs, Math.ceil(waitMs / leastPolls));
  let now = change;
  for (let waited = 0; now.state === 'open' && waited < waitMs && !stop.signal.aborted; waited += interval) {
    context.terminal.progress(`waiting for signatures of ${change.id} ...`);
    await sleep(interval, undefined, { signal: stop.signal }).catch(() => undefined);
    now = await publisher.change(change.repository, change.id);
  }
  return now;
}
