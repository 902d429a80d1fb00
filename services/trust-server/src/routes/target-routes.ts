/**
 * `GET /targets/<sha256>.<tag>`: manifest bytes for stock TUF clients. Our own client never asks here.
 * An attacker who could choose what is fetched would have a proxy into our network: only a digest that a
 * role vouches for now is asked for, only at the repository's own registry, only if the configuration names it.
 */

import { sha256Hex } from '@vidimus/crypto';
import { DIRECTORY_NAME } from '@vidimus/reference';
import type { Context, Handler } from 'hono';
import type { RouteDoc } from '../http/api-route.ts';
import type { Gates } from '../http/gate.ts';
import { maxManifestBytes } from '../http/limits.ts';
import { matchesEtag } from '../http/request-headers.ts';
import { tagSchema } from '../schemas/index.ts';
import { TrustError, type TrustService } from '../service.ts';

export const targetPath = '/v2/{repository}/_trust/targets/{file}';

/**
 * Gets a manifest by digest (`sha256:<hex>`), never more than `maxBytes`; undefined when the registry is not
 * one the service may contact, or has it not.
 */
export type FetchManifest = (
  repository: string,
  digest: string,
  maxBytes: number,
) => Promise<Uint8Array | undefined>;

export interface TargetParts {
  readonly service: Pick<TrustService, 'findTarget' | 'readEntryFile'>;
  readonly fetchManifest: FetchManifest;
  readonly gates: Gates;
  readonly publicReads: boolean;
  /** The route as documented. */
  readonly doc: RouteDoc;
  readonly refuse: (context: Context, doc: RouteDoc) => Promise<Response | undefined>;
  readonly fail: (context: Context, error: unknown) => Response;
}

/** Vouched bytes may be taken back: shared caches keep them only for a moment. */
const maxAgeSeconds = 60;

export function targetHandler(parts: TargetParts): Handler {
  return async (context) => {
    try {
      const refused = await parts.refuse(context, parts.doc);
      if (refused !== undefined) return refused;
      const repository = context.req.param('repository') ?? '';
      const file = context.req.param('file') ?? '';
      if (repository === DIRECTORY_NAME) return await answerEntry(parts, context, file);
      const { tag, sha256 } = parseTargetName(file);
      const bytes = await parts.gates.run('manifest', () => readTarget(parts, repository, tag, sha256));
      return answerTarget(context, bytes, sha256, parts.publicReads);
    } catch (error) {
      return parts.fail(context, error);
    }
  };
}

/** Targets of the directory are its entries, which the service itself has: `<folders of the pattern>/<sha256>.<rest>`. */
async function answerEntry(parts: TargetParts, context: Context, file: string): Promise<Response> {
  const [, folders = '', sha256 = '', name = ''] = /^((?:[^/]+\/)*)([0-9a-f]{64})\.([^/]+)$/.exec(file) ?? [];
  const bytes = await parts.gates.run('manifest', () => parts.service.readEntryFile(folders + name, sha256));
  if (bytes === undefined) throw unknown();
  return answerTarget(context, bytes, sha256, parts.publicReads);
}

function parseTargetName(file: string): { readonly sha256: string; readonly tag: string } {
  const [, sha256, tag] = /^([0-9a-f]{64})\.(.+)$/.exec(file) ?? [];
  if (sha256 === undefined || tag === undefined || !tagSchema.safeParse(tag).success) throw unknown();
  return { sha256, tag };
}

async function readTarget(
  parts: TargetParts,
  repository: string,
  tag: string,
  sha256: string,
): Promise<Uint8Array> {
  const target = await parts.service.findTarget(repository, tag, sha256);
  if (target === undefined) throw unknown();
  if (target.size > maxManifestBytes) throw unknown('the manifest is larger than this service passes on');
  const bytes = await parts.fetchManifest(repository, `sha256:${sha256}`, maxManifestBytes);
  if (bytes === undefined) {
    throw unknown(
      'pull it from the registry, or name the registry in service.registries of the configuration',
    );
  }
  // The registry may lie: what the signature names is the only thing that leaves here.
  if (bytes.length !== target.size || sha256Hex(bytes) !== sha256) {
    throw unknown('the registry answered with other bytes than were signed');
  }
  return bytes;
}

function answerTarget(context: Context, bytes: Uint8Array, sha256: string, isPublic: boolean): Response {
  const validators = {
    ETag: `"${sha256}"`,
    'Cache-Control': `${isPublic ? 'public' : 'private'}, max-age=${maxAgeSeconds}`,
  };
  const known = context.req.header('if-none-match');
  if (known !== undefined && matchesEtag(known, validators.ETag)) {
    return new Response(null, { status: 304, headers: validators });
  }
  return new Response(new Uint8Array(bytes), {
    headers: {
      'Content-Type': 'application/octet-stream',
      'Content-Length': String(bytes.length),
      'X-Content-Type-Options': 'nosniff',
      ...validators,
    },
  });
}

function unknown(hint?: string): TrustError {
  return new TrustError('METADATA_UNKNOWN', 'there is no such target', hint === undefined ? {} : { hint });
}
