/** A server that answers as it is told, raw where HTTP libraries would not let it lie. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createSocketServer, type Server, type Socket } from 'node:net';

export interface RunningServer {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** Request lines seen so far: `GET /path`. */
  readonly requests: string[];
  /** The Authorization header of each request, or undefined. */
  readonly tokens: (string | undefined)[];
  close(): Promise<void>;
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** An HTTP server on a free port of the loopback. */
export async function startHttpServer(handler: Handler): Promise<RunningServer> {
  const requests: string[] = [];
  const tokens: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    tokens.push(request.headers.authorization);
    handler(request, response);
  });
  const url = await listen(server);
  return {
    url,
    requests,
    tokens,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A server that writes these bytes after the first request of each connection, then does what `after` says. */
export async function startRawServer(
  answer: string | Buffer,
  after: 'close' | 'hang',
): Promise<RunningServer> {
  const requests: string[] = [];
  const open = new Set<Socket>();
  const server = createSocketServer((socket) => {
    open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => open.delete(socket));
    socket.once('data', (data) => {
      requests.push(data.toString('latin1').split(' HTTP/')[0] ?? '');
      socket.write(answer);
      if (after === 'close') socket.end();
    });
  });
  const url = await listen(server);
  return {
    url,
    requests,
    tokens: [],
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

/** A port on which nobody listens. */
export async function unusedUrl(): Promise<string> {
  const server = await startRawServer('', 'close');
  await server.close();
  return server.url;
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://127.0.0.1:${address.port}`;
}
