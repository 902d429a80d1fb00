/**
 * The way of a request through an API route, in this order: who calls, is there room, what is asked,
 * was it asked before, the use case, the answer. Metadata reads do not come this way.
 */

import { type Identity, isPermitted } from '@vidimus/access';
import { sha256Hex } from '@vidimus/crypto';
import type { Context } from 'hono';
import type { HttpMetrics } from '../metrics/http-metrics.ts';
import { type Call, TrustError } from '../service.ts';
import { type PrintedAnswer, printAnswer, toResponse, withoutMembers } from './answer.ts';
import { type ApiRoute, editQuerySchema, type RawInput } from './api-route.ts';
import { answerOf, toKnownError } from './error-answers.ts';
import type { Gates } from './gate.ts';
import { type GuardParts, judgeVisitor } from './guard.ts';
import { answerOnce, type IdempotencyStore } from './idempotency.ts';
import type { Log } from './log.ts';
import { parseBody, readBody } from './read-body.ts';
import { readIdempotencyKey, readIfMatch, readRequestId } from './request-headers.ts';
import { type RefusalTeller, tellRefusal } from './tell-refusal.ts';
import { validate } from './validate.ts';
import { visitorOf } from './visitor.ts';

export interface PipelineParts extends RefusalTeller {
  readonly guard: GuardParts;
  readonly gates: Gates;
  readonly idempotency: IdempotencyStore;
  readonly metrics: HttpMetrics;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly newRequestId: () => string;
}

/** Answers one request to an API route; never throws. */
export async function serveRoute(context: Context, route: ApiRoute, parts: PipelineParts): Promise<Response> {
  const requestId = readRequestId(context.req.header('x-request-id')) ?? parts.newRequestId();
  const started = parts.now();
  let answer: PrintedAnswer;
  let identity: Identity | undefined;
  try {
    const repository = context.req.param('repository');
    const admission = await judgeVisitor(parts.guard, visitorOf(context), route.permission, repository);
    identity = admission.identity;
    if (admission.refusal !== undefined) throw admission.refusal;
    const admitted = identity;
    answer = await parts.gates.run(route.gate, () => answerRoute(context, route, parts, admitted, requestId));
  } catch (error) {
    const known = toKnownError(error, requestId, parts.log);
    answer = printAnswer(answerOf(known));
    if (identity !== undefined) tellRefusal(parts, context, route, identity, requestId, known);
  }
  const tookMs = parts.now() - started;
  parts.metrics.observeRequest(route.method, route.path, answer.status, tookMs / 1_000);
  // Only of those we know: a stranger must not be able to fill the log.
  if (route.method !== 'get' && identity !== undefined) {
    const { method, path } = route;
    parts.log.info(
      { requestId, actor: identity.actor, method, route: path, status: answer.status, tookMs },
      'edit',
    );
  }
  return toResponse(answer, requestId);
}

async function answerRoute(
  context: Context,
  route: ApiRoute,
  parts: PipelineParts,
  identity: Identity | undefined,
  requestId: string,
): Promise<PrintedAnswer> {
  const query = readQuery(context.req.url);
  const call = toCall(context, route, query, identity, requestId);
  if (route.method === 'get') {
    return printAnswer(
      await route.run({ identity, call, params: context.req.param(), query, body: undefined }),
    );
  }
  const key = readIdempotencyKey(context.req.header('idempotency-key'));
  const bytes = await readBody(context.req.raw, route.body.maxBytes);
  const work = async (): Promise<PrintedAnswer> => {
    const body = bytes.length === 0 ? emptyBody(route) : parseBody(bytes, route.body.maxBytes);
    return printAnswer(await route.run({ identity, call, params: context.req.param(), query, body }));
  };
  // A dry run has no effect to protect, and must see the present state.
  if (key === undefined || call.dryRun === true) return await work();
  const scope = { caller: call.actor, method: context.req.method, path: context.req.path, key };
  return await answerOnce(
    { store: parts.idempotency, log: parts.log },
    scope,
    hashRequest(bytes, call),
    work,
    (answer) => withoutMembers(answer, route.secrets ?? []),
  );
}

/** Edits carry conditions in the query and in headers; for other routes the call is only a name and an id. */
function toCall(
  context: Context,
  route: ApiRoute,
  query: Readonly<Record<string, string>>,
  identity: Identity | undefined,
  requestId: string,
): Call {
  const call = { actor: identity?.actor ?? 'anonymous', requestId };
  if (route.method === 'get') return call;
  const { dryRun, supersede } = validate(editQuerySchema, query, 'BODY_INVALID', 'query');
  const ifMatch = readIfMatch(context.req.header('if-match'));
  return {
    ...call,
    ...(dryRun === 'true' ? { dryRun: true } : {}),
    ...(supersede === undefined ? {} : { supersede, ...endsOthers(context, identity) }),
    ...(ifMatch === undefined ? {} : { ifMatch }),
  };
}

/** Whoever may sign tags must not thereby reject what administrators propose. */
function endsOthers(context: Context, identity: Identity | undefined): Pick<Call, 'endsOthers'> {
  const repository = context.req.param('repository');
  const mayEnd = identity !== undefined && isPermitted(identity, 'approve', repository);
  return mayEnd ? { endsOthers: true } : {};
}

/** Two values for one name would be read differently by two readers. @throws TrustError BODY_INVALID */
function readQuery(url: string): RawInput['query'] {
  const query: Record<string, string> = Object.create(null);
  for (const [name, value] of new URL(url).searchParams) {
    if (name in query) throw new TrustError('BODY_INVALID', 'query: a parameter is given twice');
    query[name] = value;
  }
  return query;
}

function emptyBody(route: ApiRoute): RawInput['body'] {
  return route.body.mayBeEmpty === true ? {} : undefined;
}

/** Everything beside method and path that makes two requests the same request. */
function hashRequest(body: Uint8Array, call: Call): string {
  const conditions = JSON.stringify([
    call.supersede ?? null,
    call.ifMatch?.role ?? null,
    call.ifMatch?.version ?? null,
  ]);
  return sha256Hex(Buffer.concat([new TextEncoder().encode(`${conditions}\n`), body]));
}
