/** Rows of `access_tokens`. The trust server alone writes them; whoever changes one does so in a transaction. */
import { accessTokens, type Queries } from '@vidimus/database';
import { and, asc, eq, gt, isNull, lte, or, type SQL } from 'drizzle-orm';
import { parseStoredRole } from './roles.ts';
import type { StoredToken } from './tokens.ts';

const columns = {
  id: accessTokens.id,
  name: accessTokens.name,
  hash: accessTokens.hash,
  role: accessTokens.role,
  repositories: accessTokens.repositories,
  createdAt: accessTokens.createdAt,
  expiresAt: accessTokens.expiresAt,
  revokedAt: accessTokens.revokedAt,
  bootstrap: accessTokens.bootstrap,
  createdBy: accessTokens.createdBy,
  lastUsedAt: accessTokens.lastUsedAt,
};

/** A token of a role that this program does not know may do nothing: it reads as absent. */
export async function readTokenByHash(queries: Queries, hash: string): Promise<StoredToken | undefined> {
  const [token] = await select(queries, eq(accessTokens.hash, hash), 1);
  return token;
}

export async function readToken(queries: Queries, id: string): Promise<StoredToken | undefined> {
  const [token] = await select(queries, eq(accessTokens.id, id), 1);
  return token;
}

/** Oldest id first. @param after - the last id of the page before */
export async function pageTokens(
  queries: Queries,
  limit: number,
  after: string | undefined,
): Promise<readonly StoredToken[]> {
  return await select(queries, after === undefined ? undefined : gt(accessTokens.id, after), limit);
}

/** Those that a caller made and that still count. */
export async function readTokensMadeBy(
  queries: Queries,
  actor: string,
  nowMs: number,
  limit: number,
): Promise<readonly StoredToken[]> {
  const lives = or(isNull(accessTokens.expiresAt), gt(accessTokens.expiresAt, new Date(nowMs)));
  return await select(
    queries,
    and(eq(accessTokens.createdBy, actor), isNull(accessTokens.revokedAt), lives),
    limit,
  );
}

export async function insertToken(tx: Queries, token: StoredToken): Promise<void> {
  await tx.insert(accessTokens).values({
    id: token.id,
    name: token.name,
    hash: token.hash,
    role: token.role,
    repositories: [...token.repositories],
    createdAt: new Date(token.createdAt),
    expiresAt: token.expiresAt === undefined ? null : new Date(token.expiresAt),
    revokedAt: null,
    bootstrap: token.role === 'bootstrap',
    createdBy: token.createdBy ?? null,
  });
}

/** Ends a token; false when it had ended, or was not there: of several that try at once, one hears true. */
export async function revokeToken(tx: Queries, id: string, atMs: number): Promise<boolean> {
  const revoked = await tx
    .update(accessTokens)
    .set({ revokedAt: new Date(atMs) })
    .where(and(eq(accessTokens.id, id), isNull(accessTokens.revokedAt)))
    .returning({ id: accessTokens.id });
  return revoked.length > 0;
}

/** Writes down a use, if the last one written is from `untilMs` or before. */
export async function recordTokenUse(tx: Queries, id: string, atMs: number, untilMs: number): Promise<void> {
  await tx
    .update(accessTokens)
    .set({ lastUsedAt: new Date(atMs) })
    .where(
      and(
        eq(accessTokens.id, id),
        or(isNull(accessTokens.lastUsedAt), lte(accessTokens.lastUsedAt, new Date(untilMs))),
      ),
    );
}

async function select(
  queries: Queries,
  where: SQL | undefined,
  limit: number,
): Promise<readonly StoredToken[]> {
  const rows = await queries
    .select(columns)
    .from(accessTokens)
    .where(where)
    .orderBy(asc(accessTokens.id))
    .limit(limit);
  return rows.flatMap(({ role: stored, bootstrap, ...row }) => {
    const role = parseStoredRole(stored, bootstrap);
    if (role === undefined) return [];
    return {
      id: row.id,
      name: row.name,
      hash: row.hash,
      role,
      repositories: row.repositories,
      createdAt: row.createdAt.getTime(),
      ...(row.expiresAt === null ? {} : { expiresAt: row.expiresAt.getTime() }),
      ...(row.revokedAt === null ? {} : { revokedAt: row.revokedAt.getTime() }),
      ...(row.createdBy === null ? {} : { createdBy: row.createdBy }),
      ...(row.lastUsedAt === null ? {} : { lastUsedAt: row.lastUsedAt.getTime() }),
    };
  });
}
