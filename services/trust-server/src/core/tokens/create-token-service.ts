/** Access tokens over the database. Each edit leaves its event in the same transaction. */
import {
  type GrantVerdict,
  hashToken,
  type Identity,
  insertToken,
  judgeGrant,
  makeToken,
  mayManageToken,
  pageTokens,
  readToken,
  readTokensMadeBy,
  revokeToken,
  type StoredToken,
  tokenActor,
} from '@vidimus/access';
import type { Database, Queries } from '@vidimus/database';
import { durationToMs } from '../../duration.ts';
import type { CreateToken, Token } from '../../schemas/index.ts';
import { type Call, type Page, type PageRequest, TrustError } from '../../service.ts';
import type { TokenService } from '../../token-service.ts';
import { appendServiceEvents } from '../audit/append-service-events.ts';
import { printTime, toWholeSecond } from '../instants.ts';
import { guarded } from '../trust-errors.ts';

/** Rows looked at for one page of what a caller may see. */
const maxScanned = 20_000;
const maxMade = 1_000;

export interface TokenParts {
  readonly database: Database;
  readonly now: () => number;
  readonly newId: () => string;
  readonly randomBytes: (length: number) => Uint8Array;
}

export function createTokenService(parts: TokenParts): TokenService {
  const { database } = parts;
  return {
    createToken: (call, by, body) =>
      guarded(async () => {
        assertGrant(judgeGrant(by, body), by, body);
        const secret = makeToken(parts.randomBytes);
        const token = newToken(parts, by, body, secret);
        if (call.dryRun === true) return toToken(token);
        await database.transaction(async (tx) => {
          if (by.role === 'bootstrap') await useUp(tx, by, token.createdAt);
          await insertToken(tx, token);
          await append(parts, tx, call, 'token.create', token);
        });
        return { ...toToken(token), token: secret };
      }),
    listTokens: (by, page) => guarded(() => listTokens(database.db, by, page)),
    revokeToken: (call, by, id) =>
      guarded(() =>
        database.transaction(async (tx) => {
          const found = await readToken(tx, id);
          if (found === undefined || !mayManageToken(by, found)) {
            throw new TrustError('TOKEN_UNKNOWN', `there is no token ${id} that is yours to end`, { id });
          }
          const nowMs = toWholeSecond(parts.now());
          const revoked = { ...found, revokedAt: found.revokedAt ?? nowMs };
          const made = await readTokensMadeBy(tx, tokenActor(id), nowMs, maxMade);
          if (call.dryRun !== true && (await revokeToken(tx, id, nowMs))) {
            await append(parts, tx, call, 'token.revoke', revoked);
          }
          return { ...toToken(revoked), made: made.map((token) => token.id) };
        }),
      ),
  };
}

function newToken(parts: TokenParts, by: Identity, body: CreateToken, secret: string): StoredToken {
  const createdAt = toWholeSecond(parts.now());
  return {
    id: parts.newId(),
    name: body.name,
    hash: hashToken(secret),
    role: body.role,
    repositories: body.repositories,
    createdAt,
    expiresAt: createdAt + durationToMs(body.expiresAfter),
    createdBy: by.actor,
  };
}

/** Of two who hold the first token, one makes the administrator: the row's own state decides. */
async function useUp(tx: Queries, by: Identity, nowMs: number): Promise<void> {
  const id = by.actor.slice(tokenActor('').length);
  if (!(await revokeToken(tx, id, nowMs))) throw new TrustError('UNAUTHORIZED', 'a valid token is needed');
}

function assertGrant(verdict: GrantVerdict, by: Identity, wanted: CreateToken): void {
  if (verdict === 'granted') return;
  if (by.role === 'bootstrap') {
    const hint = 'vidimus token create NAME --role admin';
    throw new TrustError('DENIED', "the first token is good only for making the first administrator's", {
      hint,
    });
  }
  if (verdict === 'role') {
    throw new TrustError('DENIED', `a token of role ${by.role} makes no token of role ${wanted.role}`);
  }
  throw new TrustError('DENIED', 'the repositories are not, or not provably, within your own', {
    repositories: by.repositories,
  });
}

async function listTokens(queries: Queries, by: Identity, page: PageRequest): Promise<Page<Token>> {
  const items: Token[] = [];
  let after = page.after;
  for (let scanned = 0; scanned < maxScanned; ) {
    const found = await pageTokens(queries, page.limit + 1, after);
    for (const token of found) {
      if (items.length === page.limit) return after === undefined ? { items } : { items, next: after };
      after = token.id;
      if (mayManageToken(by, token)) items.push(toToken(token));
    }
    scanned += found.length;
    if (found.length <= page.limit) return { items };
  }
  return after === undefined ? { items } : { items, next: after };
}

function toToken(token: StoredToken): Token {
  const { createdBy, expiresAt, lastUsedAt, revokedAt } = token;
  return {
    id: token.id,
    name: token.name,
    role: token.role,
    repositories: [...token.repositories],
    createdAt: printTime(token.createdAt),
    ...(createdBy === undefined ? {} : { createdBy }),
    ...(expiresAt === undefined ? {} : { expiresAt: printTime(expiresAt) }),
    ...(lastUsedAt === undefined ? {} : { lastUsedAt: printTime(lastUsedAt) }),
    ...(revokedAt === undefined ? {} : { revokedAt: printTime(revokedAt) }),
  };
}

async function append(
  parts: TokenParts,
  tx: Queries,
  call: Call,
  action: 'token.create' | 'token.revoke',
  token: StoredToken,
): Promise<void> {
  const { id, name, role, repositories, expiresAt } = toToken(token);
  const after = { id, name, role, repositories, ...(expiresAt === undefined ? {} : { expiresAt }) };
  const { actor, requestId } = call;
  await appendServiceEvents(parts, tx, [{ action, actor, requestId, result: 'done', after }], parts.now());
}
