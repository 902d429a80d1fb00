/** Calls to a running service, as programs make them: REST with a token, and metadata as anybody reads it. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ADMIN_TOKEN } from './service-process.ts';

const callMs = 20_000;

export interface CallAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Null sends none. */
  readonly token?: string | null;
}

/** One REST call; `path` begins with a slash. Rejects when the connection breaks. */
export async function callService(
  url: string,
  method: string,
  path: string,
  options: CallOptions = {},
): Promise<CallAnswer> {
  const token = options.token === undefined ? ADMIN_TOKEN : options.token;
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...options.headers,
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    signal: AbortSignal.timeout(callMs),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text === '' ? undefined : parse(text) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const errorSchema = z.object({ errors: z.array(z.object({ code: z.string() })).min(1) });

/** The code of an error answer; undefined for any other. */
export function codeOf({ body }: CallAnswer): string | undefined {
  const parsed = errorSchema.safeParse(body);
  return parsed.success ? parsed.data.errors[0]?.code : undefined;
}

/** A digest that differs for every text, as an image would. */
export function digestOf(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

/** Signs a tag; its digest is `digestOf(tag)` unless given. */
export function putTag(
  url: string,
  repository: string,
  tag: string,
  options: CallOptions & { readonly digest?: string } = {},
): Promise<CallAnswer> {
  const { digest = digestOf(tag), ...rest } = options;
  return callService(url, 'PUT', `/v2/${repository}/_trust/tags/${tag}`, {
    ...rest,
    body: { digest, size: 100 },
  });
}

/** Creates a repository whose keys the service holds, with the lifetimes given. */
export async function createManaged(
  url: string,
  repository: string,
  lifetimes: Readonly<Record<string, string>> = {},
): Promise<void> {
  const roles: Record<string, object> = { root: { keys: [{ custody: 'managed' }] } };
  for (const [role, expiresAfter] of Object.entries(lifetimes)) {
    roles[role] = { ...roles[role], expiresAfter };
  }
  const answer = await callService(url, 'PUT', `/v2/${repository}/_trust`, { body: { roles } });
  if (answer.status !== 201) throw new Error(`not created: ${JSON.stringify(answer.body)}`);
}
