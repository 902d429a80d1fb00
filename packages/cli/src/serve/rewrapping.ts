/** Wraps keys anew while a previous master key is given: at start, and again for what other replicas still wrap with it. */
import type { Database } from '@vidimus/database';
import type { WrappedKeyStore } from '@vidimus/key-store';
import { type Log, rewrapKeys } from '@vidimus/trust-server';
import type { MasterKeys } from './master-keys.ts';

const intervalMs = 60_000;

export interface RewrappingParts {
  readonly database: Database;
  readonly keyStore: WrappedKeyStore;
  readonly masters: MasterKeys;
  /** Calls back after that many milliseconds, unless the returned function was called before. */
  readonly later: (work: () => void, delayMs: number) => () => void;
  readonly log: Log;
}

/** @returns what ends it, after the keys it has in hand */
export function startRewrapping(parts: RewrappingParts): () => Promise<void> {
  const { database, keyStore, masters, later, log } = parts;
  if (masters.previous === undefined) return async () => undefined;
  let isStopped = false;
  let cancel = (): void => undefined;
  let running: Promise<void> = Promise.resolve();

  async function pass(): Promise<void> {
    try {
      const { keys, refused } = await rewrapKeys(database, keyStore, masters, () => isStopped);
      if (keys > 0) log.info({ keys }, 'keys are wrapped by the new master key');
      if (refused.length > 0)
        log.error({ keys: refused }, 'keys that do not open where they stand were left');
    } catch (error) {
      log.error({ err: error }, 'keys could not be wrapped anew; it is tried again');
    }
    if (!isStopped) cancel = later(begin, intervalMs);
  }
  function begin(): void {
    running = pass();
  }
  begin();
  return async () => {
    isStopped = true;
    cancel();
    await running;
  };
}
