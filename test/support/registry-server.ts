/** Starts a listener on a free loopback port, plain or TLS, and records what it was asked. */
import http, { type IncomingHttpHeaders, type RequestListener } from 'node:http';
import https from 'node:https';
import { TEST_CERTIFICATE, TEST_KEY } from './registry-tls.ts';

export interface RecordedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

export interface TestServer {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  /** `127.0.0.1:<port>`, the registry part of repository names. */
  readonly host: string;
  readonly requests: readonly RecordedRequest[];
  readonly close: () => Promise<void>;
}

export async function startServer(
  listener: RequestListener,
  options: { readonly tls?: boolean; readonly port?: number } = {},
): Promise<TestServer> {
  const requests: RecordedRequest[] = [];
  const recording: RequestListener = (request, response) => {
    requests.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers });
    listener(request, response);
  };
  const server = options.tls
    ? https.createServer({ cert: TEST_CERTIFICATE, key: TEST_KEY }, recording)
    : http.createServer(recording);
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const host = `127.0.0.1:${address.port}`;
  return {
    origin: `${options.tls ? 'https' : 'http'}://${host}`,
    host,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
