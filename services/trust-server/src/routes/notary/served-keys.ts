/** `GET` and `POST …/_trust/tuf/{timestamp,snapshot}.key`: keys that the service holds for a client's repository. */
import type { JsonObject, JsonValue } from '@vidimus/canonical-json';
import type { Context, Handler } from 'hono';
import { TrustError } from '../../service.ts';
import { parseFileName } from './file-names.ts';
import {
  isServed,
  logged,
  manageScope,
  missing,
  notAllowed,
  pushScope,
  repositoryOf,
  type WireParts,
  wireHandler,
} from './wire-parts.ts';

/** The key of the role, made when there is none yet; asking again gives the same one. */
export function keyHandler(parts: WireParts): Handler {
  return wireHandler(parts, 'GetKey', (context, requestId) =>
    answerKey(parts, context, requestId, 'current'),
  );
}

/** A new key that waits until a root lists it. */
export function rotateKeyHandler(parts: WireParts): Handler {
  return wireHandler(
    parts,
    'RotateKey',
    (context, requestId) => answerKey(parts, context, requestId, 'rotate'),
    (context) => manageScope(repositoryOf(context)),
  );
}

async function answerKey(
  parts: WireParts,
  context: Context,
  requestId: string,
  mode: 'current' | 'rotate',
): Promise<Response> {
  const repository = repositoryOf(context);
  const name = parseFileName(context.req.param('file') ?? '');
  if (name === undefined || !isServed(parts, repository)) return missing();
  if (name.kind !== 'key') return notAllowed('GET, HEAD');
  const { role } = name;
  const scope = mode === 'rotate' ? manageScope(repository) : pushScope(repository);
  const visitor = await parts.door.admit(context, scope, mode === 'current' && parts.access === 'open');
  if (visitor instanceof Response) return visitor;
  const call = { actor: visitor.actor, requestId, mayCreate: visitor.holdsScope };
  const ask = async (): Promise<Response> => {
    const key = await parts.gates.run('edit', () => parts.service.notaryKey(call, repository, role, mode));
    return new Response(printKey(key), {
      headers: {
        'Content-Type': 'text/plain; charset=utf-8',
        'Cache-Control': 'no-store',
        'X-Content-Type-Options': 'nosniff',
      },
    });
  };
  return mode === 'rotate'
    ? await logged(parts, call, { route: 'RotateKey', repository, role }, ask)
    : await ask();
}

/** In the peer's order of members, without a line end. */
function printKey(key: JsonObject): string {
  const { keytype, keyval } = key;
  if (typeof keytype !== 'string' || !hasPublic(keyval) || typeof keyval['public'] !== 'string') {
    throw new TrustError('INTERNAL', 'a key object of another shape');
  }
  return JSON.stringify({ keytype, keyval: { public: keyval['public'], private: null } });
}

function hasPublic(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && 'public' in value;
}
