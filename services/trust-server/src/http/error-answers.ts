/** The one place where inner errors become wire codes (CONTRACTS C3). */
import { CanonicalJsonError } from '@vidimus/canonical-json';
import { type DatabaseErrorCode, toDatabaseError } from '@vidimus/database';
import { ReferenceFormatError } from '@vidimus/reference';
import { TrustError, type TrustErrorCode, type TrustErrorDetail } from '../service.ts';
import type { Answer } from './answer.ts';
import type { Log } from './log.ts';

const statusOf: Readonly<Record<TrustErrorCode, number>> = {
  UNAUTHORIZED: 401,
  DENIED: 403,
  NAME_INVALID: 400,
  BODY_INVALID: 400,
  KEY_INVALID: 400,
  THRESHOLD_INVALID: 400,
  CUSTODY_INVALID: 400,
  SIGNATURE_INVALID: 400,
  REPOSITORY_UNKNOWN: 404,
  TAG_UNKNOWN: 404,
  ROLE_UNKNOWN: 404,
  KEY_UNKNOWN: 404,
  CHANGE_UNKNOWN: 404,
  METADATA_UNKNOWN: 404,
  TOKEN_UNKNOWN: 404,
  ROUTE_UNKNOWN: 404,
  METHOD_NOT_ALLOWED: 405,
  REPOSITORY_EXISTS: 409,
  VERSION_CONFLICT: 409,
  CHANGE_CONFLICT: 409,
  CHANGE_CLOSED: 409,
  WOULD_BREAK: 409,
  IMPACT_CHANGED: 409,
  DIALECTS_DISAGREE: 409,
  DIALECT_INEXPRESSIBLE: 409,
  VERSION_UNCERTAIN: 409,
  // Another body under the same key; a request still in progress is 409, see below.
  IDEMPOTENCY_CONFLICT: 422,
  BODY_TOO_LARGE: 413,
  RATE_LIMITED: 429,
  BUSY: 503,
  SIGNER_UNAVAILABLE: 503,
  DATABASE_UNAVAILABLE: 503,
  INTERNAL: 500,
};

const defaultRetryAfterSeconds = 1;

/** What passes by itself or by an operator's hand; all others are faults of the program. */
const databaseIsAway: ReadonlySet<DatabaseErrorCode> = new Set<DatabaseErrorCode>([
  'UNAVAILABLE',
  'TIMEOUT',
  'READ_ONLY',
  'DISK_FULL',
  'SERIALIZATION',
  'CLOSED',
]);

/**
 * Turns whatever was thrown into an answer. What is not meant for callers becomes INTERNAL with the request
 * id alone, and is logged under it.
 */
export function toErrorAnswer(error: unknown, requestId: string, log: Log): Answer {
  return answerOf(toKnownError(error, requestId, log));
}

/** A known error as the API writes it. */
export function answerOf({ code, message, detail, status, headers }: KnownError): Answer {
  const entry = Object.keys(detail).length === 0 ? { code, message } : { code, message, detail };
  return { status, body: { errors: [entry] }, headers };
}

/** An error that callers may see, with the status it has here. */
export interface KnownError {
  readonly code: TrustErrorCode;
  readonly message: string;
  readonly detail: TrustErrorDetail;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** The same for wires that spell errors in their own way; logs what is ours to mend. */
export function toKnownError(error: unknown, requestId: string, log: Log): KnownError {
  const known = toTrustError(error);
  if (known === undefined || known.code === 'INTERNAL') {
    log.error({ err: toLoggable(error), requestId }, 'request failed');
    return withStatus(new TrustError('INTERNAL', `internal error, request ${requestId}`));
  }
  if (statusOf[known.code] >= 500) {
    log.warn({ err: toLoggable(error), requestId, code: known.code }, 'request refused');
  }
  return withStatus(known);
}

/** drizzle puts a query's values into its message: hashes of tokens and wrapped keys are not for the log. */
function toLoggable(error: unknown): unknown {
  return error instanceof TrustError ? error : (toDatabaseError(error) ?? error);
}

function toTrustError(error: unknown): TrustError | undefined {
  if (error instanceof TrustError) return error;
  if (error instanceof CanonicalJsonError) {
    const code = error.code === 'SIZE' ? 'BODY_TOO_LARGE' : 'BODY_INVALID';
    const place = error.offset === undefined ? {} : { offset: error.offset };
    return new TrustError(code, `not JSON of the strict kind: ${error.message}`, {
      json: error.code,
      ...place,
    });
  }
  if (error instanceof ReferenceFormatError) return new TrustError('NAME_INVALID', error.message);
  const database = toDatabaseError(error);
  if (database === undefined || !databaseIsAway.has(database.code)) return undefined;
  return new TrustError('DATABASE_UNAVAILABLE', 'the database cannot be used now', {}, { cause: error });
}

function withStatus(error: TrustError): KnownError {
  const { code, message, detail } = error;
  const status = code === 'IDEMPOTENCY_CONFLICT' && detail['inProgress'] === true ? 409 : statusOf[code];
  return { code, message, detail, status, headers: errorHeaders(error, status) };
}

function errorHeaders(error: TrustError, status: number): Record<string, string> {
  if (status === 401) return { 'WWW-Authenticate': 'Bearer realm="vidimus"' };
  if (status === 503 || status === 429) {
    const seconds = error.detail['retryAfterSeconds'];
    return { 'Retry-After': String(typeof seconds === 'number' ? seconds : defaultRetryAfterSeconds) };
  }
  const allow = error.detail['allow'];
  return status === 405 && typeof allow === 'string' ? { Allow: allow } : {};
}
