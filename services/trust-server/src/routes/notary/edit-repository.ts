/** `POST` and `DELETE …/_trust/tuf/`: an upload, all or nothing, and the end of a repository. */
import type { Handler } from 'hono';
import { readable, toWireResponse, wireError } from './wire-errors.ts';
import {
  isServed,
  manageScope,
  missing,
  pushScope,
  repositoryOf,
  type WireParts,
  wireHandler,
} from './wire-parts.ts';

/** The body is read only from who may send one. */
export function uploadHandler(parts: WireParts): Handler {
  return wireHandler(parts, 'UpdateTUF', async (context, request) => {
    const repository = repositoryOf(context);
    if (!isServed(parts, repository)) {
      return toWireResponse(
        wireError('INVALID_GUN', `Require GUNs with prefix: [${parts.gunPrefixes.join(' ').slice(0, 800)}]`),
      );
    }
    const visitor = await parts.door.admit(context, pushScope(repository), parts.access === 'open');
    if (visitor instanceof Response) return visitor;
    request.edit = { actor: visitor.actor, repository };
    const call = { actor: visitor.actor, requestId: request.id, mayCreate: visitor.holdsScope };
    return await parts.gates.run('upload', async () => {
      const files = await parts.uploads.read(context.req.raw);
      const named = files.map(({ filename, bytes }) => ({ role: toRole(filename), bytes }));
      await parts.service.updateNotary(call, repository, named);
      return empty();
    });
  });
}

/** Says yes to a repository that is not there, as the peer does. */
export function endHandler(parts: WireParts): Handler {
  return wireHandler(
    parts,
    'DeleteTUF',
    async (context, request) => {
      const repository = repositoryOf(context);
      if (!isServed(parts, repository)) return missing();
      const visitor = await parts.door.admit(context, manageScope(repository), false);
      if (visitor instanceof Response) return visitor;
      request.edit = { actor: visitor.actor, repository };
      const call = { actor: visitor.actor, requestId: request.id };
      await parts.gates.run('edit', () => parts.service.endNotary(call, repository));
      return empty();
    },
    (context) => manageScope(repositoryOf(context)),
  );
}

/** What a refused target was meant for cannot be told: the reason goes where clients look for one. */
export function refuseTarget(problem: string): Response {
  return toWireResponse(wireError('INVALID_GUN', readable(problem)));
}

/** One `.json` at the end is the client's habit, not part of the name. */
function toRole(filename: string): string {
  return filename.endsWith('.json') ? filename.slice(0, -'.json'.length) : filename;
}

function empty(): Response {
  return new Response(null, { headers: { 'Content-Length': '0', 'Cache-Control': 'no-store' } });
}
