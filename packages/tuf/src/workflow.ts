/**
 * How the client workflow talks to the world: a generator asks for one piece of I/O at a time and is
 * handed the answer. A driver only moves bytes; every judgement is made inside.
 */

/** A file in the client's cache: the current file of a role, or one version of root. */
export type CacheFile =
  | { readonly role: string; readonly version?: never }
  | { readonly role: 'root'; readonly version: number };

export type Step =
  /** Reply: the cached bytes, or undefined. */
  | { readonly do: 'load'; readonly file: CacheFile }
  /**
   * Get `[version.]role.json`, or `role.sha256.json` where the dialect's files go by hash. Reply: the bytes, never
   * more than `maxBytes` after decompression (the driver stops reading and throws); undefined for 404 and 403
   * and nothing else.
   */
  | {
      readonly do: 'fetch';
      readonly role: string;
      readonly version?: number;
      /** Lower-case hex; only where files go by hash, and never together with `version`. */
      readonly sha256?: string;
      readonly maxBytes: number;
    }
  /** Put the bytes into the cache, whole or not at all, durable before the reply. Reply: undefined. */
  | { readonly do: 'store'; readonly file: CacheFile; readonly bytes: Uint8Array }
  /** Forget a cached file. Reply: undefined. */
  | { readonly do: 'discard'; readonly file: CacheFile }
  /** Something a person should hear about. Reply: undefined. */
  | {
      readonly do: 'warn';
      readonly code: string;
      readonly detail: Readonly<Record<string, string | number>>;
    };

export type Reply = Uint8Array | undefined;

export type Workflow<Result> = Generator<Step, Result, Reply>;
