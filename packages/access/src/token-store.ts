/** Tokens in the table `access_tokens`, as authentication and the first start see them. */
import { accessTokens, type Database, lockUntilCommit } from '@vidimus/database';
import { insertToken, readTokenByHash } from './token-rows.ts';
import type { TokenStore } from './tokens.ts';

/** Held while the first token is made: one replica makes it, the others see it. */
const firstTokenLock = 'access_tokens.first';

/** Nothing is remembered: a token that was revoked anywhere is refused everywhere from then on. */
export function createTokenStore(database: Database): TokenStore {
  return {
    findByHash: (hash) => readTokenByHash(database.db, hash),
    insertFirst: (token, beforeCommit) =>
      database.transaction(async (tx) => {
        await lockUntilCommit(tx, firstTokenLock);
        const present = await tx.select({ id: accessTokens.id }).from(accessTokens).limit(1);
        if (present.length > 0) return false;
        await insertToken(tx, token);
        await beforeCommit?.();
        return true;
      }),
  };
}
