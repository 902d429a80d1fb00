/** `GET /v2/`, which precedes every command of the clients, and `GET /_notary_server/health`. */
import { catalogScope } from '@vidimus/access';
import type { Handler } from 'hono';
import { failed, type WireParts } from './wire-parts.ts';

const plain = { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' } as const;

/**
 * 401 with the challenge, in `open` mode too: clients that are not challenged here never send a credential, so
 * nobody could create a repository. With a good credential, whatever it reaches, `{}`.
 */
export function pingHandler(parts: WireParts): Handler {
  return (context) => {
    if (context.req.header('authorization') === undefined) return parts.door.challenge(context, catalogScope);
    // Scopes are of repositories: here only whether the credential is good counts.
    const anything = { ...catalogScope, actions: [] };
    return parts.door.admit(context, anything, true).then(
      (visitor) => (visitor instanceof Response ? visitor : new Response('{}', { headers: plain })),
      (error: unknown) => failed(parts, context, error),
    );
  };
}

/** `{}`, or 503 with what is wrong by name. */
export function healthHandler(parts: WireParts): Handler {
  return async () => {
    const { ready, checks } = await parts.readiness();
    const failing = Object.entries(checks).filter(([, state]) => state !== 'ok');
    const body = ready
      ? {}
      : Object.fromEntries(failing.map(([name, state]) => [`${name} operational`, state]));
    return new Response(JSON.stringify(body), {
      status: ready ? 200 : 503,
      headers: { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store' },
    });
  };
}
