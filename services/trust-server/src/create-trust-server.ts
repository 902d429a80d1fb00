/** Puts the parts together: a hono app that listens nowhere and reads no clock of its own. */

import {
  type Authenticator,
  type CertificateCallers,
  createFailureLimiter,
  type OidcCallers,
  type RegistryTokens,
} from '@vidimus/access';
import { type Context, type Handler, Hono } from 'hono';
import type { Registry } from 'prom-client';
import { printAnswer, toResponse } from './http/answer.ts';
import type { RouteDoc } from './http/api-route.ts';
import { createAppPath, rawTarget } from './http/app-path.ts';
import { docsHeaders, renderDocs } from './http/docs-page.ts';
import { answerOf, toErrorAnswer, toKnownError } from './http/error-answers.ts';
import { createGates, type GateName } from './http/gate.ts';
import { judgeVisitor } from './http/guard.ts';
import type { IdempotencyStore } from './http/idempotency.ts';
import { failedAuthentications } from './http/limits.ts';
import type { Log } from './http/log.ts';
import { createOpenApiDocument } from './http/openapi-document.ts';
import { type After, createUploadReader } from './http/read-upload.ts';
import { readRequestId } from './http/request-headers.ts';
import { fleetPath, isNotaryTarget, readTarget, refusedPath } from './http/request-target.ts';
import { type PipelineParts, serveRoute } from './http/serve-route.ts';
import { tellRefusal } from './http/tell-refusal.ts';
import { visitorOf } from './http/visitor.ts';
import { createHttpMetrics, metricsContentType } from './metrics/http-metrics.ts';
import type { NotaryService } from './notary-service.ts';
import { apiRoutes } from './routes/api-routes.ts';
import { metadataHandler } from './routes/metadata-routes.ts';
import { createDoor } from './routes/notary/door.ts';
import { refuseTarget } from './routes/notary/edit-repository.ts';
import { explainWireMiss, notaryRoutes, type WireRoute } from './routes/notary/notary-wire.ts';
import type { NotaryAccess } from './routes/notary/wire-parts.ts';
import * as docs from './routes/service-routes.ts';
import { type FetchManifest, targetHandler } from './routes/target-routes.ts';
import { TrustError, type TrustService } from './service.ts';

export interface TrustServerParts {
  readonly service: TrustService;
  readonly authenticator: Authenticator;
  /** Tokens of OpenID Connect issuers; none counts when absent. */
  readonly oidc?: OidcCallers;
  /** Client certificates; none counts when absent. */
  readonly certificates?: CertificateCallers;
  readonly idempotency: IdempotencyStore;
  readonly fetchManifest: FetchManifest;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** A fresh id that can stand in a log, for requests that bring none. */
  readonly newRequestId: () => string;
  readonly log: Log;
  /** Version of the program, for the API document. */
  readonly version: string;
  /** Whether anybody may read metadata and target bytes. */
  readonly publicReads: boolean;
  /** Where the rest of the process puts its metrics; an own one when absent. */
  readonly registry?: Registry;
  /** Requests at once, by kind. */
  readonly concurrency?: Partial<Readonly<Record<GateName, number>>>;
  /** The Notary v1 wire; not served when absent. */
  readonly notary?: NotaryWireParts;
}

export interface NotaryWireParts {
  readonly service: NotaryService;
  readonly access: NotaryAccess;
  /** Names that repositories on this wire may begin with; empty for any. */
  readonly gunPrefixes: readonly string[];
  /** Of the registry's token server, or our own. */
  readonly tokens: RegistryTokens;
  /** Origin at which clients reach the service, without a slash at the end; as they spelled it when absent. */
  readonly publicUrl?: string;
  /** Timers of uploads; those of the process when absent. */
  readonly after?: After;
}

/**
 * The trust server (CONTRACTS C3) as a hono app. Call its `fetch` with `{ incoming }` as environment, as
 * `@hono/node-server` does: the raw request target and the caller's address are read there. An app above must
 * hand whole requests to `fetch` and not mount it with `route()`, which would lose the reading of paths.
 */
export function createTrustServer(parts: TrustServerParts): Hono {
  const pipeline = toPipeline(parts);
  const routes = apiRoutes(parts.service);
  const app = new Hono({ getPath: createAppPath() });
  const mount = (doc: RouteDoc, handler: Handler): void => {
    app.on(doc.method.toUpperCase(), toHonoPath(doc.path), handler);
  };

  const wire = wireRoutes(parts, pipeline);
  mountRepositoryReads(mount, parts, pipeline);
  for (const { doc, handler } of wire) mount(doc, handler);
  mountServiceRoutes(mount, parts, pipeline, [...fixedDocs, ...wire.map(({ doc }) => doc), ...routes]);
  for (const route of routes) mount(route, (context) => serveRoute(context, route, pipeline));

  app.onError((error, context) => fail(pipeline, context, error));
  app.notFound((context) => answerMiss(app, pipeline, context, wire.length > 0));
  return app;
}

const fixedDocs: readonly RouteDoc[] = [
  docs.metadataDoc,
  docs.targetDoc,
  docs.healthDoc,
  docs.readyDoc,
  docs.metricsDoc,
  docs.openApiDoc,
  docs.docsDoc,
];

type Mount = (doc: RouteDoc, handler: Handler) => void;

function toPipeline(parts: TrustServerParts): PipelineParts {
  return {
    guard: {
      authenticator: parts.authenticator,
      ...(parts.oidc === undefined ? {} : { oidc: parts.oidc }),
      ...(parts.certificates === undefined ? {} : { certificates: parts.certificates }),
      failures: createFailureLimiter(failedAuthentications, parts.now),
      publicReads: parts.publicReads,
    },
    recordRefusal: (refusal) => parts.service.recordRefusal(refusal),
    gates: createGates(parts.concurrency),
    idempotency: parts.idempotency,
    metrics: createHttpMetrics(parts.registry),
    log: parts.log,
    now: parts.now,
    newRequestId: parts.newRequestId,
  };
}

function mountRepositoryReads(mount: Mount, parts: TrustServerParts, pipeline: PipelineParts): void {
  const reads = {
    service: parts.service,
    metrics: pipeline.metrics,
    gates: pipeline.gates,
    fetchManifest: parts.fetchManifest,
    publicReads: parts.publicReads,
    refuse: (context: Context, doc: RouteDoc) => refuse(pipeline, context, doc),
    fail: (context: Context, error: unknown) => fail(pipeline, context, error),
  };
  mount(docs.metadataDoc, metadataHandler({ ...reads, doc: docs.metadataDoc }));
  mount(docs.targetDoc, targetHandler({ ...reads, doc: docs.targetDoc }));
}

function wireRoutes(parts: TrustServerParts, pipeline: PipelineParts): readonly WireRoute[] {
  const { notary } = parts;
  if (notary === undefined) return [];
  const { authenticator, failures } = pipeline.guard;
  const { tokens, publicUrl } = notary;
  return notaryRoutes({
    ...pipeline,
    service: notary.service,
    readiness: () => parts.service.readiness(),
    access: notary.access,
    publicReads: parts.publicReads,
    gunPrefixes: notary.gunPrefixes,
    door: createDoor({ authenticator, failures, tokens, publicUrl, refused: refusedOnWire(pipeline) }),
    authenticator,
    failures,
    tokens,
    uploads: createUploadReader(notary.after),
  });
}

/** The wire's clients come back with another token: only edits are events. */
function refusedOnWire(pipeline: PipelineParts): (context: Context, actor: string) => void {
  return (context, actor) => {
    const method = context.req.method === 'DELETE' ? 'delete' : 'post';
    if (context.req.method === 'GET' || context.req.method === 'HEAD') return;
    const route = { method, path: '/v2/{repository}/_trust/tuf/' } as const;
    const denied = { code: 'DENIED', status: 403 } as const;
    tellRefusal(pipeline, context, route, { actor }, requestIdOf(pipeline, context), denied);
  };
}

function mountServiceRoutes(
  mount: Mount,
  parts: TrustServerParts,
  pipeline: PipelineParts,
  all: readonly RouteDoc[],
): void {
  mount(docs.healthDoc, () => Response.json({ status: 'ok' }, { headers: { 'Cache-Control': 'no-store' } }));
  mount(docs.readyDoc, async () => {
    const { ready, checks } = await parts.service.readiness();
    const status = ready ? 200 : 503;
    return Response.json({ ready, checks }, { status, headers: { 'Cache-Control': 'no-store' } });
  });
  mount(docs.metricsDoc, async (context) => {
    const refused = await refuse(pipeline, context, docs.metricsDoc);
    if (refused !== undefined) return refused;
    return new Response(await pipeline.metrics.print(), { headers: { 'Content-Type': metricsContentType } });
  });
  const document = once(() => JSON.stringify(createOpenApiDocument(all, parts.version)));
  mount(docs.openApiDoc, () => new Response(document(), { headers: { 'Content-Type': 'application/json' } }));
  const page = once(() => renderDocs(all, parts.version));
  mount(docs.docsDoc, () => new Response(page(), { headers: { ...docsHeaders } }));
}

/** An answer when the caller may not; undefined lets the request pass. */
async function refuse(
  pipeline: PipelineParts,
  context: Context,
  doc: RouteDoc,
): Promise<Response | undefined> {
  const requestId = requestIdOf(pipeline, context);
  try {
    const repository = context.req.param('repository');
    const visitor = visitorOf(context);
    const { identity, refusal } = await judgeVisitor(pipeline.guard, visitor, doc.permission, repository);
    if (refusal === undefined) return undefined;
    const known = toKnownError(refusal, requestId, pipeline.log);
    if (identity !== undefined) tellRefusal(pipeline, context, doc, identity, requestId, known);
    return toResponse(printAnswer(answerOf(known)), requestId);
  } catch (error) {
    return fail(pipeline, context, error);
  }
}

function requestIdOf(pipeline: PipelineParts, context: Context): string {
  return readRequestId(context.req.header('x-request-id')) ?? pipeline.newRequestId();
}

function fail(pipeline: PipelineParts, context: Context, error: unknown): Response {
  const requestId = requestIdOf(pipeline, context);
  return toResponse(printAnswer(toErrorAnswer(error, requestId, pipeline.log)), requestId);
}

/** Why no route answered: a refused target, a method the path does not have, or no such path. */
function answerMiss(app: Hono, pipeline: PipelineParts, context: Context, hasWire: boolean): Response {
  const { path } = context.req;
  const target = rawTarget(context.req.raw, context.env);
  const onWire = hasWire && isNotaryTarget(target);
  if (path === refusedPath) {
    const reading = readTarget(target);
    const problem = 'problem' in reading ? reading.problem : 'the path is refused';
    return onWire ? refuseTarget(problem) : fail(pipeline, context, new TrustError('NAME_INVALID', problem));
  }
  const methods = ['GET', 'PUT', 'POST', 'DELETE'].filter(
    (method) => app.router.match(method, path)[0].length > 0,
  );
  const allow = (methods.includes('GET') ? ['HEAD', ...methods] : methods).join(', ');
  if (onWire) return explainWireMiss(context.req.method, allow);
  if (allow === '') {
    return fail(
      pipeline,
      context,
      new TrustError('ROUTE_UNKNOWN', 'there is nothing here; see /openapi.json'),
    );
  }
  return fail(
    pipeline,
    context,
    new TrustError('METHOD_NOT_ALLOWED', 'the method is not one of this path', { allow }),
  );
}

/** `/v2/{repository}` -> `/v2/:repository`, as the reading of targets leaves it. */
function toHonoPath(path: string): string {
  return path.replace(/^\/v2\/_trust(?=\/)/, fleetPath).replace(/\{([a-z]+)\}/g, ':$1');
}

function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
