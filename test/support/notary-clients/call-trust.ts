/** Calls to a trust server; over TLS with an authority of its own, which `fetch` cannot be told. */
import { once } from 'node:events';
import { type IncomingMessage, request as requestPlain } from 'node:http';
import { request } from 'node:https';

export interface TrustOrigin {
  readonly url: string;
  /** Certificate authority of the server (PEM); without TLS it is not asked. */
  readonly ca: string;
}

export interface TrustAnswer {
  readonly status: number;
  readonly bytes: Buffer;
}

export interface TrustCall {
  readonly method?: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** For `Authorization: Bearer`; without one the call is anybody's. */
  readonly token?: string;
}

const callMs = 20_000;

/** @param path - from the origin on, with its slash */
export async function callTrust(
  { url, ca }: TrustOrigin,
  path: string,
  { method = 'GET', body, token }: TrustCall = {},
): Promise<TrustAnswer> {
  const send = url.startsWith('https:') ? request : requestPlain;
  const outgoing = send(new URL(path, url), {
    method,
    ca,
    agent: false,
    signal: AbortSignal.timeout(callMs),
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
  });
  outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  const [response]: [IncomingMessage] = (await once(outgoing, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return { status: response.statusCode ?? 0, bytes: Buffer.concat(chunks) };
}
