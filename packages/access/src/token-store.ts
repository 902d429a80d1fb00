/** Tokens in the table `access_tokens`, which this service alone writes. */
import { accessTokens, type Database, lockUntilCommit } from '@vidimus/database';
import { eq } from 'drizzle-orm';
import { parseStoredRole } from './roles.ts';
import type { StoredToken, TokenStore } from './tokens.ts';

/** Held while the first token is made: one replica makes it, the others see it. */
const firstTokenLock = 'access_tokens.first';

export function createTokenStore(database: Database): TokenStore {
  return {
    async findByHash(hash) {
      const rows = await database.db
        .select({
          id: accessTokens.id,
          name: accessTokens.name,
          hash: accessTokens.hash,
          role: accessTokens.role,
          repositories: accessTokens.repositories,
          createdAt: accessTokens.createdAt,
          expiresAt: accessTokens.expiresAt,
          revokedAt: accessTokens.revokedAt,
        })
        .from(accessTokens)
        .where(eq(accessTokens.hash, hash));
      const row = rows[0];
      return row === undefined ? undefined : toStoredToken(row);
    },
    insertFirst: (token, beforeCommit) =>
      database.transaction(async (tx) => {
        await lockUntilCommit(tx, firstTokenLock);
        const present = await tx.select({ id: accessTokens.id }).from(accessTokens).limit(1);
        if (present.length > 0) return false;
        await tx.insert(accessTokens).values({
          ...token,
          repositories: [...token.repositories],
          createdAt: new Date(token.createdAt),
          expiresAt: token.expiresAt === undefined ? null : new Date(token.expiresAt),
          revokedAt: null,
          bootstrap: true,
        });
        await beforeCommit?.();
        return true;
      }),
  };
}

interface TokenRow {
  readonly id: string;
  readonly name: string;
  readonly hash: string;
  readonly role: string;
  readonly repositories: readonly string[];
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
}

/** A role that this program does not know may do nothing: the token reads as absent. */
function toStoredToken(row: TokenRow): StoredToken | undefined {
  const role = parseStoredRole(row.role, false);
  if (role === undefined) return undefined;
  return {
    id: row.id,
    name: row.name,
    hash: row.hash,
    role,
    repositories: row.repositories,
    createdAt: row.createdAt.getTime(),
    ...(row.expiresAt === null ? {} : { expiresAt: row.expiresAt.getTime() }),
    ...(row.revokedAt === null ? {} : { revokedAt: row.revokedAt.getTime() }),
  };
}
