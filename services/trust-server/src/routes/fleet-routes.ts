/** What needs attention across all repositories. */
import { z } from '@hono/zod-openapi';
import { durationToMs } from '../duration.ts';
import { type ApiRoute, readRoute } from '../http/api-route.ts';
import { pageQuery, pageSchema, toPageBody, toPageRequest } from '../http/pages.ts';
import { durationSchema, fleetSummarySchema, repositoryRowSchema } from '../schemas/index.ts';
import type { TrustService } from '../service.ts';
import { noParams } from './path-params.ts';

const query = z.strictObject({
  ...pageQuery,
  prefix: z
    .string()
    .regex(/^[a-z0-9._:[\]/-]{1,255}$/, 'expected the beginning of a repository name')
    .optional(),
  problem: z
    .string()
    .regex(/^(any|[A-Z][A-Z_]{0,63})$/, 'expected "any" or the code of a problem')
    .optional(),
  expiring: durationSchema.optional(),
});

export function fleetRoutes(service: TrustService): readonly ApiRoute[] {
  return [
    readRoute({
      path: '/v2/_trust/repositories',
      permission: 'read',
      summary: 'List repositories and their problems',
      params: noParams,
      query,
      answers: {
        200: {
          description: 'A page of repositories, and counts over all that were chosen',
          schema: pageSchema(repositoryRowSchema).extend({ summary: fleetSummarySchema }),
        },
      },
      handle: async ({ query: { prefix, problem, expiring, ...page }, identity }) => {
        const filter = {
          mayRead: identity?.mayAccess ?? (() => false),
          ...(prefix === undefined ? {} : { prefix }),
          ...(problem === undefined ? {} : { problem }),
          ...(expiring === undefined ? {} : { expiringWithinMs: durationToMs(expiring) }),
        };
        return { status: 200, body: toPageBody(await service.listRepositories(filter, toPageRequest(page))) };
      },
    }),
  ];
}
