/** The protocol over HTTP: bounded bodies, one route each, every failure a code. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import {
  destroyRequestSchema,
  MAX_SIGNER_BODY_BYTES,
  makeKeyRequestSchema,
  signerPaths,
  signRequestSchema,
} from '@vidimus/key-store';
import type { z } from 'zod';
import type { SignerService } from './create-signer.ts';
import { SignerError, type SignerErrorCode } from './errors.ts';

/** Requests at work; each may hold a body. */
const MAX_RUNNING = 16;

const STATUS: Readonly<Record<SignerErrorCode, number>> = {
  BODY_INVALID: 400,
  BODY_TOO_LARGE: 413,
  ROUTE_UNKNOWN: 404,
  KEY_UNKNOWN: 404,
  KEY_SCOPE: 403,
  DOCUMENT_INVALID: 422,
  DOCUMENT_MISBOUND: 422,
  VERSION_USED: 409,
  VERSION_JUMP: 409,
  TIME_INVALID: 422,
  EXPIRY_TOO_FAR: 422,
  APPROVAL_NEEDED: 403,
  KEY_LOCKED: 503,
  BUSY: 503,
  RECORD_UNUSABLE: 500,
  CONFIG_INVALID: 500,
  INTERNAL: 500,
};

export interface AnswerParts {
  readonly signer: SignerService;
  /** Told of failures that are the signer's own. */
  readonly failed: (error: unknown) => void;
}

/** Answers the requests of a server that somebody else starts, with `signerServerOptions`. */
export function createSignerListener({ signer, failed }: AnswerParts): RequestListener {
  let running = 0;
  return (request, response) => {
    if (running >= MAX_RUNNING) {
      response.once('finish', () => request.destroy());
      refuse(response, new SignerError('BUSY', 'too many requests at once'));
      return;
    }
    running += 1;
    route(signer, request)
      .then((body) => send(response, 200, body))
      .catch(async (error: unknown) => {
        const known = error instanceof SignerError ? error : new SignerError('INTERNAL', 'the signer failed');
        if (STATUS[known.code] === 500) failed(error);
        refuse(response, known);
      })
      .catch(failed)
      .finally(() => {
        running -= 1;
      });
  };
}

/** For `node:http` and `node:https`: nobody holds a connection without asking something. */
export const signerServerOptions = {
  headersTimeout: 5_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 60_000,
  connectionsCheckingInterval: 5_000,
  maxHeaderSize: 8_192,
} as const;

/** To be set on the server. */
export const MAX_SIGNER_CONNECTIONS = 64;

async function route(signer: SignerService, request: IncomingMessage): Promise<unknown> {
  const what = `${request.method} ${request.url}`;
  switch (what) {
    case `GET ${signerPaths.health}`:
      return { ready: true };
    case `POST ${signerPaths.keys}`: {
      const { algorithm, ...place } = await read(signer, request, makeKeyRequestSchema);
      return await signer.makeKey(place, algorithm);
    }
    case `POST ${signerPaths.sign}`:
      return await signer.sign(await read(signer, request, signRequestSchema));
    case `POST ${signerPaths.destroy}`: {
      const { keyId, repository } = await read(signer, request, destroyRequestSchema);
      await signer.destroyKey(keyId, repository);
      return {};
    }
    default:
      await signer.refused('ROUTE_UNKNOWN');
      throw new SignerError('ROUTE_UNKNOWN', 'the signer has no such route');
  }
}

/** The body comes from whoever can connect. */
async function read<T>(signer: SignerService, request: IncomingMessage, schema: z.ZodType<T>): Promise<T> {
  try {
    const bytes = await readBytes(request);
    const parsed = schema.safeParse(parseText(bytes));
    if (parsed.success) return parsed.data;
    throw new SignerError('BODY_INVALID', 'not a request of this route', {
      where: parsed.error.issues[0]?.path.join('.') ?? '',
    });
  } catch (error) {
    await signer.refused(error instanceof SignerError ? error.code : 'BODY_INVALID');
    throw error;
  }
}

async function readBytes(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request) {
    if (!(chunk instanceof Uint8Array)) throw new SignerError('BODY_INVALID', 'not bytes');
    size += chunk.length;
    if (size > MAX_SIGNER_BODY_BYTES) throw new SignerError('BODY_TOO_LARGE', 'the body is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parseText(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw new SignerError('BODY_INVALID', 'the body is not JSON', {}, { cause });
  }
}

function refuse(response: ServerResponse, { code, message, detail }: SignerError): void {
  send(response, STATUS[code], { code, message, detail });
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent || response.destroyed) return;
  const text = JSON.stringify(body);
  // A body that was not read to its end must not be taken for the next request.
  const closes = status === 413 || status === 503;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...(closes ? { connection: 'close' } : {}),
  });
  response.end(text);
}
