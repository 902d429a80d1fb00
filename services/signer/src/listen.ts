/** Where the signer listens: a Unix socket that only its owner reaches, or TLS with a certificate on both sides. */
import { chmod, unlink } from 'node:fs/promises';
import { createServer as createPlainServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { ensurePrivateDirectory } from '@vidimus/key-store';
import { MAX_SIGNER_CONNECTIONS, signerServerOptions } from './answer.ts';
import { SignerError } from './errors.ts';

/** Linux: sun_path has 108 bytes with the terminating NUL; Node cuts longer paths without an error. */
const MAX_SOCKET_PATH_BYTES = 107;
const DRAIN_MS = 8_000;

export type SignerAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | {
      readonly kind: 'tls';
      readonly host: string;
      readonly port: number;
      /** PEM. */
      readonly cert: string;
      readonly key: string;
      /** Clients must show a certificate that one of these signed. */
      readonly clientCa: string;
    };

export interface SignerListening {
  /** `unix:/path` or `https://host:port`, as `VIDIMUS_SIGNER` takes it. */
  readonly url: string;
  /** Lets running requests end, then closes. */
  close(): Promise<void>;
}

/** @throws SignerError CONFIG_INVALID for an address that cannot be had; KeyStoreError FILE_UNSAFE */
export async function listenSigner(
  address: SignerAddress,
  listener: RequestListener,
): Promise<SignerListening> {
  const server =
    address.kind === 'unix' ? createPlainServer(signerServerOptions, listener) : tlsServer(address, listener);
  server.maxConnections = MAX_SIGNER_CONNECTIONS;
  const url = address.kind === 'unix' ? await onSocket(server, address.path) : await onPort(server, address);
  return {
    url,
    close: () =>
      new Promise((resolve) => {
        const cut = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
        server.close(() => {
          clearTimeout(cut);
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}

function tlsServer(address: SignerAddress & { kind: 'tls' }, listener: RequestListener): Server {
  const { cert, key, clientCa } = address;
  try {
    return createTlsServer(
      {
        ...signerServerOptions,
        cert,
        key,
        ca: clientCa,
        requestCert: true,
        rejectUnauthorized: true,
        minVersion: 'TLSv1.3',
      },
      listener,
    );
  } catch (cause) {
    throw new SignerError(
      'CONFIG_INVALID',
      'the certificate, its key or the authority cannot be used',
      {},
      { cause },
    );
  }
}

async function onSocket(server: Server, path: string): Promise<string> {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) {
    throw new SignerError(
      'CONFIG_INVALID',
      `the path of a socket has at most ${MAX_SOCKET_PATH_BYTES} bytes`,
    );
  }
  // Between bind and chmod the socket has the mode of the umask: the directory keeps others away.
  await ensurePrivateDirectory(dirname(path));
  if (await answers(path)) throw new SignerError('CONFIG_INVALID', `another process listens on ${path}`);
  await unlinkStale(path);
  await start(server, () => server.listen(path), path);
  await chmod(path, 0o600);
  return `unix:${path}`;
}

async function onPort(server: Server, { host, port }: SignerAddress & { kind: 'tls' }): Promise<string> {
  await start(server, () => server.listen(port, host), `${host}:${port}`);
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  return `https://${host.includes(':') ? `[${host}]` : host}:${bound}`;
}

async function start(server: Server, listen: () => void, what: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new SignerError('CONFIG_INVALID', `cannot listen on ${what}: ${cause.message}`, {}, { cause })),
    );
    server.once('listening', resolve);
    listen();
  });
}

async function answers(path: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function unlinkStale(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'ENOENT') throw error;
  }
}
