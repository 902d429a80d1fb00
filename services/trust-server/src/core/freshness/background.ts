/** Runs freshness again and again; ready once everything past half-life has been looked at. */
import type { Freshness } from './freshness.ts';

const defaultIntervalMs = 2_000;

export interface BackgroundParts {
  readonly freshness: Freshness;
  /** Runs something later; returns how to call it off. */
  readonly schedule: (work: () => void, delayMs: number) => () => void;
  readonly intervalMs?: number;
  /** A round that could not even begin, because the database was not there. */
  readonly onError?: (error: unknown) => void;
}

export interface Background {
  /** Resolves after the first round; a round that fails is tried again by the next one. */
  start(): Promise<void>;
  /** True once a round has looked at everything that was due. */
  isReady(): boolean;
  /** Lets the running round end. */
  stop(): Promise<void>;
}

export function createBackground(parts: BackgroundParts): Background {
  let ready = false;
  let stopped = false;
  let cancel: (() => void) | undefined;
  let round: Promise<void> = Promise.resolve();

  const once = async (): Promise<void> => {
    try {
      await parts.freshness.tick();
      ready = true;
    } catch (error) {
      parts.onError?.(error);
    }
    if (!stopped) cancel = parts.schedule(begin, parts.intervalMs ?? defaultIntervalMs);
  };
  const begin = (): void => {
    round = once();
  };
  return {
    start: async () => {
      begin();
      await round;
    },
    isReady: () => ready,
    stop: async () => {
      stopped = true;
      cancel?.();
      await round;
    },
  };
}
