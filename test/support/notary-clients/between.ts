/** Somebody between client and trust server: remembers every exchange, answers with old bytes, or lets others go first. */
import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request as send } from 'node:https';
import { TEST_CA, TEST_CERTIFICATE, TEST_KEY } from '../registry-tls.ts';

/** A request and what the client got for it. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly requestBody: Buffer;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Between {
  /** `https://127.0.0.1:<port>`, with a certificate from `ca`. */
  readonly url: string;
  readonly ca: string;
  /** In the order of the answers. */
  readonly exchanges: readonly Exchange[];
  /** The newest answer to a GET whose path ends so. @throws Error when there is none */
  last(pathEnd: string): Exchange;
  /** From now on every request for the exchange's path gets its answer, until `honest`. */
  replay(exchange: Exchange): void;
  honest(): void;
  /** The next upload waits until this work is done, and only then goes on to the server. */
  beforeNextUpload(work: () => Promise<unknown>): void;
  close(): Promise<void>;
}

export interface Upstream {
  readonly url: string;
  readonly ca: string;
}

export async function standBetween(upstream: Upstream): Promise<Between> {
  const exchanges: Exchange[] = [];
  const replayed = new Map<string, Exchange>();
  let first: (() => Promise<unknown>) | undefined;

  const answer = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = incoming.url ?? '/';
    const requestBody = await readAll(incoming);
    if (incoming.method === 'POST' && path.endsWith('/_trust/tuf/')) {
      const work = first;
      first = undefined;
      await work?.();
    }
    const exchange = replayed.get(path) ?? (await forward(upstream, incoming, requestBody));
    exchanges.push(exchange);
    response.writeHead(exchange.status, exchange.headers).end(exchange.body);
  };
  const server = createServer({ cert: TEST_CERTIFICATE, key: TEST_KEY }, (incoming, response) => {
    // The client sees a broken connection, the test what the client says about it.
    answer(incoming, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  return {
    url: `https://127.0.0.1:${port}`,
    ca: TEST_CA,
    exchanges,
    last: (pathEnd) => {
      const found = exchanges.findLast(({ method, path }) => method === 'GET' && path.endsWith(pathEnd));
      if (found === undefined) throw new Error(`nobody asked for ${pathEnd}`);
      return found;
    },
    replay: (exchange) => {
      replayed.set(exchange.path, exchange);
    },
    honest: () => replayed.clear(),
    beforeNextUpload: (work) => {
      first = work;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function forward(
  { url, ca }: Upstream,
  incoming: IncomingMessage,
  requestBody: Buffer,
): Promise<Exchange> {
  const { hostname, port } = new URL(url);
  const { method = 'GET', url: path = '/', headers } = incoming;
  // The path is forwarded as it came: a URL object would mend what the client sent.
  const outgoing = send({ host: hostname, port, ca, method, path, headers, agent: false });
  outgoing.end(requestBody);
  const [response]: [IncomingMessage] = (await once(outgoing, 'response')) as [IncomingMessage];
  const body = await readAll(response);
  const { 'transfer-encoding': _chunked, connection: _connection, ...kept } = response.headers;
  return {
    method,
    path,
    requestBody,
    status: response.statusCode ?? 0,
    headers: { ...kept, 'content-length': String(body.length) },
    body,
  };
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
