/** One call of the REST API: JSON out, JSON in, the server's refusals as one error. */
import { z } from 'zod';
import { TrustClientError, type TrustClientErrorDetail, unusable } from '../errors.ts';
import type { HttpAnswer, HttpClient, HttpRequest } from '../http/http-client.ts';
import { MAX_ANSWER_BYTES } from '../http/http-limits.ts';
import { isHtml, unauthorized } from '../http/metadata-source.ts';
import { ErrorsSchema } from './answers.ts';

export interface RestCall {
  readonly method: HttpRequest['method'];
  /** Relative to the server; every segment encoded already. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RestAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** Longest text of a server's message that is passed on. */
const MAX_MESSAGE_LENGTH = 1024;

/**
 * The answer, if its status is 2xx.
 * @throws TrustClientError UNREACHABLE, UNUSABLE (5xx, HTML, no JSON), UNAUTHORIZED (401), REFUSED (other 4xx)
 */
export async function call(client: HttpClient, request: RestCall): Promise<RestAnswer> {
  const { method, path, body, headers } = request;
  const answer = await client.request({
    method,
    url: client.server + path,
    maxBytes: MAX_ANSWER_BYTES,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: new TextEncoder().encode(JSON.stringify(body)) }),
  });
  if (answer.status >= 200 && answer.status <= 299)
    return { status: answer.status, body: parse(answer, client.server) };
  throw refusal(answer, client.server);
}

/** The body as the schema says. @throws TrustClientError UNUSABLE */
export function read<Schema extends z.ZodType>(
  schema: Schema,
  body: unknown,
  server: string,
): z.infer<Schema> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const problem = z.prettifyError(result.error);
  throw unusable('body', `${server} answers in another shape than agreed`, { server, problem });
}

function parse(answer: HttpAnswer, server: string): unknown {
  if (isHtml(answer)) throw unusable('html', `${server} answers with a web page`, { server });
  if (answer.body.length === 0) return undefined;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(answer.body));
  } catch (cause) {
    throw unusable('body', `${server} answers with something that is not JSON`, { server }, { cause });
  }
}

function refusal(answer: HttpAnswer, server: string): TrustClientError {
  const { status } = answer;
  const told = toldError(answer);
  if (status === 401) return unauthorized(server);
  if (status >= 500 || status < 400 || told === undefined) {
    const detail: TrustClientErrorDetail = { server, status, ...(told && { serverCode: told.code }) };
    const because = told === undefined ? '' : `: ${told.message.slice(0, MAX_MESSAGE_LENGTH)}`;
    return unusable('status', `${server} answers ${status}${because}`, detail);
  }
  const detail = { server, status, serverCode: told.code, ...fixOf(told.detail) };
  return new TrustClientError('REFUSED', told.message.slice(0, MAX_MESSAGE_LENGTH), { detail });
}

function toldError(answer: HttpAnswer): z.infer<typeof ErrorsSchema>['errors'][number] | undefined {
  try {
    const told = ErrorsSchema.safeParse(JSON.parse(Buffer.from(answer.body).toString('utf8')));
    return told.success ? told.data.errors[0] : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Of a refusal's detail only what names the way out: an open change, the current version, a fix. */
function fixOf(detail: unknown): TrustClientErrorDetail {
  const known = z
    .object({ change: z.string(), fix: z.string(), hint: z.string() })
    .partial()
    .safeParse(detail);
  if (!known.success) return {};
  const { change, fix, hint } = known.data;
  return { ...(change && { change }), ...(fix && { fix }), ...(hint && { hint }) };
}
