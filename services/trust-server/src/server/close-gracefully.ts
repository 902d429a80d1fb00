/** SIGTERM: take no more requests, let running ones end, cut what is left at the deadline (CONTRACTS C1). */

/** The part of `node:http`'s server that is needed. */
export interface Closable {
  close(callback: (error?: Error) => void): unknown;
  closeIdleConnections(): void;
  closeAllConnections(): void;
}

export interface CloseParts {
  readonly deadlineMs: number;
  /** Calls back after that many milliseconds, unless the returned function was called before. */
  readonly after: (ms: number, callback: () => void) => () => void;
}

/** Resolves when the last connection is closed; `cut` when that took the deadline. */
export function closeGracefully(server: Closable, parts: CloseParts): Promise<'drained' | 'cut'> {
  return new Promise((resolve, reject) => {
    let result: 'drained' | 'cut' = 'drained';
    const cancel = parts.after(parts.deadlineMs, () => {
      result = 'cut';
      server.closeAllConnections();
    });
    server.close((error) => {
      cancel();
      if (error === undefined) resolve(result);
      else reject(error);
    });
    // Keep-alive connections without a request would hold the server open until they time out.
    server.closeIdleConnections();
  });
}
