/** Access tokens, by hash only: written by the trust-server, read by every service. */
import { sql } from 'drizzle-orm';
import { boolean, check, pgTable, primaryKey, text, unique, uniqueIndex } from 'drizzle-orm/pg-core';
import { instant, isSha256Hex, isShortText } from './columns.ts';

/** A token: what it may do (`role`) and where (`repositories`, globs). */
export const accessTokens = pgTable(
  'access_tokens',
  {
    id: text('id').notNull(),
    name: text('name').notNull(),
    /** sha256 of the token, hex; the token itself is never stored. */
    hash: text('hash').notNull(),
    role: text('role').notNull(),
    repositories: text('repositories').array().notNull(),
    createdAt: instant('created_at').notNull(),
    expiresAt: instant('expires_at'),
    revokedAt: instant('revoked_at'),
    bootstrap: boolean('bootstrap').notNull(),
    /** Who made it, as the audit names callers; null for those of before and for the first token. */
    createdBy: text('created_by'),
    lastUsedAt: instant('last_used_at'),
  },
  (t) => [
    primaryKey({ name: 'access_tokens_pk', columns: [t.id] }),
    unique('access_tokens_hash').on(t.hash),
    // Two replicas that start together must not both make a bootstrap token.
    uniqueIndex('access_tokens_one_bootstrap')
      .on(t.bootstrap)
      .where(sql`${t.bootstrap} and ${t.revokedAt} is null`),
    check('access_tokens_name_length', isShortText(t.name, 255)),
    check('access_tokens_hash_hex', isSha256Hex(t.hash)),
    check('access_tokens_bootstrap_expires', sql`not ${t.bootstrap} or ${t.expiresAt} is not null`),
  ],
);
