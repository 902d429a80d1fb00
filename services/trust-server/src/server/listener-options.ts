/** What `node:http` and `node:https` are told, so that a slow or greedy client costs little. */
import { maxHeaderBytes } from '../http/limits.ts';

/** Options for `createServer`. Times in milliseconds. */
export const listenerOptions = {
  maxHeaderSize: maxHeaderBytes,
  /** All headers must be here; stops a client that drips them. */
  headersTimeout: 10_000,
  /** The whole request must be here, body included. */
  requestTimeout: 60_000,
  /** An idle connection is kept a little longer than proxies keep theirs. */
  keepAliveTimeout: 75_000,
  connectionsCheckingInterval: 5_000,
  /** A request that two parsers read differently is refused. */
  insecureHTTPParser: false,
  requireHostHeader: true,
} as const;
