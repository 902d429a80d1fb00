/**
 * One HTTP request and its answer, bounded in time. Bodies are never decompressed: we ask for `identity` and
 * refuse everything else, so what is counted on the wire is what is read, and no bomb can unfold.
 */
import http, { type Agent, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { OciError } from './errors.ts';
import type { Timeouts } from './limits.ts';

export interface ExchangeRequest {
  readonly url: URL;
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly agent: Agent;
  readonly timeouts: Pick<Timeouts, 'connectMs' | 'idleMs'>;
  /** Milliseconds from the request to the last byte of the body. */
  readonly totalMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** An answer whose body has not been read; the reader must drain or destroy it. */
export interface Answer {
  readonly url: URL;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: IncomingMessage;
}

/** Bytes that are worth reading to keep a connection for the next request. */
const MAX_DRAINED_BYTES = 64 * 1024;

/**
 * Sends one request; follows nothing, retries nothing but a kept connection that the server had just closed.
 * @throws OciError UNREACHABLE (dns, connect, tls, timeout) or UNUSABLE (not HTTP, content coding)
 */
export async function exchange(request: ExchangeRequest): Promise<Answer> {
  const answer = await attempt(request, true);
  const coding = answer.headers['content-encoding'];
  if (coding === undefined || coding.toLowerCase() === 'identity') return answer;
  answer.body.destroy();
  throw new OciError('UNUSABLE', `${request.url.host} answered with a content coding nobody asked for`, {
    host: request.url.host,
    reason: 'content-encoding',
  });
}

/**
 * Reads a whole body of at most `maxBytes`.
 * @throws OciError TOO_LARGE, LENGTH_MISMATCH (ended early), UNREACHABLE (time-out)
 */
export async function readBody(answer: Answer, maxBytes: number): Promise<Buffer> {
  const { host } = answer.url;
  const tooLarge = (): OciError =>
    new OciError('TOO_LARGE', `${host} sent more than ${maxBytes} bytes`, { host, maxBytes });
  if (announcedLength(answer) > maxBytes) {
    answer.body.destroy();
    throw tooLarge();
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of bodyChunks(answer)) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

/** The body piece by piece; leaving the loop early destroys it. Its errors are OciErrors. */
export async function* bodyChunks(answer: Answer): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of answer.body) {
      yield Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    }
  } catch (cause) {
    if (cause instanceof OciError) throw cause;
    const { host } = answer.url;
    throw new OciError('LENGTH_MISMATCH', `${host} ended its answer early`, { host }, { cause });
  } finally {
    answer.body.destroy();
  }
}

/** Gives an answer back unread, keeping the connection where that is cheap. */
export function discard(answer: Answer): void {
  if (announcedLength(answer) <= MAX_DRAINED_BYTES) {
    answer.body.on('error', () => answer.body.destroy());
    answer.body.resume();
  } else answer.body.destroy();
}

/** `Content-Length` of an answer, or NaN when it does not say. */
export function announcedLength(answer: Answer): number {
  const text = answer.headers['content-length'];
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
}

function attempt(request: ExchangeRequest, mayRetry: boolean): Promise<Answer> {
  const { url, method, timeouts } = request;
  const start = url.protocol === 'https:' ? https.request : http.request;
  return new Promise((resolve, reject) => {
    let response: IncomingMessage | undefined;
    const sent = start(url, {
      method,
      agent: request.agent,
      headers: { ...request.headers, 'accept-encoding': 'identity' },
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
    const giveUp = (limit: string): void => {
      const error = new OciError('UNREACHABLE', `${url.host} took too long (${limit})`, {
        host: url.host,
        reason: 'timeout',
        limit,
      });
      if (response === undefined) sent.destroy(error);
      else response.destroy(error);
    };
    const total = setTimeout(() => giveUp('total'), request.totalMs);
    const connect = setTimeout(() => giveUp('connect'), timeouts.connectMs);
    sent.on('socket', (socket) => {
      if (!socket.connecting) clearTimeout(connect);
      else socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => clearTimeout(connect));
    });
    sent.setTimeout(timeouts.idleMs, () => giveUp('idle'));
    sent.on('close', () => {
      clearTimeout(connect);
      clearTimeout(total);
    });
    sent.on('error', (cause) => {
      if (mayRetry && sent.reusedSocket && response === undefined && codeOf(cause) === 'ECONNRESET') {
        attempt(request, false).then(resolve, reject);
      } else reject(toOciError(cause, url));
    });
    sent.on('response', (answered) => {
      response = answered;
      resolve({ url, status: answered.statusCode ?? 0, headers: answered.headers, body: answered });
    });
    sent.end(request.body);
  });
}

function toOciError(cause: unknown, url: URL): OciError {
  if (cause instanceof OciError) return cause;
  const code = codeOf(cause);
  const { host } = url;
  if (code.startsWith('HPE_')) {
    return new OciError('UNUSABLE', `${host} does not speak HTTP`, { host, reason: 'http' }, { cause });
  }
  const reason = unreachableReason(code, url);
  return new OciError(
    'UNREACHABLE',
    `${host} cannot be reached: ${code}`,
    { host, reason, cause: code },
    { cause },
  );
}

function unreachableReason(code: string, url: URL): string {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'dns';
  const system = /^E(CONN|HOST|NET|PIPE|TIMEDOUT|ADDR|ACCES)/.test(code);
  return url.protocol === 'https:' && !system ? 'tls' : 'connect';
}

function codeOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'UNKNOWN';
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.name;
}
