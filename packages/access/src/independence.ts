/**
 * Whether two callers can be two people. One person with one token must not agree with themselves by way of
 * another token: two tokens count as two people only when no token stands above both.
 */
import type { Queries } from '@vidimus/database';
import { operatorActor } from './identity.ts';
import { readToken } from './token-rows.ts';

/** Far deeper than anybody hands tokens on. */
const maxDepth = 64;

/**
 * Checked: they are not the same caller; neither made the other, directly or through others; and no token made both.
 * The operator, who holds `VIDIMUS_ADMIN_TOKEN` and sets the rule itself, may have made both. Names given by OIDC and
 * by certificates are of people that somebody else tells apart.
 */
export async function areIndependent(queries: Queries, one: string, other: string): Promise<boolean> {
  const left = await lineageOf(queries, one);
  const right = await lineageOf(queries, other);
  if (left === undefined || right === undefined) return false;
  const above = new Set(left);
  const isOperatorAbove = (actor: string): boolean =>
    actor === operatorActor && actor !== one && actor !== other;
  return !right.some((actor) => above.has(actor) && !isOperatorAbove(actor));
}

/** The caller, who made it, who made that …; undefined when it cannot be told. */
async function lineageOf(queries: Queries, actor: string): Promise<readonly string[] | undefined> {
  const lineage: string[] = [];
  let next: string | undefined = actor;
  while (next !== undefined) {
    if (lineage.length >= maxDepth) return undefined;
    lineage.push(next);
    const id: string | undefined = /^token:(.+)$/.exec(next)?.[1];
    if (id === undefined) return lineage;
    const token = await readToken(queries, id);
    // Rows are never deleted: one that is not there was never a token.
    if (token === undefined) return undefined;
    next = token.createdBy;
  }
  return lineage;
}
