/** Access tokens: who may do what, until when. */

import { z } from '@hono/zod-openapi';
import type { Identity } from '@vidimus/access';
import { type ApiRoute, editRoute, jsonBody, noBody, readRoute } from '../http/api-route.ts';
import { pageQuery, pageSchema, toPageBody, toPageRequest } from '../http/pages.ts';
import {
  createdTokenSchema,
  createTokenSchema,
  revokedTokenSchema,
  tokenIdSchema,
  tokenSchema,
} from '../schemas/index.ts';
import { TrustError } from '../service.ts';
import type { TokenService } from '../token-service.ts';
import { noParams } from './path-params.ts';

const path = '/v2/_trust/tokens';

export function tokenRoutes(service: TokenService): readonly ApiRoute[] {
  return [
    readRoute({
      path,
      permission: 'tokens',
      summary: 'List the tokens that the caller may end; never their secrets',
      params: noParams,
      query: z.strictObject(pageQuery),
      answers: { 200: { description: 'A page of tokens', schema: pageSchema(tokenSchema) } },
      handle: async ({ query, identity }) => ({
        status: 200,
        body: toPageBody(await service.listTokens(known(identity), toPageRequest(query))),
      }),
    }),
    editRoute({
      method: 'post',
      path,
      permission: 'grant',
      summary: 'Make a token that can do no more than the caller; its secret is shown this once',
      params: noParams,
      body: jsonBody(createTokenSchema),
      secrets: ['token'],
      answers: { 201: { description: 'Made', schema: createdTokenSchema } },
      handle: async ({ call, body, identity }) => {
        const created = await service.createToken(call, known(identity), body);
        return { status: 201, body: call.dryRun === true ? { ...created, dryRun: true } : created };
      },
    }),
    editRoute({
      method: 'delete',
      path: `${path}/{id}`,
      permission: 'tokens',
      summary: 'End a token, at once and everywhere',
      params: z.object({ id: tokenIdSchema }),
      body: noBody,
      answers: { 200: { description: 'Ended', schema: revokedTokenSchema } },
      handle: async ({ call, params, identity }) => {
        const revoked = await service.revokeToken(call, known(identity), params.id);
        return { status: 200, body: call.dryRun === true ? { ...revoked, dryRun: true } : revoked };
      },
    }),
  ];
}

/** These routes are never anonymous. */
function known(identity: Identity | undefined): Identity {
  if (identity === undefined) throw new TrustError('UNAUTHORIZED', 'a valid token is needed');
  return identity;
}
