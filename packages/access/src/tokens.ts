/** Access tokens: `vdm_` and 32 random bytes; stored and looked up by hash alone. */
import { sha256Hex } from '@vidimus/crypto';
import type { TokenRole } from './roles.ts';

const tokenBytes = 32;
export const bootstrapLifetimeMs = 86_400_000;

/** A token as stored. */
export interface StoredToken {
  readonly id: string;
  readonly name: string;
  /** Hex SHA-256 of the token. */
  readonly hash: string;
  readonly role: TokenRole;
  /** Globs over repository names. */
  readonly repositories: readonly string[];
  /** Milliseconds since 1970, as all times here. */
  readonly createdAt: number;
  readonly expiresAt?: number;
  readonly revokedAt?: number;
  /** Who made it, as the audit names callers; absent for the first one. */
  readonly createdBy?: string;
  /** To the minute. */
  readonly lastUsedAt?: number;
}

export interface TokenStore {
  findByHash(hash: string): Promise<StoredToken | undefined>;
  /**
   * Stores the bootstrap token unless there is, or ever was, any token; true when it was stored. Atomic: if
   * `beforeCommit` fails, nothing is stored.
   */
  insertFirst(token: StoredToken, beforeCommit?: () => Promise<void>): Promise<boolean>;
}

/** Hex SHA-256, by which tokens are kept. 256 random bits need no salt and no slow hash. */
export function hashToken(token: string): string {
  return sha256Hex(new TextEncoder().encode(token));
}

/** A fresh token. @param randomBytes - as many fresh random bytes as asked for */
export function makeToken(randomBytes: (length: number) => Uint8Array): string {
  return `vdm_${Buffer.from(randomBytes(tokenBytes)).toString('base64url')}`;
}

/** Whether it counts now. */
export function isLive(token: StoredToken, nowMs: number): boolean {
  return token.revokedAt === undefined && (token.expiresAt === undefined || nowMs < token.expiresAt);
}

export interface BootstrapParts {
  readonly tokens: TokenStore;
  readonly randomBytes: (length: number) => Uint8Array;
  /** Milliseconds since 1970. */
  readonly now: number;
  /**
   * Writes the token to `<data>/bootstrap-token` (0600): this is the only time it is seen. It counts only once
   * that is done, so neither a crash nor an unwritable directory leaves an installation without a token.
   */
  readonly keep?: (token: string) => Promise<void>;
}

/**
 * Makes the first token of an installation, valid 24 h and good only for making the first administrator's;
 * undefined when one was made before. Not to be called while `VIDIMUS_ADMIN_TOKEN` is set.
 */
export async function createBootstrapToken(
  parts: BootstrapParts,
): Promise<{ readonly token: string; readonly expiresAt: number } | undefined> {
  const token = makeToken(parts.randomBytes);
  const expiresAt = parts.now + bootstrapLifetimeMs;
  const row: StoredToken = {
    id: hashToken(token).slice(0, 16),
    name: 'bootstrap',
    hash: hashToken(token),
    role: 'bootstrap',
    repositories: ['**'],
    createdAt: parts.now,
    expiresAt,
  };
  const stored = await parts.tokens.insertFirst(row, async () => await parts.keep?.(token));
  return stored ? { token, expiresAt } : undefined;
}
