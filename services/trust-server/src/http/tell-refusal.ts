/** Every call that was refused to somebody known leaves an event; strangers are only counted, lest they fill the log. */
import type { Identity } from '@vidimus/access';
import type { Context } from 'hono';
import type { TrustErrorCode, TrustService } from '../service.ts';
import type { RouteDoc } from './api-route.ts';

export interface RefusalTeller {
  /** Writes an event; never throws. */
  readonly recordRefusal: TrustService['recordRefusal'];
}

/** Not about what was asked: who asks is not known, or asks too often. */
const aboutTheCaller: ReadonlySet<TrustErrorCode> = new Set<TrustErrorCode>(['UNAUTHORIZED', 'RATE_LIMITED']);

/** Every edit, and every read that was not the caller's. Nobody waits for the event. */
export function tellRefusal(
  { recordRefusal }: RefusalTeller,
  context: Context,
  route: Pick<RouteDoc, 'method' | 'path'>,
  { actor }: Pick<Identity, 'actor'>,
  requestId: string,
  { code, status }: { readonly code: TrustErrorCode; readonly status: number },
): void {
  const isRefusal = status >= 400 && status < 500 && !aboutTheCaller.has(code);
  if (!isRefusal || (route.method === 'get' && code !== 'DENIED')) return;
  const repository = context.req.param('repository');
  const named = repository === undefined ? {} : { repository };
  const method = route.method.toUpperCase();
  void recordRefusal({ actor, requestId, method, route: route.path, code, ...named });
}
