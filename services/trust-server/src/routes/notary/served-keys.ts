/** `GET` and `POST …/_trust/tuf/{timestamp,snapshot}.key`: keys that the service holds for a client's repository. */
import type { JsonObject, JsonValue } from '@vidimus/canonical-json';
import type { Context, Handler } from 'hono';
import { TrustError } from '../../service.ts';
import { parseFileName } from './file-names.ts';
import {
  isServed,
  manageScope,
  missing,
  notAllowed,
  pushScope,
  repositoryOf,
  type WireParts,
  type WireRequest,
  wireHandler,
} from './wire-parts.ts';

/** The key of the role, made when there is none yet; asking again gives the same one. */
export function keyHandler(parts: WireParts): Handler {
  return wireHandler(parts, 'GetKey', (context, request) => answerKey(parts, context, request, 'current'));
}

/** A new key that waits until a root lists it. */
export function rotateKeyHandler(parts: WireParts): Handler {
  return wireHandler(
    parts,
    'RotateKey',
    (context, request) => answerKey(parts, context, request, 'rotate'),
    (context) => manageScope(repositoryOf(context)),
  );
}

async function answerKey(
  parts: WireParts,
  context: Context,
  request: WireRequest,
  mode: 'current' | 'rotate',
): Promise<Response> {
  const repository = repositoryOf(context);
  const name = parseFileName(context.req.param('file') ?? '');
  if (name === undefined || !isServed(parts, repository)) return missing();
  if (name.kind !== 'key') return notAllowed('GET, HEAD');
  const scope = mode === 'rotate' ? manageScope(repository) : pushScope(repository);
  const visitor = await parts.door.admit(context, scope, mode === 'current' && parts.access === 'open');
  if (visitor instanceof Response) return visitor;
  const { actor } = visitor;
  if (mode === 'rotate') request.edit = { actor, repository };
  const call = { actor, requestId: request.id, mayCreate: visitor.holdsScope };
  const key = await parts.gates.run('edit', () => parts.service.notaryKey(call, repository, name.role, mode));
  return new Response(printKey(key), {
    headers: {
      'Content-Type': 'text/plain; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    },
  });
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
