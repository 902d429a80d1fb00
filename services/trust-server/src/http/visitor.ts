/** What a request brings to say who it is from: from the connection and one header, never from a header about another. */
import type { Context } from 'hono';
import { remoteAddress } from './app-path.ts';
import type { Visitor } from './guard.ts';

export function visitorOf(context: Context): Visitor {
  return {
    authorization: context.req.header('authorization'),
    address: remoteAddress(context.env),
    certificate: () => peerCertificate(context.env),
  };
}

/**
 * DER of the certificate at the other end of the connection, if the TLS layer found that its chain leads to the
 * authority of the configuration. In-process calls have no connection, and so no certificate.
 */
export function peerCertificate(env: unknown): Uint8Array | undefined {
  const socket = memberOf(memberOf(env, 'incoming'), 'socket');
  // `authorized` is also true without a certificate where none was asked for: both are needed.
  if (memberOf(socket, 'authorized') !== true) return undefined;
  const read = memberOf(socket, 'getPeerX509Certificate');
  if (typeof read !== 'function') return undefined;
  const raw: unknown = memberOf(read.call(socket), 'raw');
  return raw instanceof Uint8Array && raw.length > 0 ? raw : undefined;
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
