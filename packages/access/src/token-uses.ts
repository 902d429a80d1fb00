/** When a token was last used, to the minute: enough to find those nobody needs, and cheap. */
import type { Database } from '@vidimus/database';
import { recordTokenUse } from './token-rows.ts';
import type { StoredToken } from './tokens.ts';

/** At most one write per token in this time, over all replicas. */
const coarseMs = 60_000;
/** Tokens remembered as written; beyond it some are written again. */
const maxRemembered = 10_000;

export interface TokenUses {
  /** Returns at once; nobody waits for the write. */
  record(token: StoredToken): void;
  /** Resolves when what was begun is written. */
  idle(): Promise<void>;
}

/** @param onError - hears why a use could not be written; may not throw */
export function createTokenUses(
  database: Database,
  now: () => number,
  onError: (error: unknown) => void,
): TokenUses {
  /** Token id to the last use written from here, oldest first. */
  const written = new Map<string, number>();
  const underWay = new Set<Promise<void>>();
  return {
    record(token) {
      const atMs = now();
      const last = Math.max(token.lastUsedAt ?? 0, written.get(token.id) ?? 0);
      if (atMs - last < coarseMs) return;
      written.delete(token.id);
      written.set(token.id, atMs);
      const oldest = written.size > maxRemembered ? written.keys().next().value : undefined;
      if (oldest !== undefined) written.delete(oldest);
      const write = database
        .transaction((tx) => recordTokenUse(tx, token.id, atMs, atMs - coarseMs))
        .catch(onError)
        .finally(() => underWay.delete(write));
      underWay.add(write);
    },
    async idle() {
      await Promise.all(underWay);
    },
  };
}
