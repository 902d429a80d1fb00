/**
 * The one place this room talks HTTP. Bound to one origin: the token goes there and nowhere else, and a
 * redirect to another origin (or from https to http) is refused, because it would choose a new server.
 */
import * as http from 'node:http';
import * as https from 'node:https';
import { rootCertificates } from 'node:tls';
import { systemCode, TrustClientError, unusable } from '../errors.ts';
import { DEFAULT_HTTP_LIMITS, type HttpLimits } from './http-limits.ts';
import { readBody } from './read-body.ts';

export interface HttpClientOptions {
  /** `http(s)://host[:port][/path]`; no user, query or fragment. */
  readonly server: string;
  /** Bearer token for this origin. */
  readonly token?: string;
  /** PEM certificates trusted in addition to the built-in authorities. */
  readonly ca?: string;
  readonly limits?: Partial<HttpLimits>;
}

export interface HttpRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE' | 'PATCH';
  /** Absolute, or relative to the server; must stay on its origin. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Most bytes of body read, after decompression. */
  readonly maxBytes: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Uint8Array;
}

export interface HttpClient {
  /** The server's URL, ending in `/`. */
  readonly server: string;
  /**
   * One request; redirects on the same origin are followed for GET. Any status is an answer.
   * @throws TrustClientError UNREACHABLE or UNUSABLE
   */
  request(request: HttpRequest): Promise<HttpAnswer>;
  /** Closes idle connections. */
  close(): void;
}

/** @throws TrustClientError OPTIONS_INVALID */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const server = parseServer(options.server);
  if (options.token !== undefined && !/^[\x21-\x7e]+$/.test(options.token)) {
    throw new TrustClientError('OPTIONS_INVALID', 'a token is printable ASCII without blanks');
  }
  const limits: HttpLimits = { ...DEFAULT_HTTP_LIMITS, ...options.limits };
  const agent =
    server.protocol === 'https:'
      ? new https.Agent({ keepAlive: true, ...authorities(options.ca) })
      : new http.Agent({ keepAlive: true });

  return {
    server: server.href,
    close: () => agent.destroy(),
    async request(request) {
      const deadline = new AbortController();
      const timer = setTimeout(() => deadline.abort(), limits.totalTimeoutMs);
      try {
        return await follow(request, {
          server,
          agent,
          limits,
          token: options.token,
          deadline: deadline.signal,
        });
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

interface Connection {
  readonly server: URL;
  readonly agent: http.Agent | https.Agent;
  readonly limits: HttpLimits;
  readonly token: string | undefined;
  readonly deadline: AbortSignal;
}

async function follow(request: HttpRequest, connection: Connection): Promise<HttpAnswer> {
  let url = sameOrigin(request.url, connection.server, connection.server);
  for (let redirects = 0; ; redirects += 1) {
    const answer = await exchangeOnce(url, request, connection);
    const location = answer.headers.location;
    if (answer.status < 300 || answer.status > 399 || answer.status === 304) return answer;
    if (request.method !== 'GET' || location === undefined) {
      throw unusable('redirect', 'the server answers with a redirect that cannot be followed');
    }
    if (redirects >= connection.limits.maxRedirects) {
      throw unusable('redirect', `more than ${connection.limits.maxRedirects} redirects`);
    }
    url = sameOrigin(location, url, connection.server);
  }
}

async function exchangeOnce(url: URL, request: HttpRequest, connection: Connection): Promise<HttpAnswer> {
  try {
    return await exchange(url, request, connection);
  } catch (error) {
    // A kept-alive connection that the server closed meanwhile says nothing about the server: once more, GET only.
    if (error instanceof ReusedConnectionClosed && request.method === 'GET') {
      return await exchange(url, request, connection);
    }
    throw error;
  }
}

class ReusedConnectionClosed extends TrustClientError {}

function exchange(url: URL, request: HttpRequest, connection: Connection): Promise<HttpAnswer> {
  const { limits, deadline } = connection;
  return new Promise((resolve, reject) => {
    if (deadline.aborted) {
      reject(timedOut(connection.server, 'total'));
      return;
    }
    const send = url.protocol === 'https:' ? https.request : http.request;
    const outgoing = send(url, {
      method: request.method,
      agent: connection.agent,
      headers: headersFor(request, connection.token),
    });
    let answered = false;
    let connectTimer: NodeJS.Timeout | undefined;

    const fail = (error: unknown): void => {
      finish();
      outgoing.destroy();
      reject(error);
    };
    const onDeadline = (): void => fail(timedOut(connection.server, 'total'));
    const finish = (): void => {
      clearTimeout(connectTimer);
      deadline.removeEventListener('abort', onDeadline);
    };
    deadline.addEventListener('abort', onDeadline, { once: true });

    outgoing.on('socket', (socket) => {
      if (!socket.connecting) return;
      connectTimer = setTimeout(() => fail(timedOut(connection.server, 'connect')), limits.connectTimeoutMs);
      socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => clearTimeout(connectTimer));
    });
    outgoing.setTimeout(limits.idleTimeoutMs, () => fail(timedOut(connection.server, 'idle')));
    outgoing.on('error', (error) => {
      if (!answered) fail(connectionError(error, connection.server, outgoing.reusedSocket));
    });
    outgoing.on('response', (response) => {
      answered = true;
      readBody(response, request.maxBytes)
        .then((body) => {
          finish();
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
        })
        .catch(fail);
    });
    outgoing.end(request.body);
  });
}

function headersFor(request: HttpRequest, token: string | undefined): http.OutgoingHttpHeaders {
  return {
    accept: 'application/json',
    'accept-encoding': 'gzip',
    'user-agent': 'vidimus',
    ...(request.body === undefined ? {} : { 'content-length': request.body.length }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...request.headers,
  };
}

function connectionError(error: unknown, server: URL, reused: boolean): TrustClientError {
  const code = systemCode(error) ?? 'unknown';
  const extra = { cause: error, detail: { server: server.origin, cause: code } };
  if (code.startsWith('HPE_')) {
    return unusable('protocol', `${server.origin} does not speak HTTP as it should`, extra.detail, extra);
  }
  const message = `${server.origin} cannot be reached: ${code}`;
  if (reused && (code === 'ECONNRESET' || code === 'EPIPE')) {
    return new ReusedConnectionClosed('UNREACHABLE', message, extra);
  }
  return new TrustClientError('UNREACHABLE', message, extra);
}

function timedOut(server: URL, phase: 'connect' | 'idle' | 'total'): TrustClientError {
  return new TrustClientError('UNREACHABLE', `${server.origin} did not answer in time`, {
    detail: { server: server.origin, cause: 'timeout', phase },
  });
}

function sameOrigin(target: string, base: URL, server: URL): URL {
  const url = URL.canParse(target, base.href) ? new URL(target, base) : undefined;
  // The origin holds the scheme: https never becomes http. A user name in a URL would be sent as credentials.
  if (url === undefined || url.origin !== server.origin || url.username !== '' || url.password !== '') {
    throw unusable('redirect', `${server.origin} points to another server`, { server: server.origin });
  }
  return url;
}

function parseServer(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url?.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (url === undefined || !plain || !['http:', 'https:'].includes(url.protocol)) {
    throw new TrustClientError(
      'OPTIONS_INVALID',
      'a trust server is http(s)://host[:port] without user or query',
    );
  }
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

function authorities(ca: string | undefined): https.AgentOptions {
  if (ca === undefined) return {};
  if (!ca.includes('-----BEGIN CERTIFICATE-----')) {
    // Silently trusting less or more than was meant is worse than stopping (NCC-8 in Notary's audit).
    throw new TrustClientError('OPTIONS_INVALID', 'the CA file holds no PEM certificate');
  }
  return { ca: [...rootCertificates, ca] };
}
