/** Hono's `getPath`: where in the routes a request goes, judged on the target as it came over the wire. */
import { LRUCache } from 'lru-cache';
import { readTarget, refusedPath } from './request-target.ts';

/** Targets whose reading is remembered: the metadata files that clients ask for again and again. */
const maxRemembered = 4_096;

/** A `getPath` with a memory of its own. Refused targets are not remembered: they would push out good ones. */
export function createAppPath(): (request: Request, options?: { readonly env?: unknown }) => string {
  const known = new LRUCache<string, string>({ max: maxRemembered });
  return (request, options) => {
    const target = rawTarget(request, options?.env);
    const remembered = known.get(target);
    if (remembered !== undefined) return remembered;
    const reading = readTarget(target);
    if ('problem' in reading) return refusedPath;
    known.set(target, reading.path);
    return reading.path;
  };
}

/**
 * The request target as received; `request.url` has been through a URL parser, which resolves dot segments.
 * In-process calls and tests have no connection: there the URL is all there is.
 */
export function rawTarget(request: Request, env: unknown): string {
  const received = incomingOf(env)?.url;
  if (typeof received === 'string') return received;
  const { url } = request;
  const host = url.indexOf('://') + 3;
  const slash = url.indexOf('/', host);
  return slash < 0 ? '/' : url.slice(slash);
}

/** The address of the other end of the connection. Headers that claim another one are not believed. */
export function remoteAddress(env: unknown): string {
  const socket: unknown = incomingOf(env)?.socket;
  if (typeof socket !== 'object' || socket === null || !('remoteAddress' in socket)) return 'unknown';
  return typeof socket.remoteAddress === 'string' ? socket.remoteAddress : 'unknown';
}

function incomingOf(env: unknown): { readonly url?: unknown; readonly socket?: unknown } | undefined {
  if (typeof env !== 'object' || env === null || !('incoming' in env)) return undefined;
  const { incoming } = env;
  return typeof incoming === 'object' && incoming !== null ? incoming : undefined;
}
