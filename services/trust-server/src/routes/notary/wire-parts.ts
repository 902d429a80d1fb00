/** What the routes of the Notary wire work with, and the frame around those that are not the hot path. */
import {
  type Authenticator,
  anonymousActor,
  type FailureLimiter,
  type RegistryTokens,
  type ResourceAccess,
  repositoryScope,
} from '@vidimus/access';
import type { Context, Handler } from 'hono';
import type { Gates } from '../../http/gate.ts';
import type { Log } from '../../http/log.ts';
import type { UploadReader } from '../../http/read-upload.ts';
import { readRequestId } from '../../http/request-headers.ts';
import type { HttpMetrics, NotaryOperation } from '../../metrics/http-metrics.ts';
import type { NotaryService } from '../../notary-service.ts';
import { TrustError, type TrustService } from '../../service.ts';
import type { Door } from './door.ts';
import { toWireAnswer, toWireResponse, wireError } from './wire-errors.ts';

/**
 * - `token`: reads are open where anonymous reads are on; uploads and keys need a credential
 * - `open`: reads and uploads need none; creating a repository, ending one and new keys do
 */
export type NotaryAccess = 'token' | 'open';

export interface WireParts {
  readonly service: NotaryService;
  readonly readiness: TrustService['readiness'];
  readonly access: NotaryAccess;
  readonly publicReads: boolean;
  /** Names that repositories may begin with; empty for any. */
  readonly gunPrefixes: readonly string[];
  readonly door: Door;
  readonly authenticator: Authenticator;
  readonly failures: FailureLimiter;
  readonly tokens: RegistryTokens;
  readonly gates: Gates;
  readonly uploads: UploadReader;
  readonly metrics: HttpMetrics;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly newRequestId: () => string;
}

export const pullScope = (repository: string): ResourceAccess => repositoryScope(repository, ['pull']);
export const pushScope = (repository: string): ResourceAccess =>
  repositoryScope(repository, ['push', 'pull']);
export const manageScope = (repository: string): ResourceAccess => repositoryScope(repository, ['*']);

export const repositoryOf = (context: Context): string => context.req.param('repository') ?? '';

/** Whether the service takes part in repositories of this name. */
export function isServed(parts: Pick<WireParts, 'gunPrefixes'>, repository: string): boolean {
  const { gunPrefixes } = parts;
  return gunPrefixes.length === 0 || gunPrefixes.some((prefix) => repository.startsWith(prefix));
}

const noSuchPath = wireError('METADATA_NOT_FOUND');
const noSuchFile = wireError('METADATA_NOT_FOUND', {});

/** The answer to what is no file, no key and no path of this wire. */
export const missing = (): Response => toWireResponse(noSuchPath);
/** The answer to a name of the right form: the peer tells the two apart. */
export const missingFile = (): Response => toWireResponse(noSuchFile);

/** As the peer: without a body. */
export function notAllowed(allow: string): Response {
  return new Response(null, { status: 405, headers: { Allow: allow, 'Cache-Control': 'no-store' } });
}

/** The answer to what was thrown where there is no frame around the request. */
export function failed(
  { log, newRequestId }: Pick<WireParts, 'log' | 'newRequestId'>,
  context: Context,
  error: unknown,
): Response {
  const requestId = readRequestId(context.req.header('x-request-id')) ?? newRequestId();
  return toWireResponse(toWireAnswer(error, requestId, log));
}

/** One request on its way. */
export interface WireRequest {
  readonly id: string;
  /** Set once the caller of an edit is known or let pass: the log then says what became of it. */
  edit?: { readonly actor: string; readonly repository: string };
}

/** Runs one request: its id, its errors, its count. `scope` is what a caller lacked whom the use case refuses. */
export function wireHandler(
  parts: WireParts,
  operation: NotaryOperation,
  work: (context: Context, request: WireRequest) => Promise<Response>,
  scope: (context: Context) => ResourceAccess = (context) => pushScope(repositoryOf(context)),
): Handler {
  return async (context) => {
    const started = parts.now();
    const request: WireRequest = {
      id: readRequestId(context.req.header('x-request-id')) ?? parts.newRequestId(),
    };
    const answer = await work(context, request).catch((error: unknown) =>
      error instanceof TrustError && error.code === 'UNAUTHORIZED'
        ? parts.door.challenge(context, scope(context))
        : toWireResponse(toWireAnswer(error, request.id, parts.log)),
    );
    answer.headers.set('X-Request-Id', request.id);
    parts.metrics.countNotary(operation, answer.status);
    const { edit } = request;
    // A stranger must not be able to fill the log with refusals.
    if (edit !== undefined && (edit.actor !== anonymousActor || answer.ok)) {
      const fields = { requestId: request.id, ...edit, operation, status: answer.status };
      parts.log.info({ ...fields, tookMs: parts.now() - started }, 'edit');
    }
    return answer;
  };
}
