/** The Notary v1 wire as one list of routes, and the answers to what is none of them. */
import type { OwnRegistryTokens, RegistryTokens } from '@vidimus/access';
import type { Handler } from 'hono';
import type { RouteDoc } from '../../http/api-route.ts';
import { changefeedHandler, fleetChangefeedHandler } from './changefeed.ts';
import { endHandler, uploadHandler } from './edit-repository.ts';
import { healthHandler, pingHandler } from './ping-and-health.ts';
import { fileHandler } from './read-files.ts';
import { registryTokenHandler } from './registry-token.ts';
import { keyHandler, rotateKeyHandler } from './served-keys.ts';
import * as docs from './wire-docs.ts';
import { missing, notAllowed, type WireParts } from './wire-parts.ts';

export interface WireRoute {
  readonly doc: RouteDoc;
  readonly handler: Handler;
}

export function notaryRoutes(parts: WireParts): readonly WireRoute[] {
  const { tokens } = parts;
  return [
    { doc: docs.pingDoc, handler: pingHandler(parts) },
    { doc: docs.fileDoc, handler: fileHandler(parts, keyHandler(parts)) },
    { doc: docs.rotateKeyDoc, handler: rotateKeyHandler(parts) },
    { doc: docs.uploadDoc, handler: uploadHandler(parts) },
    { doc: docs.endDoc, handler: endHandler(parts) },
    { doc: docs.changefeedDoc, handler: changefeedHandler(parts) },
    { doc: docs.fleetChangefeedDoc, handler: fleetChangefeedHandler(parts) },
    { doc: docs.notaryHealthDoc, handler: healthHandler(parts) },
    ...(isOwn(tokens) ? [{ doc: docs.registryTokenDoc, handler: registryTokenHandler(parts, tokens) }] : []),
  ];
}

const ordinary: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE']);

/**
 * Why no route of the wire answered. The peer knows no such path for these methods, and allows no others.
 * @param allow - methods that the path has
 */
export function explainWireMiss(method: string, allow: string): Response {
  return allow === '' && ordinary.has(method) ? missing() : notAllowed(allow);
}

function isOwn(tokens: RegistryTokens): tokens is OwnRegistryTokens {
  return 'issue' in tokens;
}
