/** A refusal as the Notary v1 wire spells it; what stands in it may be an attacker's. */
import { printable } from '@vidimus/reference';
import type { NotaryError, NotaryErrorCode } from '../errors.ts';

export interface WireError {
  readonly status: number;
  /** JSON and a newline, below `MAX_ERROR_BYTES`. */
  readonly body: string;
}

/** The real clients read this much of an error and no more: a longer body is no JSON to them. */
export const MAX_ERROR_BYTES = 1_024;

/** UTF-16 units of the message; shorter where they take many bytes. */
const MAX_MESSAGE = 600;

const messages: Readonly<Record<NotaryErrorCode, string>> = {
  MALFORMED_UPLOAD: 'The body of your request is malformed.',
  INVALID_ROLE: 'The role you are attempting to operate on is invalid.',
  MALFORMED_JSON: 'JSON sent by the client could not be parsed by the server',
  INVALID_UPDATE: 'Update sent by the client is invalid.',
  VERSION: 'A newer version of metadata is already available.',
};

/**
 * Status and body of a refusal. Every refusal has a reason that the real clients show: they look for
 * `detail.Error.Msg` and do not mind the code. Only INVALID_ROLE, which none of them can cause, names the role
 * instead.
 */
export function toWireError(error: NotaryError): WireError {
  for (let length = MAX_MESSAGE; ; length = Math.floor(length / 2)) {
    const body = `${JSON.stringify({ errors: [toEntry(error, length)] })}\n`;
    if (new TextEncoder().encode(body).length < MAX_ERROR_BYTES || length === 0) return { status: 400, body };
  }
}

interface Entry {
  readonly code: NotaryErrorCode;
  readonly message: string;
  readonly detail: unknown;
}

function toEntry(error: NotaryError, length: number): Entry {
  const { code, kind } = error;
  const message = messages[code];
  if (code === 'INVALID_ROLE') return { code, message, detail: printable(error.detail.role ?? '', length) };
  const Msg = printable(error.message, length);
  // As the peer has it: what is missing from a hierarchy is always the snapshot.
  const reason = kind === 'ErrBadHierarchy' ? { Missing: 'snapshot', Msg } : { Msg };
  return { code, message, detail: { Name: kind, Error: reason } };
}
