/**
 * The one place where inner errors become answers of the Notary wire. Its clients read 400, 401 and 404, of a 400
 * the first 1,024 bytes and in them `detail.Error.Msg`; every other status is "unable to reach trust server".
 */
import { NotaryError, toWireError } from '@vidimus/notary';
import { type KnownError, toKnownError } from '../../http/error-answers.ts';
import type { Log } from '../../http/log.ts';
import { NamelessPartError } from '../../http/read-multipart.ts';

/** Codes of the wire that are no verdict on an upload; the last two are of Docker's registry, the peer has none. */
export type WireCode =
  | 'METADATA_NOT_FOUND'
  | 'NO_FILENAME'
  | 'INVALID_GUN'
  | 'INVALID_PARAMETERS'
  | 'UNAUTHORIZED'
  | 'UNKNOWN'
  | 'TOOMANYREQUESTS'
  | 'UNAVAILABLE';

const known: Readonly<Record<WireCode, { readonly status: number; readonly message: string }>> = {
  METADATA_NOT_FOUND: { status: 404, message: 'You have requested metadata that does not exist.' },
  NO_FILENAME: { status: 400, message: 'No file/role name provided.' },
  INVALID_GUN: { status: 400, message: 'The server does not support actions on images of this name.' },
  INVALID_PARAMETERS: { status: 400, message: 'The parameters provided are not valid.' },
  UNAUTHORIZED: { status: 401, message: 'authentication required' },
  UNKNOWN: { status: 500, message: 'unknown error' },
  TOOMANYREQUESTS: { status: 429, message: 'too many requests' },
  UNAVAILABLE: { status: 503, message: 'service unavailable' },
};

export interface WireAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** @param detail - JSON below 900 bytes; absent for none */
export function wireError(code: WireCode, detail?: unknown): WireAnswer {
  const { status, message } = known[code];
  const entry = detail === undefined ? { code, message } : { code, message, detail };
  return { status, body: `${JSON.stringify({ errors: [entry] })}\n` };
}

/** A reason in the form that the real clients show to their users. */
export const readable = (reason: string): object => ({ Name: 'ErrValidation', Error: { Msg: reason } });

export function toWireResponse(answer: WireAnswer): Response {
  return new Response(answer.body, {
    status: answer.status,
    headers: {
      'Content-Type': 'application/json; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      ...answer.headers,
    },
  });
}

/** The answer to whatever was thrown, UNAUTHORIZED excepted: a challenge needs the route's scope. */
export function toWireAnswer(error: unknown, requestId: string, log: Log): WireAnswer {
  if (error instanceof NotaryError) return toWireError(error);
  if (error instanceof NamelessPartError) return wireError('NO_FILENAME');
  return fromKnown(toKnownError(error, requestId, log), requestId);
}

function fromKnown(error: KnownError, requestId: string): WireAnswer {
  const { code, message, status, headers } = error;
  if (code === 'VERSION_CONFLICT') return toWireError(new NotaryError('VERSION', message));
  if (status === 404) return wireError('METADATA_NOT_FOUND', {});
  if (status === 429) return { ...wireError('TOOMANYREQUESTS'), headers };
  if (status === 503) return { ...wireError('UNAVAILABLE', readable(message)), headers };
  if (status >= 500) return wireError('UNKNOWN', { request: requestId });
  return toWireError(new NotaryError('INVALID_UPDATE', message));
}
