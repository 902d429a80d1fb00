/** How long and how much a server may keep this client busy; slow retrieval and endless data end here. */

export interface HttpLimits {
  /** Name look-up, connection and TLS together. */
  readonly connectTimeoutMs: number;
  /** Longest silence on an open connection. */
  readonly idleTimeoutMs: number;
  /** The whole request, redirects included: a server that trickles one byte a second ends here. */
  readonly totalTimeoutMs: number;
  readonly maxRedirects: number;
}

export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  connectTimeoutMs: 10_000,
  idleTimeoutMs: 15_000,
  totalTimeoutMs: 60_000,
  maxRedirects: 3,
};

/** Largest answer of the REST API that is read. */
export const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
