/** The socket: plain or TLS, the address it got, and its orderly end. */

import { readFile } from 'node:fs/promises';
import { createServer as createPlainServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { getRequestListener } from '@hono/node-server';
import { closeGracefully, listenerOptions, loadTls, type TlsMaterial } from '@vidimus/trust-server';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import type { ServeSettings } from './serve-settings.ts';

/** Half of what an orchestrator waits before it kills. */
const drainMs = 8000;
const sweepMs = 50;

export interface Listening {
  readonly url: string;
  close(): Promise<void>;
}

type Fetch = Parameters<typeof getRequestListener>[0];

/** Undefined: no certificate of the operator's was named. @throws ListenerError */
export async function readTls({ tls }: ServeSettings, now: number): Promise<TlsMaterial | undefined> {
  return tls === undefined || tls === 'development' ? undefined : await loadTls(tls, { readFile, now });
}

/**
 * @param clientAuthorities - PEM; present: clients are asked for a certificate of theirs, and may have none
 * @throws CliError USAGE for an address that cannot be had
 */
export async function listen(
  settings: ServeSettings,
  tls: TlsMaterial | undefined,
  fetch: Fetch,
  clientAuthorities?: string,
): Promise<Listening> {
  const { host, port } = settings;
  const listener = getRequestListener(fetch);
  const server =
    tls === undefined
      ? createPlainServer(listenerOptions, listener)
      : createTlsServer(
          {
            ...listenerOptions,
            cert: Buffer.from(tls.cert),
            key: Buffer.from(tls.key),
            minVersion: tls.minVersion,
            ...(clientAuthorities === undefined ? {} : askForCertificate(clientAuthorities)),
          },
          listener,
        );
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(cannotListen(host, port, cause)));
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  const shown = host.includes(':') ? `[${host}]` : host;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${shown}:${bound}`,
    close: async () => {
      // A kept-alive connection becomes idle when its last answer is out, and would else last until the deadline.
      const sweep = setInterval(() => server.closeIdleConnections(), sweepMs);
      await closeGracefully(server, {
        deadlineMs: drainMs,
        after: (ms, callback) => {
          const timer = setTimeout(callback, ms);
          return () => clearTimeout(timer);
        },
      }).finally(() => clearInterval(sweep));
    },
  };
}

/** Who has none, or one of another authority, is anybody: anonymous reads go on. `authorized` of the socket tells. */
function askForCertificate(ca: string) {
  return { ca, requestCert: true, rejectUnauthorized: false } as const;
}

function cannotListen(host: string, port: number, cause: Error): CliError {
  const taken = 'code' in cause && cause.code === 'EADDRINUSE';
  return new CliError(
    'USAGE',
    exitCodes.usage,
    `cannot listen on ${host}:${port}: ${taken ? 'the port is in use' : cause.message}`,
    '--listen HOST:PORT, port 0 for any free one',
    { cause },
  );
}
