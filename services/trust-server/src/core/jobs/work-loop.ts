/** Work that nobody waits for: once at start, then again and again until the process ends. */

const defaultIntervalMs = 2_000;

export interface WorkLoopParts {
  /** What is done once, first of all. */
  readonly first: () => Promise<void>;
  readonly again: () => Promise<void>;
  /** Runs something later; returns how to call it off. */
  readonly schedule: (work: () => void, delayMs: number) => () => void;
  readonly intervalMs?: number;
  /** A round that failed; what comes first is tried until it succeeds. */
  readonly onError?: (error: unknown) => void;
}

export interface WorkLoop {
  /** Returns at once. */
  start(): void;
  /** Lets the running round end. */
  stop(): Promise<void>;
}

export function createWorkLoop(parts: WorkLoopParts): WorkLoop {
  const { schedule, intervalMs = defaultIntervalMs } = parts;
  let work = parts.first;
  let stopped = false;
  let cancel: (() => void) | undefined;
  let round: Promise<void> = Promise.resolve();

  const once = async (): Promise<void> => {
    try {
      await work();
      work = parts.again;
    } catch (error) {
      parts.onError?.(error);
    }
    if (!stopped) cancel = schedule(begin, intervalMs);
  };
  const begin = (): void => {
    round = once();
  };
  return {
    start: begin,
    stop: async () => {
      stopped = true;
      cancel?.();
      await round;
    },
  };
}
